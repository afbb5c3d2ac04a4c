/** A WebAssembly file, imported: wrangler and the vitest plugin give the compiled module. Nothing may compile one at run time. */
declare module "*.wasm" {
  const module: WebAssembly.Module
  export default module
}
