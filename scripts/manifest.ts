/** The package.json of what is packed, made from the repository's. Nothing of development is in it: no scripts, no tools but those it drives. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { root, Stop } from "./local.ts"

interface Repository {
  readonly name: string
  readonly version: string
  readonly description: string
  readonly license: string
  readonly engines: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
  readonly allowScripts: Readonly<Record<string, boolean>>
  /** openapi-typescript asks for a TypeScript 5 beside it; scripts/client.ts gives it another. */
  readonly overrides: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/** The package.json of this repository. */
export const repository: Repository = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))

/** What the package exports, by its place in it. */
export const entries = {
  selvage: "src/selvage.ts",
  worker: "src/worker.ts",
  schema: "src/database/schema.ts",
} as const

/** The version that this repository works with; `Stop` when it has no such dependency. */
export function versionOf(name: string): string {
  const version = repository.dependencies[name] ?? repository.devDependencies[name]
  if (version === undefined) throw new Stop(`package.json has no ${name}`)
  return version
}

/** The file of the tarball that `npm pack` makes. */
export const tarballName = `${repository.name}-${repository.version}.tgz`

/** The package.json of the package. */
export function manifest(): object {
  const { name, version, description, license, engines, dependencies } = repository
  const entry = (file: string) => ({ types: `./types/${file}.d.ts`, default: `./${file}.js` })
  const atLeast = (tool: string) => `^${versionOf(tool)}`
  return {
    name,
    version,
    description,
    license,
    type: "module",
    engines,
    exports: { ".": entry("selvage"), "./worker": entry("worker"), "./schema": entry("schema") },
    bin: { selvage: "./bin/selvage.js" },
    dependencies,
    // The project's own, so that one copy of each serves, tests and deploys it.
    peerDependencies: {
      "@cloudflare/workers-types": atLeast("@cloudflare/workers-types"),
      "drizzle-kit": atLeast("drizzle-kit"),
      wrangler: atLeast("wrangler"),
    },
  }
}
