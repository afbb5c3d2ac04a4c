/**
 * Many requests at once in one isolate of the real runtime, where each request is a world of its own: what one waits for may belong to another that has
 * gone away. The other tests run in one request and cannot see that.
 */
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { convertV4MiniflareOptions, Miniflare } from "miniflare"
import { afterAll, beforeAll, expect, test } from "vitest"
import { unstable_getMiniflareWorkerOptions } from "wrangler"
import { buildBundle, bundleModules } from "../../scripts/bundle.ts"
import { root } from "../../scripts/local.ts"
import { freshRing } from "../../scripts/ring.ts"
import { statementsOf } from "../../src/database/migrations.ts"

const folder = mkdtempSync(join(tmpdir(), "selvage-caches-"))
const config = join(root, "examples/conduit/wrangler.toml")
let miniflare: Miniflare
let origin: string
let slug: string

beforeAll(async () => {
  const bundle = buildBundle(folder, "-c", config)
  const { workerOptions } = unstable_getMiniflareWorkerOptions(config)
  const bindings = {
    ...(workerOptions.bindings as Record<string, string>),
    ENVIRONMENT: "development",
    CURSOR_SECRET: "c".repeat(43),
    PEPPER: freshRing(),
    KEK: freshRing(),
    REFRESH: freshRing(),
  }
  const direct = { unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }] }
  const worker = {
    ...workerOptions,
    ...direct,
    name: "conduit",
    bindings,
    modules: [...bundleModules(bundle)],
    modulesRoot: folder,
  }
  const common = { host: "127.0.0.1", port: 0, cf: false, handleStructuredLogs: () => {} }
  miniflare = new Miniflare(convertV4MiniflareOptions({ ...common, workers: [worker] } as never))
  await miniflare.ready
  origin = (await miniflare.unsafeGetDirectURL("conduit")).origin
  const database = (await miniflare.getD1Database("DB")) as unknown as D1Database
  const migrations = join(root, "examples/conduit/migrations")
  for (const file of globSync("*.sql", { cwd: migrations }).sort()) {
    const statements = statementsOf(readFileSync(join(migrations, file), "utf8"))
    await database.batch(statements.map((sql) => database.prepare(sql)))
  }
  const user = { username: "ada", email: "ada@example.com", password: "kestrel-gravel-41" }
  const registered = await send("POST", "/users", null, { user })
  const { token } = ((await registered.json()) as { user: { token: string } }).user
  const article = { title: "Hello", description: "A greeting", body: "Hello, world", tagList: ["greetings"] }
  const written = await send("POST", "/articles", token, { article })
  slug = ((await written.json()) as { article: { slug: string } }).article.slug
}, 60_000)

afterAll(async () => {
  await miniflare?.dispose()
  rmSync(folder, { recursive: true })
})

let visitors = 0

function send(
  method: string,
  path: string,
  token: string | null,
  body?: object,
  signal?: AbortSignal,
): Promise<Response> {
  // A visitor each: an address is limited like a principal.
  const visitor = `198.18.${(++visitors >> 8) & 255}.${visitors & 255}`
  const headers = {
    "Content-Type": "application/json",
    "CF-Connecting-IP": visitor,
    ...(token === null ? {} : { Authorization: `Token ${token}` }),
  }
  const more = { ...(body ? { body: JSON.stringify(body) } : {}), ...(signal ? { signal } : {}) }
  return fetch(`${origin}/api${path}`, { method, headers, ...more })
}

const tripsOf = (response: Response) => Number(/trips=(\d+)/.exec(response.headers.get("X-Selvage-Cost") ?? "")?.[1])

test("a hundred visitors who ask for what nobody has asked for cost one round trip", async () => {
  for (const path of [`/articles/${slug}`, "/articles?limit=1", "/tags"]) {
    const all = await Promise.all(Array.from({ length: 100 }, () => send("GET", path, null)))
    const texts = await Promise.all(all.map((response) => response.text()))
    expect([path, new Set(all.map(({ status }) => status)), new Set(texts).size]).toEqual([path, new Set([200]), 1])
    expect([path, all.map(tripsOf).reduce((sum, trips) => sum + trips)]).toEqual([path, 1])
  }
})

test("visitors are answered though the one whose request they wait for goes away", async () => {
  for (let round = 0; round < 40; round++) {
    const path = `/articles?limit=5&offset=${1000 + round}`
    const leaving = new AbortController()
    const gone = send("GET", path, null, undefined, leaving.signal).catch((): null => null)
    const waiting = Array.from({ length: 20 }, () => send("GET", path, null))
    await new Promise((resolve) => setTimeout(resolve, round % 8))
    leaving.abort()
    const answers = await Promise.all(waiting)
    for (const answer of answers) {
      expect(answer.status).toBe(200)
      expect(await answer.json()).toMatchObject({ articles: [], articlesCount: 1 })
    }
    await gone
  }
}, 60_000)
