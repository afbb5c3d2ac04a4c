/** The local installation: where things stand on disk, and the settings that `npm start` works with. Refuses settings that are not there. */
import { randomBytes } from "node:crypto"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join, resolve } from "node:path"
import { parseEnv } from "node:util"
import { freshRing } from "./ring.ts"

/** This repository; in the built package, the package (scripts/build.ts keeps the tools one folder below it, as they are here). */
export const root = join(import.meta.dirname, "..")

const named = process.argv.indexOf("--project")

/** The project that a script works on: this repository, or one of the same layout that `--project DIR` names. */
export const project = named === -1 ? root : resolve(process.argv[named + 1] ?? "")

/** All local state. `npm run reset` removes it. */
export const stateRoot = join(project, ".wrangler/state")

/** Where `wrangler dev` keeps its databases, objects and caches. */
export const statePath = join(stateRoot, "v3")
export const migrationsPath = join(project, "migrations")

/** Demo data, which a project may leave out. */
export const seedsPath = join(project, "src/app/seeds.ts")
const devVarsPath = join(project, ".dev.vars")

/** Ends the script with a sentence instead of a stack. */
export class Stop extends Error {}

/** Runs a script's main function; a `Stop` becomes its sentence and exit code 1. */
export async function run(main: () => Promise<void> | void): Promise<void> {
  try {
    await main()
  } catch (error) {
    if (!(error instanceof Stop)) throw error
    console.error(error.message)
    process.exitCode = 1
  }
}

/** Finds packages as the project's own files would: its wrangler and drizzle-kit are the ones that run. */
export const projectRequire = createRequire(join(project, "package.json"))

/** The script of wrangler, to be run with Node. */
export function wranglerPath(): string {
  return join(dirname(projectRequire.resolve("wrangler/package.json")), "bin/wrangler.js")
}

/** A text setting of wrangler.toml, by its key. */
export function wranglerSetting(key: string): string {
  const found = new RegExp(`^${key}\\s*=\\s*"([^"]*)"`, "m").exec(readFileSync(join(project, "wrangler.toml"), "utf8"))
  if (!found) throw new Stop(`wrangler.toml has no ${key} = "…"`)
  return found[1] as string
}

/** A variable as the local Worker sees it: .dev.vars over wrangler.toml. */
export function localVariable(key: string): string {
  return readDevVars()[key] ?? wranglerSetting(key)
}

/** A secret of .dev.vars; `Stop` when it is missing. */
export function localSecret(name: SecretName): string {
  const value = readDevVars()[name]
  if (!value) throw new Stop(`There is no ${name} in .dev.vars: run \`npm start\` once.`)
  return value
}

/** The secrets that the Worker asks for. */
export type SecretName = "CURSOR_SECRET" | "PEPPER" | "KEK" | "REFRESH"

/** What .dev.vars has to hold, as lines with fresh values. */
function freshLines(): ReadonlyMap<string, string> {
  const ring = (name: SecretName) => [name, `${name}='${freshRing()}'`] as const
  return new Map([
    ["ENVIRONMENT", 'ENVIRONMENT="development"'],
    ["CURSOR_SECRET", `CURSOR_SECRET="${randomBytes(32).toString("base64url")}"`],
    ring("PEPPER"),
    ring("KEK"),
    ring("REFRESH"),
  ])
}

/**
 * Completes .dev.vars with fresh random values. What stands there is never changed.
 * @returns the names that were added; `isNew` when there was no file
 */
export function ensureDevVars(path = devVarsPath): { readonly isNew: boolean; readonly added: readonly string[] } {
  const isNew = !existsSync(path)
  const text = isNew
    ? "# Written by `npm start`. Local only; .dev.vars.example says what each is for.\n"
    : readFileSync(path, "utf8")
  const present = parseEnv(text)
  const missing = [...freshLines()].filter(([name]) => !present[name])
  if (missing.length === 0) return { isNew, added: [] }
  const begun = text === "" || text.endsWith("\n") ? text : `${text}\n`
  writeFileSync(path, `${begun}${missing.map(([, line]) => line).join("\n")}\n`, { mode: 0o600 })
  return { isNew, added: missing.map(([name]) => name) }
}

function readDevVars(): NodeJS.Dict<string> {
  if (!existsSync(devVarsPath)) throw new Stop("There is no .dev.vars: run `npm start` once.")
  return parseEnv(readFileSync(devVarsPath, "utf8"))
}
