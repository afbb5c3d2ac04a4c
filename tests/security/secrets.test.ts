/** What must not be seen: no secret in a log line, a key's name on all that is sealed, and headers that leave a browser nothing to run. */
import { env } from "cloudflare:workers"
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest"
import application from "../../src/app/index.ts"
import { lineOf } from "../../src/observability/log.ts"
import { worker } from "../../src/worker.ts"
import { apart } from "../support/apart.ts"
import { call } from "../support/calls.ts"
import { lettersTo, letterTo, newAddress, person } from "../support/people.ts"
import { production } from "../support/runtime.ts"
import { serving, watched, watchedDatabase } from "../support/serving.ts"

describe("checklist 42: no secret in a log line", () => {
  const lines: string[] = []
  const ends: (() => Promise<void>)[] = []
  afterAll(async () => void (await Promise.all(ends.map((end) => end()))))
  const secrets = new Set<string>()
  const keep = (...texts: (string | undefined)[]) => {
    for (const text of texts) if (text) secrets.add(text)
  }

  beforeAll(async () => {
    const spies = (["log", "error", "warn", "info", "debug"] as const).map((method) =>
      vi.spyOn(console, method).mockImplementation((...values) => void lines.push(values.map(String).join(" "))),
    )
    let broken: "nothing" | "USER" | "DB" = "nothing"
    const isolate = serving({
      ...watched("USER", () => {
        if (broken === "USER")
          throw new Error(`no answer about ${JSON.stringify({ email: who.email, password: who.password })}`)
      }),
      ...watchedDatabase((sql) => {
        if (broken === "DB") throw new Error(`D1_ERROR: near ${sql[0]}: params: ${who.email},${who.password}`)
      }),
    })
    const who = newAddress("Ada Lovelace-Unmistakable")
    const headers = { ...who.headers, "User-Agent": "UnmistakableBrowser/7.0" }
    const step = async (line: string, body?: object, token?: string) => {
      const answer = await isolate.call(token ? { token } : null, line, { ...(body ? { body } : {}), headers })
      const { accessToken, refreshToken, deviceToken, key } = answer.body ?? {}
      keep(accessToken, refreshToken, deviceToken, key)
      return answer.body
    }
    const letter = async (subject: string) => {
      const { token, url } = (await letterTo(who.email, subject)).action
      keep(token, url)
      return token
    }
    const { email, name, password } = who
    const changed = "another sentence altogether"
    keep(email, password, changed, "Unmistakable", who.headers["CF-Connecting-IP"] ?? "")
    await step("POST /v1/auth/sign-up", { email, name, password })
    await isolate.settled()
    await step("POST /v1/auth/verify-email", { token: await letter("Confirm") })
    await step("POST /v1/auth/sign-in", { email, password: "a wrong guess, wrong" })
    keep("a wrong guess, wrong")
    const session = await step("POST /v1/auth/sign-in", { email, password })
    const { accessToken } = session
    await step("GET /v1/me", undefined, accessToken)
    await step("GET /v1/me?email=ada-unmistakable@example.com&password=UnmistakableQuery", undefined, accessToken)
    await step("PATCH /v1/me", { name: "Ada King-Unmistakable" }, accessToken)
    const { key, id } = await step("POST /v1/api-keys", { name: "Unmistakable", scopes: ["*:read"] }, accessToken)
    await step("GET /v1/me", undefined, key)
    await step("GET /v1/me", undefined, `${key}x`)
    await step("GET /v1/me", undefined, `${accessToken}x`)
    await step(`DELETE /v1/api-keys/${id}`, undefined, accessToken)
    await step("POST /v1/auth/refresh", { refreshToken: session.refreshToken })
    await step("POST /v1/auth/change-password", { currentPassword: password, password: changed }, accessToken)
    await step("POST /v1/auth/request-password-reset", { email })
    await isolate.settled()
    await step("POST /v1/auth/verify-email", { token: await letter("Set a new") })
    for (const part of ["USER", "DB"] as const) {
      broken = part
      await step("POST /v1/auth/sign-in", { email, password: changed })
      await step("GET /v1/me/export", undefined, accessToken)
      await step("POST /v1/me/delete", { password: changed }, accessToken)
    }
    broken = "nothing"
    await isolate.settled()

    // In production, where the provider refuses and says whom.
    const MAIL = {
      send: async ({ to, text }: { to: string; text: string }) => {
        throw new Error(`550 5.1.1 <${to}> rejected: ${text}`)
      },
    }
    const own = await apart(env.DB, (undo) => void ends.push(undo))
    const live = serving({ ...(production().env as object), ...own.change, MAIL }, undefined, { apart: own })
    await live.call(null, "POST /v1/auth/request-magic-link", { body: { email }, headers })
    await live.settled()
    lines.push(...[...isolate.observations, ...live.observations].map((one) => JSON.stringify(lineOf(one))))
    for (const spy of spies) spy.mockRestore()
  }, 60_000)

  test("nowhere in a whole life, when parts fail, and when others' messages name them", () => {
    expect(lines.length).toBeGreaterThan(20)
    expect(secrets.size).toBeGreaterThan(15)
    expect(lines.some((line) => line.includes("undelivered"))).toBe(true)
    expect(lines.some((line) => line.includes("no answer about"))).toBe(true)
    for (const line of lines) for (const secret of secrets) expect(line).not.toContain(secret)
  })

  test("the line of a call says nonetheless who did what", () => {
    const calls = lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line))
    expect(calls).toContainEqual(
      expect.objectContaining({ operation: "me.update", actor: expect.stringMatching(/^user_/), code: "OK" }),
    )
    expect(calls).toContainEqual(expect.objectContaining({ operation: "auth.signIn", code: "UNAUTHENTICATED" }))
  })
})

describe("checklist 42: all that is sealed names its key", () => {
  const sealed = /^s1\.([A-Za-z0-9_-]{1,16})\.[A-Za-z0-9_-]{16,}$/

  test.each([
    ["passwords", "PEPPER", 'select "passwordSealed" v from "users" where "id" = ?1'],
    ["signing keys", "KEK", 'select "sealedPrivate" v from "signing_keys" where ?1 is not null'],
  ] as const)("%s: under a key of %s", async (_, ring, sql) => {
    const ada = await person("Ada")
    const known = Object.keys(JSON.parse(env[ring] ?? "").keys)
    const { results } = await env.DB.prepare(sql).bind(ada.id).all<{ v: string }>()
    expect(results.length).toBeGreaterThan(0)
    for (const { v } of results) expect(known).toContain(sealed.exec(v)?.[1])
  })

  test("device tokens and what waits in the outbox: under a key of KEK", async () => {
    const ada = await person("Ada")
    expect(ada.deviceToken).toMatch(sealed)
    const own = await apart()
    const isolate = serving(
      {
        ...(production().env as object),
        ...own.change,
        MAIL: { send: () => Promise.reject(new Error("down")) },
      },
      undefined,
      { apart: own },
    )
    await isolate.call(null, "POST /v1/auth/request-magic-link", { body: { email: ada.email }, headers: ada.headers })
    await isolate.settled()
    const rows = await own.rows()
    expect(rows).toHaveLength(1)
    for (const { payload } of rows) expect(payload).toMatch(sealed)
    expect(await lettersTo(ada.email)).not.toContainEqual(
      expect.objectContaining({ subject: expect.stringContaining("Sign in to") }),
    )
  })
})

describe("checklist 42: headers of every answer", () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  function expectHeaders(headers: Headers, line: string): void {
    expect(headers.get("Strict-Transport-Security"), line).toMatch(/^max-age=(3153|6307)\d{4}; includeSubDomains$/)
    expect(headers.get("X-Content-Type-Options"), line).toBe("nosniff")
    expect(headers.get("Referrer-Policy"), line).toBe("no-referrer")
    const policy = headers.get("Content-Security-Policy") ?? ""
    expect(policy, line).toMatch(/default-src 'none'/)
    expect(policy, line).toMatch(/frame-ancestors 'none'/)
    expect(policy, line).not.toMatch(/script-src[^;]*'unsafe-(inline|eval)'/)
    expect(headers.get("Access-Control-Allow-Origin"), line).toBeNull()
  }

  test.each([
    ["GET /", 302],
    ["GET /docs", 200],
    ["GET /openapi.json", 200],
    ["GET /health/live", 200],
    ["GET /health/ready", 200],
    ["GET /.well-known/jwks.json", 200],
    ["GET /dev/mailbox", 200],
    ["GET /dev/mailbox.json", 200],
    ["GET /v1/tasks", 401],
    ["GET /nowhere", 404],
    ["PUT /docs", 405],
    ["DELETE /v1/auth/sign-in", 405],
    ["OPTIONS /v1/tasks", 204],
    ["POST /v1/auth/sign-in", 400],
  ])("%s (%i)", async (line, status) => {
    const answer = await call(null, line, {
      headers: { Origin: "https://elsewhere.test" },
      ...(line.startsWith("POST") ? { body: {} } : {}),
    })
    expect([line, answer.status]).toEqual([line, status])
    expectHeaders(answer.headers, line)
  })

  test("of sign-in and of what is refused: nothing of them is kept by a cache", async () => {
    const ada = await person("Ada")
    const body = { email: ada.email, password: ada.password }
    for (const given of [body, { ...body, password: "a wrong guess, wrong" }]) {
      const { headers } = await call(null, "POST /v1/auth/sign-in", { body: given, headers: ada.headers })
      expectHeaders(headers, "sign-in")
      expect(headers.get("Cache-Control")).toBe("no-store")
    }
    const { headers } = await call(ada, "GET /v1/me")
    expectHeaders(headers, "me")
    expect(headers.get("Cache-Control")).toBe("private, no-cache")
    expect(headers.get("Vary")).toContain("Authorization")
    expect(headers.get("Vary")).toContain("Cookie")
  })

  test("of a Worker that cannot serve, and it names what is missing without a value", async () => {
    vi.spyOn(console, "error").mockImplementation(() => undefined)
    const KEK = "not a ring but unmistakable"
    const answer = await worker(application).fetch(
      new Request("https://selvage.test/v1/tasks") as never,
      { ...env, KEK } as never,
      { waitUntil: () => undefined } as never,
    )
    expect(answer.status).toBe(503)
    expectHeaders(answer.headers, "misconfigured")
    const text = await answer.text()
    expect(text).toContain("KEK")
    expect(text).not.toContain("unmistakable")
  })
})
