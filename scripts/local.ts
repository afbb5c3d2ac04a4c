/** The local installation: where things stand on disk, and the settings that `npm start` works with. */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { parseEnv } from "node:util"
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from "jose"

export const root = join(import.meta.dirname, "..")

/** Where `wrangler dev` keeps its databases, objects and caches. */
export const statePath = join(root, ".wrangler/state/v3")
export const migrationsPath = join(root, "migrations")
const devVarsPath = join(root, ".dev.vars")

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

/** A text setting of wrangler.toml, by its key. */
export function wranglerSetting(key: string): string {
  const found = new RegExp(`^${key}\\s*=\\s*"([^"]*)"`, "m").exec(readFileSync(join(root, "wrangler.toml"), "utf8"))
  if (!found) throw new Stop(`wrangler.toml has no ${key} = "…"`)
  return found[1] as string
}

/** A variable as the local Worker sees it: .dev.vars over wrangler.toml. */
export function localVariable(key: string): string {
  return readDevVars()[key] ?? wranglerSetting(key)
}

/** The private key that local tokens are signed with. */
export function localSigningKey(): JsonWebKey & { kid: string } {
  const text = readDevVars().LOCAL_SIGNING_KEY
  if (!text)
    throw new Stop("There is no LOCAL_SIGNING_KEY in .dev.vars: `npm start` writes one when the file is missing.")
  return JSON.parse(text)
}

/** Writes .dev.vars with fresh random secrets when it is missing. Says whether it did. */
export async function ensureDevVars(): Promise<boolean> {
  if (existsSync(devVarsPath)) return false
  const { privateKey } = await generateKeyPair("EdDSA", { extractable: true })
  const { d, ...open } = await exportJWK(privateKey)
  const kid = await calculateJwkThumbprint(open)
  const publicKey = { ...open, kid, alg: "EdDSA", use: "sig" }
  const lines = [
    "# Written by `npm start`. Local only; .dev.vars.example says what each is for.",
    'ENVIRONMENT="development"',
    `TOKEN_PUBLIC_KEYS='${JSON.stringify({ keys: [publicKey] })}'`,
    `CURSOR_SECRET="${Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url")}"`,
    `LOCAL_SIGNING_KEY='${JSON.stringify({ ...open, d, kid, alg: "EdDSA" })}'`,
  ]
  writeFileSync(devVarsPath, `${lines.join("\n")}\n`, { mode: 0o600 })
  return true
}

function readDevVars(): NodeJS.Dict<string> {
  if (!existsSync(devVarsPath)) throw new Stop("There is no .dev.vars: run `npm start` once.")
  return parseEnv(readFileSync(devVarsPath, "utf8"))
}
