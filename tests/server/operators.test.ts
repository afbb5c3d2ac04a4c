/** What operators see: one line a call, without secrets; health by part; a shield that refuses; housekeeping in bounds. */
import { env } from "cloudflare:workers"
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest"
import application from "../../src/app/index.ts"
import { serve } from "../../src/app.ts"
import type { Observation } from "../../src/core/observation.ts"
import { lineOf } from "../../src/observability/log.ts"
import { redact } from "../../src/observability/redact.ts"
import { housekeep } from "../../src/server/housekeeping.ts"
import { addressKey } from "../../src/server/keys.ts"
import { worker } from "../../src/worker.ts"
import { type Actor, newActor } from "../support/actors.ts"
import { call } from "../support/calls.ts"
import { production, runtime } from "../support/runtime.ts"

let ada: Actor
beforeAll(async () => {
  ada = await newActor("Ada")
})
afterEach(() => {
  vi.restoreAllMocks()
})

const request = (path: string, headers: Record<string, string> = {}) =>
  new Request(`https://selvage.test${path}`, { headers })

describe("one line a call", () => {
  test("says who, what, how long and what it cost, with the caller's ids and without the token", async () => {
    const lines: string[] = []
    vi.spyOn(console, "log").mockImplementation((line) => void lines.push(String(line)))
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await call(ada, "GET /v1/tasks?q=secretword", { headers: { "X-Request-Id": "r-1", traceparent } })
    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines[0] as string)).toMatchObject({
      level: "info",
      kind: "call",
      requestId: "r-1",
      traceId: "0af7651916cd43dd8448eb211c80319c",
      door: "rest",
      operation: "tasks.list",
      actor: ada.id,
      code: "OK",
      trips: 1,
    })
    expect(lines[0]).not.toContain(ada.token)
    expect(lines[0]).not.toContain("secretword")
  })

  test("an unknown fault is told in full inside, and outside as nothing but INTERNAL", async () => {
    const seen: Observation[] = []
    const broken = {
      ...env,
      DB: {
        withSession: () => ({
          prepare: () => {
            throw new Error("secret of the house: params: p4ssw0rd")
          },
          getBookmark: () => null,
        }),
      },
    }
    const { fetch } = serve(
      application,
      broken as never,
      runtime((observation) => void seen.push(observation)),
    )
    const answer = await fetch(request("/v1/tasks", { Authorization: `Bearer ${ada.token}` }))
    const text = await answer.text()
    expect(answer.status).toBe(500)
    expect(JSON.parse(text)).toMatchObject({ code: "INTERNAL", detail: "Something went wrong on our side" })
    expect(text).not.toContain("house")
    const line = JSON.stringify(seen.map(lineOf))
    expect(line).toContain("secret of the house")
    expect(line).not.toContain("p4ssw0rd")
  })

  test.each([
    ["a token", "failed with eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.c2ln here", "eyJ"],
    ["a credential", "Authorization: Bearer abcdef123", "abcdef123"],
    ["an API key", "key sv_live_0123456789abcdef", "0123456789abcdef"],
    ["an address", "no user ada@example.com", "ada@"],
    ["a password", '{"password":"hunter2 and more"}', "hunter2"],
    ["parameters of a statement", "Failed query: select 1\nparams: a,b,c", "a,b,c"],
  ])("%s is redacted", (_, text, forbidden) => {
    expect(redact(text)).not.toContain(forbidden)
  })
})

describe("receipts are a side channel", () => {
  test("in production they go to administrators alone", async () => {
    const { fetch } = serve(application, production().env, runtime())
    const admin = await newActor("Admin", ["admin"])
    const [plain, shown] = await Promise.all(
      [ada, admin].map((actor) => fetch(request("/v1/organizations", { Authorization: `Bearer ${actor.token}` }))),
    )
    expect(plain?.headers.has("Server-Timing") || plain?.headers.has("X-Selvage-Cost")).toBe(false)
    expect(shown?.headers.get("Server-Timing")).toMatch(/resolve;dur=.*handle;dur=/)
    expect(shown?.headers.get("X-Selvage-Cost")).toMatch(/trips=1/)
  })

  test("explanations too", async () => {
    const { fetch } = serve(application, production().env, runtime())
    const answer = await fetch(
      request("/v1/explanations?resource=tasks&action=read&id=task_01kaj700000000000000000000", {
        Authorization: `Bearer ${ada.token}`,
      }),
    )
    expect(answer.status).toBe(403)
  })
})

describe("health", () => {
  test("live answers without asking anybody", async () => {
    const { fetch } = serve(
      application,
      {
        ...env,
        DB: {
          prepare: () => {
            throw new Error("down")
          },
        },
      } as never,
      runtime(),
    )
    expect((await fetch(request("/health/live"))).status).toBe(200)
  })

  test("ready names each part, and is 503 when one is down", async () => {
    const { parts } = (await call(null, "GET /health/ready")).body
    expect(parts.map((part: { part: string; ok: boolean }) => [part.part, part.ok])).toEqual([
      ["database", true],
      ["cache", true],
      ["objects", true],
      ["feed", true],
    ])
    expect(parts[3].lag).toEqual({ events: expect.any(Number), seconds: expect.any(Number), jobs: expect.any(Number) })
    const seen: Observation[] = []
    const { fetch } = serve(
      application,
      { ...env, CACHE: { get: async () => Promise.reject(new Error("kv down")) } } as never,
      runtime((o) => void seen.push(o)),
    )
    const answer = await fetch(request("/health/ready"))
    expect(answer.status).toBe(503)
    expect(await answer.text()).not.toContain("kv down")
    expect(seen).toMatchObject([{ kind: "unhealthy", part: "cache" }])
  })
})

describe("the shield", () => {
  test("refuses an address before anything is read, with the time to wait", async () => {
    const keys: string[] = []
    const SHIELD = { limit: async ({ key }: { key: string }) => ({ success: keys.push(key) < 0 }) }
    const DB = {
      withSession: () => {
        throw new Error("the database was asked")
      },
    }
    const { fetch } = serve(application, { ...env, SHIELD, DB } as never, runtime())
    const answer = await fetch(
      request("/v1/tasks", { "CF-Connecting-IP": "203.0.113.9", Authorization: `Bearer ${ada.token}` }),
    )
    expect(answer.status).toBe(429)
    expect(answer.headers.get("Retry-After")).toBe("60")
    expect(await answer.json()).toMatchObject({ code: "RESOURCE_EXHAUSTED" })
    expect(keys).toEqual(["address/203.0.113.9"])
  })

  test("a spoofed X-Forwarded-For changes nothing", async () => {
    const keys: string[] = []
    const SHIELD = { limit: async ({ key }: { key: string }) => ({ success: keys.push(key) > 0 }) }
    const { fetch } = serve(application, { ...env, SHIELD } as never, runtime())
    for (const spoofed of ["198.51.100.1", "198.51.100.2"]) {
      await fetch(request("/v1/tasks", { "CF-Connecting-IP": "203.0.113.9", "X-Forwarded-For": spoofed }))
    }
    expect(new Set(keys)).toEqual(new Set(["address/203.0.113.9"]))
  })

  test("IPv6 callers share one bucket a /64, however the address is written", () => {
    const same = [
      "2001:db8:1:2::1",
      "2001:db8:1:2:ffff:ffff:ffff:ffff",
      "2001:0DB8:0001:0002:0000::9",
      "2001:db8:1:2::",
    ]
    expect(new Set(same.map(addressKey)).size).toBe(1)
    expect(addressKey("2001:db8:1:3::1")).not.toBe(addressKey("2001:db8:1:2::1"))
    expect(addressKey("::1")).toBe("address/0:0:0:0::/64")
  })
})

describe("housekeeping", () => {
  test("removes stored answers whose time is over, and no other", async () => {
    const now = new Date("2020-01-02T00:00:00.000Z")
    const row = (key: string, expiresAt: string) =>
      env.DB.prepare('insert into "idempotency" values (?, ?, ?, null, ?)').bind(key, "h", "{}", expiresAt)
    await env.DB.batch([row("hk-old", "2020-01-01T23:59:59.999Z"), row("hk-new", "2020-01-02T00:00:00.001Z")])
    await worker(application).scheduled(
      { scheduledTime: now.getTime(), cron: "17 3 * * *", noRetry: () => undefined },
      env,
      {} as never,
    )
    const { results } = await env.DB.prepare('select "key" from "idempotency" where "key" like \'hk-%\'').all()
    expect(results).toEqual([{ key: "hk-new" }])
    expect(await housekeep(env.DB, now)).toBe(0)
  })
})
