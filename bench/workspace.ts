/** Where the bench works: a temporary folder of its own, the bundles built into it, and a principal's token. */
import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createRequire, stripTypeScriptTypes } from "node:module"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { exportJWK, generateKeyPair, SignJWT } from "jose"
import { buildBundle, hastyMain } from "../scripts/bundle.ts"

export const root = join(import.meta.dirname, "..")
export const configPath = join(root, "wrangler.toml")

/** A folder that goes away with the process. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "selvage-bench-run-"))
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }))
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1))
  return folder
}

/** Runs wrangler and gives what it prints. Throws with that when it fails. */
export function wrangler(...options: string[]): string {
  const require = createRequire(import.meta.url)
  const script = require.resolve("wrangler/package.json").replace("package.json", "bin/wrangler.js")
  const env = { ...process.env, WRANGLER_SEND_METRICS: "false", NO_COLOR: "1" }
  try {
    return execFileSync(process.execPath, [script, ...options], { cwd: root, env, encoding: "utf8", stdio: "pipe" })
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string }
    throw new Error(`wrangler ${options[0]} failed:\n${stdout ?? ""}${stderr ?? ""}`)
  }
}

/** Builds what would be uploaded, with limits that a bench does not come to. Gives the path of the main module. */
export function buildWorker(folder: string, options: { readonly minify: boolean } = { minify: true }): string {
  return buildBundle(folder, hastyMain, options.minify ? "--minify" : "--minify=false")
}

/** Builds the public tasks, with their cache or without it. Gives the path of the main module. */
export function buildPublic(folder: string, isCached: boolean): string {
  const own = join(folder, isCached ? "cached" : "uncached")
  mkdirSync(own)
  const source = JSON.stringify(join(import.meta.dirname, "public.ts"))
  const main = join(own, "index.ts")
  writeFileSync(
    main,
    `import { publicWorker } from ${source}\nexport * from ${source}\nexport default publicWorker(${isCached})\n`,
  )
  return compile(own, main)
}

/** Builds the Worker of another wrangler.toml with the same tool and options. Gives the path of the main module. */
export function buildOther(folder: string, config: string, ...options: readonly string[]): string {
  const [, main] = /^main = "(?:.*\/)?(\w+)\.[jt]s"$/m.exec(readFileSync(config, "utf8")) as RegExpExecArray
  wrangler("deploy", "--dry-run", "--minify", "-c", config, "--outdir", folder, ...options)
  return join(folder, `${main}.js`)
}

/** Builds the handlers written by hand. */
export function buildBare(folder: string): string {
  return compile(folder, join(import.meta.dirname, "bare.ts"))
}

/** Builds a module in the place of the Worker's, with its settings. */
function compile(folder: string, main: string): string {
  const settings = readFileSync(configPath, "utf8").match(/^compatibility_\w+ = (?:\[[^\]]*\]|.*)$/gm) ?? []
  const name = basename(main, ".ts")
  const config = join(folder, `${name}.toml`)
  writeFileSync(config, [`name = "${name}"`, `main = ${JSON.stringify(main)}`, ...settings].join("\n"))
  wrangler("deploy", "--dry-run", "--minify", "-c", config, "--outdir", join(folder, name))
  return join(folder, name, `${name}.js`)
}

/** Puts the tracer in front of a bundle in `folder`. Gives the modules, the main one first. */
export function traced(folder: string, bundle: string): string[] {
  const source = readFileSync(join(import.meta.dirname, "tracer.ts"), "utf8").replaceAll(
    "../src/index.ts",
    "./index.js",
  )
  const path = join(folder, "tracer.js")
  writeFileSync(path, stripTypeScriptTypes(source))
  return [path, bundle]
}

/** What a Worker is configured with, and the tokens of users that it accepts. */
export interface Access {
  readonly variables: Readonly<Record<string, string>>
  /** The token of the user whom the access was made for. */
  readonly token: string
  /** A token of another user. */
  tokenOf(user: string): Promise<string>
}

/** Fresh keys, and tokens of a day: the bench must not end in the middle of a round. */
export async function grantAccess(user: string): Promise<Access> {
  const issuer = "https://bench.invalid"
  const { privateKey, publicKey } = await generateKeyPair("EdDSA", { extractable: true })
  const key = { ...(await exportJWK(publicKey)), kid: "bench", alg: "EdDSA", use: "sig" }
  const tokenOf = (subject: string) =>
    new SignJWT({ roles: [] })
      .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid: key.kid })
      .setIssuer(issuer)
      .setAudience("bench")
      .setSubject(subject)
      .setIssuedAt()
      .setExpirationTime("1 day")
      .sign(privateKey)
  const secret = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url")
  const ring = JSON.stringify({ current: "bench", keys: { bench: secret } })
  const variables = {
    ENVIRONMENT: "production",
    TOKEN_ISSUER: issuer,
    TOKEN_AUDIENCE: "bench",
    TOKEN_PUBLIC_KEYS: JSON.stringify({ keys: [key] }),
    CURSOR_SECRET: secret,
    PEPPER: ring,
    KEK: ring,
    REFRESH: ring,
    PUBLIC_URL: issuer,
    MAIL_FROM: "bench@selvage.invalid",
    CORS_ORIGINS: "",
  }
  return { variables, token: await tokenOf(user), tokenOf }
}
