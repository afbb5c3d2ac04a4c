/**
 * `npm run accounts:figures`: what passwords and second factors cost. Builds the bundle as it would be uploaded, runs it on Miniflare and prints,
 * as a table for the README, the time of a hash, of sign-ins with a second factor, and how the memory of the runtime grows under concurrent
 * sign-ins. Needs Linux (/proc). Exits 1 when a sign-in
 * fails.
 */
import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { convertV4MiniflareOptions, Miniflare } from "miniflare"
import { unstable_getMiniflareWorkerOptions } from "wrangler"
import { argon2Defaults } from "../src/authentication/argon2-text.ts"
import { authenticator } from "../tests/support/authenticator.ts"
import { softPasskey } from "../tests/support/passkeys.ts"
import { placeAssets } from "./assets.ts"
import { applyMigrations } from "./database.ts"
import { root, Stop } from "./local.ts"

const people = 16
const signInsEach = 4
const hashes = 50
const rounds = 5

const folder = mkdtempSync(join(tmpdir(), "selvage-figures-"))

/** Builds what would be uploaded. Gives its folder. */
function build(name: string, ...options: string[]): string {
  const out = join(folder, name)
  const script = createRequire(import.meta.url)
    .resolve("wrangler/package.json")
    .replace("package.json", "bin/wrangler.js")
  const args = [script, "deploy", "--dry-run", "--minify", "--outdir", out, ...options]
  execFileSync(process.execPath, args, { cwd: root, env: { ...process.env, WRANGLER_SEND_METRICS: "false" } })
  return out
}

/** The modules of a bundle, the main one first. */
function modulesOf(bundle: string, main: string) {
  const wasm = readdirSync(bundle).filter((name) => name.endsWith(".wasm"))
  return [
    { type: "ESModule" as const, path: join(bundle, main) },
    ...wasm.map((name) => ({ type: "CompiledWasm" as const, path: join(bundle, name) })),
  ]
}

const common = { host: "127.0.0.1", port: 0, cf: false, logRequests: false, handleStructuredLogs: () => {} } as const

/** A Worker that computes hashes and nothing else, through the binding that the application uses. */
async function millisecondsPerHash(): Promise<number> {
  const source = join(folder, "hash.ts")
  const binding = JSON.stringify(join(root, "src/authentication/argon2.ts"))
  writeFileSync(
    source,
    `import { argon2id } from ${binding}
     const bytes = new TextEncoder().encode("correct horse battery staple"), salt = new Uint8Array(16)
     export default { async fetch(request) {
       const times = Number(new URL(request.url).searchParams.get("times"))
       for (let n = 0; n < times; n++) await argon2id(bytes, salt, ${JSON.stringify(argon2Defaults)}, 32)
       return new Response("done") } }`,
  )
  const date = /^compatibility_date = .*$/m.exec(readFileSync(join(root, "wrangler.toml"), "utf8"))?.[0]
  const config = join(folder, "hash.toml")
  writeFileSync(config, `name = "hash"\nmain = ${JSON.stringify(source)}\n${date}\n`)
  const bundle = build("hash", "-c", config)
  const { compatibilityDate } = unstable_getMiniflareWorkerOptions(config).workerOptions
  const worker = { name: "hash", modules: modulesOf(bundle, "hash.js"), modulesRoot: bundle, compatibilityDate }
  const miniflare = new Miniflare(convertV4MiniflareOptions({ ...common, workers: [worker] } as never))
  try {
    const origin = await miniflare.ready
    // The clock of a Worker stands still while it computes: measured from outside, the rest of a request subtracted.
    const time = async (times: number) => {
      const started = performance.now()
      await (await fetch(new URL(`/?times=${times}`, origin))).text()
      return performance.now() - started
    }
    await time(5)
    const each: number[] = []
    for (let round = 0; round < rounds; round++) each.push(((await time(1 + hashes)) - (await time(1))) / hashes)
    return median(each)
  } finally {
    await miniflare.dispose()
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN
}

/** The runtime that Miniflare started: the one child whose command line says so. */
function runtimeProcess(): number {
  for (const task of readdirSync("/proc/self/task")) {
    for (const child of readFileSync(`/proc/self/task/${task}/children`, "utf8").split(" ").filter(Boolean))
      if (readFileSync(`/proc/${child}/cmdline`, "utf8").includes("workerd")) return Number(child)
  }
  throw new Stop("Miniflare has no workerd process")
}

/** Resident memory in MB: now, and the most since `forget`. */
function memoryOf(pid: number) {
  const field = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024
  return {
    now: () => field("VmRSS"),
    peak: () => field("VmHWM"),
    forget: () => writeFileSync(`/proc/${pid}/clear_refs`, "5"),
  }
}

/** Secrets of this run. In the environment, too: wrangler warns of those that it finds nowhere. */
function freshSecrets(): Record<string, string> {
  const bytes = () => Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url")
  const ring = () => JSON.stringify({ current: "k1", keys: { k1: bytes() } })
  const secrets = { CURSOR_SECRET: bytes(), PEPPER: ring(), KEK: ring(), REFRESH: ring() }
  Object.assign(process.env, secrets)
  return secrets
}

/** Somebody of the measurement; each calls from an address of their own. */
function somebody(n: number) {
  const credentials = { email: `person-${n}@example.com`, password: `correct horse battery staple ${n}` }
  return { credentials, headers: { "Content-Type": "application/json", "CF-Connecting-IP": `100.64.0.${n + 1}` } }
}

/** A call: how long it took, and what was answered. */
async function timed(origin: URL, path: string, body: object, headers: Record<string, string>) {
  const started = performance.now()
  const response = await fetch(new URL(path, origin), { method: "POST", headers, body: JSON.stringify(body) })
  const text = await response.text()
  if (!response.ok) throw new Stop(`${path} answered ${response.status}: ${text}`)
  return { milliseconds: performance.now() - started, answer: JSON.parse(text) }
}

async function post(origin: URL, path: string, body: object, headers: Record<string, string>): Promise<number> {
  return (await timed(origin, path, body, headers)).milliseconds
}

/** What a second factor adds: the second half of a sign-in, by app, and a sign-in by passkey. Milliseconds, one of each person. */
async function measureFactors(origin: URL, all: readonly ReturnType<typeof somebody>[]) {
  const [codes, passkeys]: [number[], number[]] = [[], []]
  for (const { credentials, headers } of all) {
    const call = (path: string, body: object, token?: string) =>
      timed(origin, path, body, { ...headers, ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }) })
    const first = (await call("/v1/auth/sign-in", credentials)).answer
    const passkey = await softPasskey({ origin: "http://localhost:8787" })
    const making = (await call("/v1/factors/passkey", {}, first.accessToken)).answer
    const made = { state: making.state, credential: await passkey.create(making.options) }
    const added = (await call("/v1/factors/passkey/confirm", made, first.accessToken)).answer
    const token = added.session.accessToken
    const { state, secret } = (await call("/v1/factors/totp", {}, token)).answer
    const app = authenticator(secret)
    await call("/v1/factors/totp/confirm", { state, code: await app.next(), endOtherSessions: false }, token)
    const { ticket } = (await call("/v1/auth/sign-in", credentials)).answer
    codes.push((await call("/v1/auth/second-factor", { ticket, code: await app.next() })).milliseconds)
    const asked = (await call("/v1/auth/passkey", {})).answer
    const answer = { state: asked.state, credential: await passkey.get(asked.options) }
    passkeys.push((await call("/v1/auth/passkey/sign-in", answer)).milliseconds)
  }
  return { code: median(codes), passkey: median(passkeys) }
}

interface Figures {
  readonly base: number
  readonly first: number
  readonly peak: number
  readonly afterwards: number
  readonly alone: number
  readonly perSecond: number
  readonly factors: { readonly code: number; readonly passkey: number }
}

async function measureSignIns(): Promise<Figures> {
  placeAssets()
  const secrets = freshSecrets()
  const bundle = build("worker")
  const { workerOptions } = unstable_getMiniflareWorkerOptions(join(root, "wrangler.toml"))
  const state = join(folder, "state")
  mkdirSync(state)
  const own = { name: "selvage", modules: modulesOf(bundle, "index.js"), modulesRoot: bundle }
  const worker = {
    ...workerOptions,
    ...own,
    bindings: { ...(workerOptions.bindings as Record<string, string>), ...secrets, ENVIRONMENT: "development" },
  }
  const open = () =>
    new Miniflare(convertV4MiniflareOptions({ ...common, resourcePersistencePath: state, workers: [worker] } as never))
  const all = Array.from({ length: people }, (_, n) => somebody(n))
  // Made by another process: the one that is measured has not computed a hash yet.
  const maker = open()
  try {
    const origin = await maker.ready
    const database = (await maker.getD1Database("DB")) as unknown as D1Database
    await applyMigrations(database)
    for (const { credentials, headers } of all)
      await post(origin, "/v1/auth/sign-up", { ...credentials, name: "Somebody" }, headers)
    await database.prepare('update "users" set "emailVerifiedAt" = "createdAt"').run()
  } finally {
    await maker.dispose()
  }
  const measured = open()
  try {
    const origin = await measured.ready
    for (let n = 0; n < 50; n++) await (await fetch(new URL("/health/ready", origin))).text()
    const memory = memoryOf(runtimeProcess())
    const base = memory.now()
    const signIn = (n: number) => {
      const { credentials, headers } = all[n % people] as ReturnType<typeof somebody>
      return post(origin, "/v1/auth/sign-in", credentials, headers)
    }
    await signIn(0)
    const first = memory.now()
    memory.forget()
    const started = performance.now()
    await Promise.all(
      all.map(async (_, n) => {
        for (let time = 0; time < signInsEach; time++) await signIn(n)
      }),
    )
    const perSecond = (people * signInsEach * 1000) / (performance.now() - started)
    const peak = memory.peak()
    const alone: number[] = []
    for (let n = 0; n < people; n++) alone.push(await signIn(n))
    const afterwards = memory.now()
    return {
      base,
      first,
      peak,
      afterwards,
      alone: median(alone),
      perSecond,
      factors: await measureFactors(origin, all),
    }
  } finally {
    await measured.dispose()
  }
}

try {
  const { memoryKiB, passes, lanes } = argon2Defaults
  const perHash = await millisecondsPerHash()
  const { base, first, peak, afterwards, alone, perSecond, factors } = await measureSignIns()
  const rows = [
    [
      `a hash, Argon2id m=${memoryKiB} t=${passes} p=${lanes}, median of ${rounds} × ${hashes}`,
      `${perHash.toFixed(1)} ms`,
    ],
    ["a sign-in, one after another, median", `${alone.toFixed(0)} ms`],
    ["its second half by the code of an app, median", `${factors.code.toFixed(0)} ms`],
    ["a sign-in with a passkey alone, median", `${factors.passkey.toFixed(0)} ms`],
    [`sign-ins a second, ${people} at a time`, perSecond.toFixed(0)],
    ["memory of the runtime before the first hash", `${base.toFixed(0)} MB`],
    ["growth by the first sign-in", `${(first - base).toFixed(0)} MB`],
    [
      `growth at the peak of ${people} concurrent sign-ins (${people * signInsEach} in all)`,
      `${(peak - base).toFixed(0)} MB`,
    ],
    ["growth that stays", `${(afterwards - base).toFixed(0)} MB`],
  ]
  console.log(`| figure | measured |\n|---|---:|\n${rows.map((cells) => `| ${cells.join(" | ")} |`).join("\n")}`)
} catch (fault) {
  if (!(fault instanceof Stop)) throw fault
  console.error(fault.message)
  process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
