/**
 * The Worker of the suite, built and in workerd, once for all files: one organization with a person for each door, and another organization. A second
 * address answers what no door tells: what stands in the log, and it empties a limit.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { createServer, type IncomingMessage, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { exportJWK, generateKeyPair, type JWK } from "jose"
import { convertV4MiniflareOptions, Miniflare } from "miniflare"
import type { TestProject } from "vitest/node"
import { unstable_getMiniflareWorkerOptions } from "wrangler"
import { buildBundle, bundleModules } from "../../scripts/bundle.ts"
import { applyMigrations } from "../../scripts/database.ts"
import { root } from "../../scripts/local.ts"
import { freshRing } from "../../scripts/ring.ts"
import { seed } from "../../scripts/seed.ts"
import { doorNames, foreignId, organizationId, personOf, projectId, strangerOf } from "./people.ts"

declare module "vitest" {
  interface ProvidedContext {
    /** `http://127.0.0.1:port`. */
    readonly origin: string
    /** Where SQL is answered and limits are emptied. */
    readonly control: string
    /** What access tokens are signed with. */
    readonly signingKey: JWK
  }
}

const specimens = `create table "specimens" (
  "row_key" integer primary key, "id" text not null unique, "version" integer not null default 1, "createdAt" text not null, "updatedAt" text not null,
  "organizationId" text not null references "organizations" ("id"), "label" text not null, "note" text, "count" integer not null default 0,
  "big" integer, "ratio" real, "flag" integer not null default 0, "seenAt" text, "day" text, "mood" text, "blob" text)`
const specimensIndex = `create index "specimens_by_organization" on "specimens" ("organizationId", "createdAt", "id")`

/** An organization for all who test, an owner and a stranger for each door, and a project. */
function populate(database: D1Database): Promise<unknown> {
  const at = "2026-01-01T00:00:00.000Z"
  const insert = (table: string, row: Record<string, string | number>) => {
    const keys = Object.keys(row)
    const names = keys.map((key) => `"${key}"`).join(", ")
    const sql = `insert into "${table}" (${names}) values (${keys.map(() => "?").join(", ")})`
    return database.prepare(sql).bind(...Object.values(row))
  }
  const common = { version: 1, createdAt: at, updatedAt: at }
  const user = (id: string) =>
    insert("users", { id, ...common, name: id.slice(-12), email: `${id}@parity.test`, roles: "[]", status: "active" })
  const organization = (id: string, name: string) =>
    insert("organizations", { id, ...common, name, plan: "team", createdBy: personOf("rest") })
  const member = (n: number, org: string, userId: string, role: string) =>
    insert("members", {
      id: `member_01kpar${String(n).padStart(20, "0")}`,
      ...common,
      organizationId: org,
      userId,
      role,
    })
  const own = doorNames.flatMap((door, n) => [
    user(personOf(door)),
    user(strangerOf(door)),
    member(2 * n, organizationId, personOf(door), "owner"),
    member(2 * n + 1, foreignId, strangerOf(door), "owner"),
  ])
  const project = {
    ...common,
    organizationId,
    name: "Parity",
    archived: 0,
    createdBy: personOf("rest"),
  }
  return database.batch([
    database.prepare("pragma defer_foreign_keys=on"),
    database.prepare(specimens),
    database.prepare(specimensIndex),
    organization(organizationId, "Parity"),
    organization(foreignId, "Foreign"),
    ...own,
    insert("projects", { id: projectId, ...project }),
  ])
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

/** Answers `POST /sql {sql, values}` and `POST /drain {name, key, limit}`. */
async function startControl(miniflare: Miniflare, database: D1Database): Promise<Server> {
  const objects = await miniflare.getDurableObjectNamespace("LIMITER")
  const answer = async (path: string, body: { sql: string; values: string[]; key: string; limit: object }) => {
    if (path === "/sql")
      return (
        await database
          .prepare(body.sql)
          .bind(...body.values)
          .all()
      ).results
    const stub = objects.get(objects.idFromName(`limit/${body.key}`)) as unknown as {
      serve(key: string, limit: object, ask: object, now: number): Promise<unknown>
    }
    const ask = { id: null, calls: 1, prefetch: 0, settled: [], refunds: [], charged: 0 }
    return stub.serve(body.key, body.limit, ask, Date.now())
  }
  const server = createServer((request, response) => {
    void textOf(request)
      .then((text) => answer(request.url ?? "", JSON.parse(text)))
      .then(
        (found) => response.end(JSON.stringify(found ?? null)),
        (fault) => response.writeHead(500).end(String(fault)),
      )
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return server
}

async function start(folder: string) {
  const bundle = buildBundle(folder, "tests/parity/worker.ts").replace(/index\.js$/, "worker.js")
  const { privateKey, publicKey } = await generateKeyPair("EdDSA", { extractable: true })
  const { workerOptions } = unstable_getMiniflareWorkerOptions(join(root, "wrangler.toml"))
  const pepper = freshRing()
  const bindings = {
    ...(workerOptions.bindings as Record<string, string>),
    ENVIRONMENT: "development",
    TOKEN_PUBLIC_KEYS: JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: "parity", alg: "EdDSA" }] }),
    CURSOR_SECRET: "c".repeat(43),
    PEPPER: pepper,
    KEK: freshRing(),
    REFRESH: freshRing(),
  }
  const modules = [...bundleModules(bundle)]
  // The shield counts by address, and all tests call from one.
  const ratelimits = { SHIELD: { namespace_id: "1001", simple: { limit: 1_000_000, period: 60 as const } } }
  const worker = { ...workerOptions, name: "selvage", bindings, ratelimits, modules, modulesRoot: folder }
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({ host: "127.0.0.1", port: 0, cf: false, workers: [worker], handleStructuredLogs: log }),
  )
  const origin = (await miniflare.ready).origin
  const database = (await miniflare.getD1Database("DB")) as unknown as D1Database
  await applyMigrations(database)
  await seed(database, pepper, () => undefined)
  await populate(database)
  return { miniflare, origin, database, signingKey: await exportJWK(privateKey) }
}

/** One line a call would be thousands of lines: with `PARITY_LOG=1` they are shown. */
const log = ({ message }: { readonly message: string }) => {
  if (process.env.PARITY_LOG) process.stdout.write(`${message}\n`)
}

/** Starts it; vitest calls this before the first suite, and what it gives back after the last. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), "selvage-parity-"))
  const { miniflare, origin, database, signingKey } = await start(folder)
  const control = await startControl(miniflare, database)
  project.provide("origin", origin)
  project.provide("control", `http://127.0.0.1:${(control.address() as AddressInfo).port}`)
  project.provide("signingKey", signingKey)
  return async () => {
    control.close()
    await miniflare.dispose()
    rmSync(folder, { recursive: true })
  }
}
