/**
 * The types of the package: what tsc declares, and of that only what the entries reach. Specifiers end in `.js`, as every resolution of every
 * TypeScript reads them. Refuses a declaration that leads to a package which the tarball does not bring.
 */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join, relative } from "node:path"
import { root, Stop } from "./local.ts"
import { entries } from "./manifest.ts"

/** Specifiers of a declaration: `from "…"`, `import("…")`, `import "…"`. */
const specifiers = /(?<=\bfrom |\bimport\(|\bimport )"([^"]+)"/g

/** Runs tsc over the entries. */
function declare(folder: string): void {
  const config = join(folder, "tsconfig.json")
  const compilerOptions = {
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    rootDir: join(root, "src"),
    outDir: join(folder, "types"),
    typeRoots: [join(root, "node_modules")],
  }
  const files = Object.values(entries).map((path) => join(root, path))
  const wasm = join(root, "src/authentication/argon2-wasm.d.ts")
  const text = { extends: join(root, "tsconfig.json"), compilerOptions, include: [], files: [...files, wasm] }
  writeFileSync(config, JSON.stringify(text))
  const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc")
  const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", config], { cwd: root, encoding: "utf8" })
  if (status !== 0) throw new Stop(`The types cannot be declared:\n${stdout}`)
}

/**
 * Writes the declarations.
 * @param target the folder of the package
 * @param isBrought true for a package that is installed with ours
 */
export function writeDeclarations(target: string, isBrought: (specifier: string) => boolean): void {
  mkdirSync(join(root, "dist"), { recursive: true })
  const folder = mkdtempSync(join(root, "dist/declarations-"))
  try {
    declare(folder)
    const types = join(folder, "types")
    const waiting = Object.values(entries).map((path) => join(types, relative("src", path).replace(/\.ts$/, ".d.ts")))
    const reached = new Set<string>()
    for (let path = waiting.pop(); path; path = waiting.pop()) {
      if (reached.has(path)) continue
      reached.add(path)
      const from = dirname(path)
      const text = readFileSync(path, "utf8").replace(specifiers, (quoted, specifier: string) => {
        if (!specifier.startsWith(".")) {
          if (!isBrought(specifier)) throw new Stop(`The types lead to ${specifier}, which no dependency brings.`)
          return quoted
        }
        const next = join(from, specifier.replace(/\.ts$/, ".d.ts"))
        if (!existsSync(next)) throw new Stop(`${relative(types, path)} leads to ${specifier}, which is not declared.`)
        waiting.push(next)
        return `"${specifier.replace(/\.ts$/, ".js")}"`
      })
      const place = join(target, "types", relative(types, path))
      mkdirSync(dirname(place), { recursive: true })
      writeFileSync(place, text)
    }
    // Entries have short names; `schema` lies deeper.
    writeFileSync(join(target, "types/schema.d.ts"), 'export * from "./database/schema.js"\n')
  } finally {
    rmSync(folder, { recursive: true })
  }
}
