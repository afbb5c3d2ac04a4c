/** The rotation drill over HTTP: a key is published, takes over, retires and goes, while clients call and others verify by themselves. */

import { env } from "cloudflare:workers"
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from "jose"
import { afterEach, describe, expect, test, vi } from "vitest"
import { signingKeys } from "../../src/authentication/keys.ts"
import type { RotationMode } from "../../src/authentication/keys-rotation.ts"
import { sealer } from "../../src/authentication/seal.ts"
import { configOf } from "../../src/config.ts"
import { call } from "../support/calls.ts"
import { type Person, person } from "../support/people.ts"
import { type Serving, serving, watchedDatabase } from "../support/serving.ts"
import { ownTable } from "../support/tables.ts"

const minute = 60_000
const day = 24 * 60 * minute
const start = Date.now()

/** Isolates that share keys of their own, and a client that calls all of them and refreshes when it is time. */
async function drill(client: Person) {
  const { name, renamed } = await ownTable("signing_keys")
  const database = watchedDatabase(() => undefined, renamed)
  const isolates = Array.from({ length: 3 }, () => serving(database))
  const requests: string[] = []
  let { refreshToken } = client
  let token = ""
  let tokenEnds = 0
  let published: JSONWebKeySet = { keys: [] }
  let publishedAt = 0
  const count = (line: string, { status }: { status: number }) => void requests.push(`${status} ${line}`)
  const at = (n: number) => isolates[n % isolates.length] as Serving
  return {
    requests,
    keyOf: () => decodeProtectedHeader(token).kid,
    jwks: async () => (await at(requests.length).call(null, "GET /.well-known/jwks.json")).body as JSONWebKeySet,
    states: async () =>
      (await env.DB.prepare(`select "state" from "${name}" order by "createdAt"`).all<{ state: string }>()).results.map(
        ({ state }) => state,
      ),
    rotate: (mode: RotationMode) => {
      const keys = {
        database: database.DB,
        sealer: sealer(configOf(env).rings.kek, (n) => crypto.getRandomValues(new Uint8Array(n))),
      }
      return signingKeys(keys).rotate(new Date(), mode)
    },
    /** What goes on in one minute. */
    async minute(n: number): Promise<void> {
      vi.setSystemTime(start + n)
      if (Date.now() > tokenEnds - minute) {
        const answer = await at(requests.length).call(null, "POST /v1/auth/refresh", { body: { refreshToken } })
        count("refresh", answer)
        if (answer.status !== 200) return
        refreshToken = answer.body.refreshToken
        token = answer.body.accessToken
        tokenEnds = Date.parse(answer.body.accessExpiresAt)
      }
      for (const isolate of isolates) count("me", await isolate.call({ token }, "GET /v1/me"))
      // A resource server elsewhere keeps the set for as long as its header says.
      if (Date.now() - publishedAt >= 5 * minute) {
        const answer = await at(requests.length + 1).call(null, "GET /.well-known/jwks.json")
        expect(answer.headers.get("Cache-Control")).toBe("public, max-age=300")
        published = answer.body
        publishedAt = Date.now()
      }
      const { TOKEN_ISSUER: issuer, TOKEN_AUDIENCE: audience } = env
      const options = { issuer, audience, typ: "at+jwt", currentDate: new Date() }
      const verified = await jwtVerify(token, createLocalJWKSet(published), options).then(
        () => 200,
        () => 401,
      )
      count("elsewhere", { status: verified })
    },
  }
}

afterEach(() => {
  vi.useRealTimers()
})

const failed = (requests: readonly string[]) => requests.filter((line) => !line.startsWith("200"))

describe("checklist 27: signing keys rotate", () => {
  test("publish, switch, retire: not one request fails, here or where tokens are verified by the published keys", async () => {
    const ada = await person("Ada")
    vi.useFakeTimers({ toFake: ["Date"], now: start })
    const run = await drill(ada)
    for (let n = 0; n <= 20; n += 2) await run.minute(n * minute)
    const first = run.keyOf()
    expect(await run.states()).toEqual(expect.arrayContaining(["current", "next"]))

    // A key that nobody could have read yet does not take over, whatever one asks for.
    await run.rotate("early")
    expect(await run.states()).toHaveLength(2)
    for (let n = 22; n <= 30; n += 2) await run.minute(n * minute)
    expect(run.keyOf()).toBe(first)

    // A day later it has been published for long enough.
    vi.setSystemTime(start + day)
    const before = (await run.jwks()).keys.map(({ kid }) => kid)
    await run.rotate("early")
    expect(await run.states()).toHaveLength(3)
    for (let n = 0; n <= 40; n++) await run.minute(day + n * minute)
    const second = run.keyOf()
    expect(second).not.toBe(first)
    expect(before).toContain(second)

    // What is over is removed by the timer.
    await run.rotate("due")
    expect((await run.states()).sort()).toEqual(["current", "next"])
    for (let n = 41; n <= 60; n++) await run.minute(day + n * minute)
    const kids = (await run.jwks()).keys.map(({ kid }) => kid)
    expect(kids).toContain(second)
    expect(kids).not.toContain(first)

    expect(failed(run.requests)).toEqual([])
    expect(run.requests.length).toBeGreaterThan(300)
  }, 60_000)

  test("a token of a removed key is refused", async () => {
    const ada = await person("Ada")
    vi.useFakeTimers({ toFake: ["Date"], now: start })
    const { renamed } = await ownTable("signing_keys")
    const database = watchedDatabase(() => undefined, renamed)
    const isolate = serving(database)
    const body = { refreshToken: ada.refreshToken }
    const { accessToken: token } = (await isolate.call(null, "POST /v1/auth/refresh", { body })).body
    expect((await serving(database).call({ token }, "GET /v1/me")).status).toBe(200)
    const ring = configOf(env).rings.kek
    const keys = signingKeys({
      database: database.DB,
      sealer: sealer(ring, (n) => crypto.getRandomValues(new Uint8Array(n))),
    })
    await keys.rotate(new Date(), "compromised")
    expect((await serving(database).call({ token }, "GET /v1/me")).status).toBe(401)
  })

  test("what is published holds no private part, and the rows hold it sealed", async () => {
    await person("Ada")
    const { body, headers } = await call(null, "GET /.well-known/jwks.json")
    expect(headers.get("Content-Type")).toBe("application/jwk-set+json")
    expect(body.keys.length).toBeGreaterThanOrEqual(2)
    for (const key of body.keys) expect(Object.keys(key).sort()).toEqual(["alg", "crv", "kid", "kty", "use", "x"])
    const { results } = await env.DB.prepare('select "sealedPrivate" from "signing_keys"').all()
    for (const { sealedPrivate } of results) expect(sealedPrivate).toMatch(/^s1\.k1\./)
  })
})
