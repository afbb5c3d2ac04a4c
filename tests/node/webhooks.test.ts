/**
 * A webhook from end to end, over real sockets: the bundle in a runtime of its own, its feed, its queue, its way out, and `npm run webhook:listen` at
 * the other end. What the other tests hold in their hand (the feed, the queue, fetch) is here as it is.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { exportJWK, generateKeyPair, SignJWT } from "jose"
import { convertV4MiniflareOptions, Miniflare } from "miniflare"
import { Webhook } from "standardwebhooks"
import { afterAll, beforeAll, expect, test } from "vitest"
import { unstable_getMiniflareWorkerOptions } from "wrangler"
import { buildBundle, bundleModules } from "../../scripts/bundle.ts"
import { applyMigrations } from "../../scripts/database.ts"
import { root, wranglerSetting } from "../../scripts/local.ts"
import { freshRing } from "../../scripts/ring.ts"
import { seed } from "../../scripts/seed.ts"
import { type Listening, listen } from "../../scripts/webhook-listen.ts"

const folder = mkdtempSync(join(tmpdir(), "selvage-webhooks-"))
let miniflare: Miniflare
let origin: URL
let token: string

beforeAll(async () => {
  const bundle = buildBundle(folder)
  const { privateKey, publicKey } = await generateKeyPair("EdDSA")
  const { workerOptions } = unstable_getMiniflareWorkerOptions(join(root, "wrangler.toml"))
  const pepper = freshRing()
  const bindings = {
    ...(workerOptions.bindings as Record<string, string>),
    ENVIRONMENT: "development",
    OUTBOUND_PRIVATE: "allow",
    TOKEN_PUBLIC_KEYS: JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: "hooks", alg: "EdDSA" }] }),
    CURSOR_SECRET: "c".repeat(43),
    PEPPER: pepper,
    KEK: freshRing(),
    REFRESH: freshRing(),
  }
  const modules = [...bundleModules(bundle)]
  const worker = { ...workerOptions, name: "selvage", bindings, modules, modulesRoot: folder }
  const quiet = { handleStructuredLogs: () => undefined }
  miniflare = new Miniflare(
    convertV4MiniflareOptions({ host: "127.0.0.1", port: 0, cf: false, ...quiet, workers: [worker] }),
  )
  origin = await miniflare.ready
  const database = (await miniflare.getD1Database("DB")) as unknown as D1Database
  await applyMigrations(database)
  await seed(database, pepper, () => undefined)
  const ada = await database.prepare("select id from users where email = 'ada@example.com'").first<{ id: string }>()
  token = await new SignJWT({ roles: [] })
    .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid: "hooks" })
    .setIssuer(wranglerSetting("TOKEN_ISSUER"))
    .setAudience(wranglerSetting("TOKEN_AUDIENCE"))
    .setSubject(ada?.id ?? "")
    .setIssuedAt()
    .setExpirationTime("5 minutes")
    .sign(privateKey)
}, 60_000)

afterAll(async () => {
  await miniflare?.dispose()
  rmSync(folder, { recursive: true })
})

// biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
async function call(method: string, path: string, body?: object): Promise<any> {
  const response = await fetch(new URL(path, origin), {
    method,
    headers: { Authorization: `Bearer ${token}`, ...(body ? { "Content-Type": "application/json" } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`)
  return response.json()
}

/** Listens, as the command does; `lines` is what it prints. */
async function listening(options: Partial<Listening>) {
  const lines: string[] = []
  const { server, url } = await listen({
    secret: null,
    port: 0,
    status: 200,
    print: (line) => void lines.push(line),
    ...options,
  })
  const close = () => new Promise<void>((resolve) => void server.close(() => resolve()).closeAllConnections())
  return { lines, url, port: Number(new URL(url).port), close }
}

async function until<T>(look: () => Promise<T | null> | T | null): Promise<T> {
  for (let turn = 0; turn < 300; turn++) {
    const found = await look()
    if (found !== null) return found
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error("It did not come")
}

test("a change reaches the listener, which verifies it; what it refuses is tried again", async () => {
  const first = await listening({})
  const { id: organizationId } = await call("POST", "/v1/organizations", { name: "Acme" })
  const { id: projectId } = await call("POST", "/v1/projects", { organizationId, name: "Launch" })
  const endpoint = await call("POST", "/v1/webhook_endpoints", {
    url: first.url,
    tenantId: organizationId,
    events: ["tasks.*"],
  })
  await call("POST", "/v1/tasks", { projectId, title: "Without a secret" })
  await until(() => first.lines.find((line) => line.includes("REFUSED: no secret was given")) ?? null)
  await first.close()

  const second = await listening({ port: first.port, secret: endpoint.secret })
  try {
    const task = await call("POST", "/v1/tasks", { projectId, title: "With one" })
    const verified = await until(() => second.lines.find((line) => line.includes(`"${task.id}"`)) ?? null)
    const at = second.lines.indexOf(verified)
    expect(second.lines[at - 1]).toMatch(/ verified event_/)
    expect(JSON.parse(verified)).toMatchObject({ type: "tasks.created", data: { record: { title: "With one" } } })
    const delivery = await until(async () => {
      const page = await call("GET", `/v1/webhook_deliveries?endpointId=${endpoint.id}`)
      return (
        page.items.find(
          (one: { recordId: string; status: string }) => one.recordId === task.id && one.status === "delivered",
        ) ?? null
      )
    })
    expect(delivery).toMatchObject({ attempts: 1, responseStatus: 200 })
    // The first was answered 400; it comes again by itself.
    await until(() => second.lines.find((line) => line.includes("Without a secret")) ?? null)
  } finally {
    await second.close()
  }
}, 60_000)

test("the listener refuses what does not verify, and answers what it was told to", async () => {
  const secret = `whsec_${btoa("a secret of thirty-two bytes ....")}`
  const { url, lines, close } = await listening({ secret, status: 503 })
  const body = JSON.stringify({ type: "tasks.created" })
  const at = new Date()
  const headers = {
    "webhook-id": "event_1",
    "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
    "webhook-signature": new Webhook(secret).sign("event_1", at, body),
  }
  const send = async (text: string) => (await fetch(url, { method: "POST", headers, body: text })).status
  try {
    expect([await send(body), await send(`${body} `), (await fetch(url)).status]).toEqual([503, 400, 400])
    expect(lines.filter((line) => line.includes("event_1")).map((line) => line.split(" ")[1])).toEqual([
      "verified",
      "REFUSED:",
    ])
    await expect(listen({ secret: "whsec_", port: 0, status: 200, print: () => undefined })).rejects.toThrow(/empty/)
  } finally {
    await close()
  }
})
