/**
 * The bundle as it would be uploaded, in a runtime without Node's modules, called over HTTP. The other tests cannot see a stray
 * `node:` import: their runner always switches Node compatibility on.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { exportJWK, generateKeyPair, SignJWT } from "jose"
import { convertV4MiniflareOptions, Miniflare } from "miniflare"
import { afterAll, beforeAll, expect, test } from "vitest"
import { unstable_getMiniflareWorkerOptions } from "wrangler"
import { applyMigrations } from "../../scripts/database.ts"
import { root, wranglerSetting } from "../../scripts/local.ts"
import { seed } from "../../scripts/seed.ts"

const folder = mkdtempSync(join(tmpdir(), "selvage-smoke-"))
const bundle = join(folder, "index.js")
let miniflare: Miniflare
let origin: URL
let token: string

beforeAll(async () => {
  const args = ["deploy", "--dry-run", "--outdir", folder]
  const build = spawnSync(join(root, "node_modules/.bin/wrangler"), args, { cwd: root, encoding: "utf8" })
  expect(build.status, build.stdout + build.stderr).toBe(0)

  const { privateKey, publicKey } = await generateKeyPair("EdDSA")
  const { workerOptions } = unstable_getMiniflareWorkerOptions(join(root, "wrangler.toml"))
  const bytes = () => Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url")
  const ring = () => JSON.stringify({ current: "k1", keys: { k1: bytes() } })
  const bindings = {
    ...(workerOptions.bindings as Record<string, string>),
    ENVIRONMENT: "production",
    TOKEN_PUBLIC_KEYS: JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: "smoke", alg: "EdDSA" }] }),
    CURSOR_SECRET: bytes(),
    PEPPER: ring(),
    KEK: ring(),
    REFRESH: ring(),
    PUBLIC_URL: "https://selvage.test",
    MAIL_FROM: "no-reply@selvage.test",
  }
  const modules = [{ type: "ESModule" as const, path: bundle }]
  const worker = { ...workerOptions, name: "selvage", bindings, modules, modulesRoot: folder }
  miniflare = new Miniflare(convertV4MiniflareOptions({ host: "127.0.0.1", port: 0, cf: false, workers: [worker] }))
  origin = await miniflare.ready
  const database = (await miniflare.getD1Database("DB")) as unknown as D1Database
  await applyMigrations(database)
  await seed(database)

  const ada = await database.prepare("select id from users where email = 'ada@example.com'").first<{ id: string }>()
  token = await new SignJWT({ roles: [] })
    .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid: "smoke" })
    .setIssuer(wranglerSetting("TOKEN_ISSUER"))
    .setAudience(wranglerSetting("TOKEN_AUDIENCE"))
    .setSubject(ada?.id ?? "")
    .setIssuedAt()
    .setExpirationTime("1 minute")
    .sign(privateKey)
}, 60_000)

afterAll(async () => {
  await miniflare?.dispose()
  rmSync(folder, { recursive: true })
})

test("the bundle imports nothing of Node", () => {
  expect(readFileSync(bundle, "utf8")).not.toMatch(/(from|import|require)\s*\(?\s*["']node:/)
})

test("it lives and is ready", async () => {
  for (const path of ["/health/live", "/health/ready"]) {
    const response = await fetch(new URL(path, origin))
    expect([path, response.status]).toEqual([path, 200])
    await response.body?.cancel()
  }
})

test("it describes itself", async () => {
  const response = await fetch(new URL("/openapi.json", origin))
  expect(response.status).toBe(200)
  expect(await response.json()).toMatchObject({ openapi: expect.stringMatching(/^3\.1/), paths: { "/v1/tasks": {} } })
})

test("it serves the documentation page and its script, and lets it load nothing from elsewhere", async () => {
  const page = await fetch(new URL("/docs", origin))
  expect(page.status).toBe(200)
  expect(page.headers.get("content-security-policy")).toMatch(/default-src '(none|self)'/)
  const html = await page.text()
  const script = /<script[^>]*src="([^"]+)"/.exec(html)?.[1] ?? ""
  const asset = await fetch(new URL(script, origin))
  expect([script, asset.status]).toEqual([script, 200])
  expect((await asset.text()).length).toBeGreaterThan(1_000_000)
})

test("it answers who it knows, and nobody else", async () => {
  const url = new URL("/v1/tasks?limit=3", origin)
  const known = await fetch(url, { headers: { Authorization: `Bearer ${token}` } })
  expect(known.status).toBe(200)
  expect(((await known.json()) as { items: unknown[] }).items).toHaveLength(3)
  const unknown = await fetch(url)
  expect(unknown.status).toBe(401)
  await unknown.body?.cancel()
})
