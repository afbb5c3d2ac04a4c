/**
 * `npm run build`: the package, into dist/package: JavaScript and types of the entries, the command line tool, the documentation page's
 * script, and a package.json of its own. Refuses to build what would not run elsewhere: a package that no dependency brings, Node's modules
 * in what the Worker loads, the runtime's modules in what plain Node loads.
 */
import { chmodSync, copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { isBuiltin } from "node:module"
import { join, relative } from "node:path"
import { build, type OutputChunk } from "rolldown"
import { placeAssets } from "./assets.ts"
import { writeDeclarations } from "./declarations.ts"
import { placeGraphiql } from "./graphiql.ts"
import { root, run, Stop } from "./local.ts"
import { entries, manifest, repository } from "./manifest.ts"

/** Where the package is built. */
export const packagePath = join(root, "dist/package")

/** Brought in as code: what hashes the demo passwords is not worth a dependency of everybody's. */
const inlined = /^@noble\/hashes\//

const tools = ["wrangler", "drizzle-kit"]

function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/")
}

/** True for what is installed with the package, or is part of where it runs. */
function isBrought(specifier: string): boolean {
  const name = packageOf(specifier)
  return specifier.startsWith("cloudflare:") || name in repository.dependencies || tools.includes(name)
}

function isExternal(specifier: string): boolean {
  if (specifier.startsWith(".") || specifier.startsWith("/") || inlined.test(specifier)) return false
  return true
}

/** Everything that a chunk loads, at once or later. */
function loadedBy(file: string, chunks: ReadonlyMap<string, OutputChunk>, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen
  seen.add(file)
  const { imports = [], dynamicImports = [] } = chunks.get(file) ?? {}
  for (const next of [...imports, ...dynamicImports]) loadedBy(next, chunks, seen)
  return seen
}

function refuseStrangers(output: readonly OutputChunk[]): void {
  const chunks = new Map(output.map((chunk) => [chunk.fileName, chunk]))
  for (const specifier of output.flatMap(({ imports, dynamicImports }) => [...imports, ...dynamicImports])) {
    if (!chunks.has(specifier) && !isBrought(specifier) && !isBuiltin(specifier))
      throw new Stop(`${specifier} would be loaded, and no dependency of the package brings it.`)
  }
  for (const name of Object.keys(entries)) {
    for (const loaded of loadedBy(`${name}.js`, chunks)) {
      if (isBuiltin(loaded)) throw new Stop(`${name} loads ${loaded}: it has to run without Node.`)
      if (name !== "worker" && loaded.startsWith("cloudflare:"))
        throw new Stop(`${name} loads ${loaded}: drizzle-kit loads it in plain Node.`)
    }
  }
  const foreign = output.flatMap(({ moduleIds }) => moduleIds).filter((id) => id.includes("/node_modules/"))
  for (const id of foreign) {
    const specifier = id.slice(id.lastIndexOf("/node_modules/") + "/node_modules/".length)
    if (!inlined.test(specifier)) throw new Stop(`${specifier} would be copied into the package.`)
  }
}

async function writeJavaScript(): Promise<void> {
  const input = Object.entries(entries).map(([name, path]) => [name, join(root, path)])
  const { output } = await build({
    cwd: root,
    input: { ...Object.fromEntries(input), cli: join(root, "scripts/cli.ts") },
    external: isExternal,
    platform: "neutral",
    // A script that is part of the tool is never the one that was started; the tool calls it.
    transform: { target: "es2023", define: { "import.meta.main": "false" } },
    output: {
      dir: packagePath,
      format: "esm",
      // One folder below the package, all of them: scripts/local.ts finds the package from there.
      entryFileNames: ({ name }) => (name === "cli" ? "bin/selvage.js" : `${name}.js`),
      chunkFileNames: "chunks/[name].js",
    },
    logLevel: "warn",
  })
  refuseStrangers(output.filter((one) => one.type === "chunk"))
}

/** Builds the package anew. Gives its folder. */
export async function buildPackage(): Promise<string> {
  rmSync(packagePath, { recursive: true, force: true })
  mkdirSync(packagePath, { recursive: true })
  await writeJavaScript()
  chmodSync(join(packagePath, "bin/selvage.js"), 0o755)
  writeDeclarations(packagePath, isBrought)
  placeAssets(join(packagePath, "assets"))
  await placeGraphiql(join(packagePath, "assets/_docs"))
  for (const name of ["README.md", "LICENSE"]) copyFileSync(join(root, name), join(packagePath, name))
  writeFileSync(join(packagePath, "package.json"), `${JSON.stringify(manifest(), null, 2)}\n`)
  return packagePath
}

if (import.meta.main) await run(async () => console.log(`Built ${relative(root, await buildPackage())}.`))
