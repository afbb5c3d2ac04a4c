/** Line 43 of the security checklist: a provider that is slow, huge, broken or led astray keeps nobody waiting and opens nothing. */
import { env } from "cloudflare:workers"
import { describe, expect, test } from "vitest"
import { oidc } from "../../src/integrations/providers/openid.ts"
import { providerKey } from "../../src/server/keys.ts"
import { identityProvider } from "./identity-provider.ts"
import {
  claimsOf,
  comeBack,
  enter,
  identityRows,
  refusals,
  secretsOf,
  served,
  start,
  visitor,
  type World,
  whoIs,
  world,
} from "./world.ts"

const never = () => new Promise<Response>(() => undefined)
const asJson = (body: BodyInit) => new Response(body, { headers: { "Content-Type": "application/json" } })
const html = () => new Response("<h1>Down for repairs</h1>", { headers: { "Content-Type": "text/html" } })
/** Over the 256 KiB that are taken, and well-formed. */
const huge = () => asJson(JSON.stringify({ access_token: "a".repeat(300 * 1024), token_type: "Bearer" }))

const places = ["/.well-known/openid-configuration", "/token", "/keys", "/userinfo"] as const

const outages: readonly (readonly [string, string, string, () => Response | Promise<Response>])[] = [
  ["does not answer", "slow", "Acme did not answer in time", never],
  ["answers with more than is taken", "too_large", "Acme answered with more than is taken", huge],
  ["answers with HTML", "not_json", "Acme answered with something that is no JSON", html],
  ["answers with broken JSON", "not_json", "Acme answered with something that is no JSON", () => asJson("{")],
  [
    "sends on to somewhere else",
    "forbidden_address",
    "Acme leads to an address that is not called",
    () => Response.redirect("https://evil.example/"),
  ],
  [
    "breaks the connection off",
    "unreachable",
    "Acme cannot be reached",
    () => {
      throw new TypeError("Network connection lost")
    },
  ],
]

const cases = places.flatMap((place) => outages.map((outage) => [place, ...outage] as const))

/** Begins, and comes back when there was a way to begin. */
async function tryToEnter(place: World, browser: ReturnType<typeof visitor>) {
  const { email: _, ...claims } = claimsOf()
  const started = await browser.fetch("GET /auth/acme/start")
  if (started.status !== 303) return started
  return comeBack(browser, place.acme.agree(started.headers.get("Location") ?? "", claims as never))
}

describe("a provider", () => {
  test.each(cases)("at %s that %s is told of as out of order", async (path, _, word, sentence, answer) => {
    // Time enough for an honest answer on a busy machine, and an end for one that never comes.
    const place = await world({}, {}, { timeoutMs: word === "slow" ? 300 : 5000 })
    place.acme.instead.set(path, answer)
    const ada = visitor(place)
    const told = await tryToEnter(place, ada)
    expect([told.status, refusals(place)]).toEqual([503, [`acme ${word}`]])
    expect(told.body).toContain(`${sentence}. Try again in a moment.`)
    expect([...ada.jar.keys()]).toEqual([])
    expect(await identityRows(place.acme.issuer)).toEqual([])
  })

  test("that names an address of a private network has nobody call it", async () => {
    for (const inside of ["https://inside.example/token", "https://127.0.0.1/token", "http://169.254.169.254/"]) {
      const place = await world()
      place.acme.metadata.token_endpoint = inside
      const ada = visitor(place)
      const told = await tryToEnter(place, ada)
      expect([inside, told.status >= 400, [...ada.jar.keys()]]).toEqual([inside, true, []])
      expect(place.acme.asked).toEqual(["GET /.well-known/openid-configuration"])
      expect(refusals(place)).toHaveLength(1)
    }
  })

  test.each(["javascript:alert(1)", "http://acme.example/authorize", "data:text/html,x", "nowhere"])(
    "that names %s as its page sends nobody there",
    async (page) => {
      const place = await world()
      place.acme.metadata.authorization_endpoint = page
      const answer = await visitor(place).fetch("GET /auth/acme/start")
      expect([answer.status >= 400, answer.headers.get("Location")]).toEqual([true, null])
    },
  )

  test("whose discovery speaks of another issuer is not believed", async () => {
    const place = await world()
    place.acme.metadata.issuer = place.other.issuer
    const told = await visitor(place).fetch("GET /auth/acme/start")
    expect([told.status, refusals(place)]).toEqual([400, ["acme issuer"]])
    expect(await env.CACHE.get(providerKey("metadata", place.acme.issuer))).toBeNull()
  })

  test("that does not know the application says so to the operator, and to people that it is out of order", async () => {
    const acme = await identityProvider()
    const providers = [oidc({ name: "acme", title: "Acme", issuer: acme.issuer })]
    const change = { ...secretsOf(providers), ACME_CLIENT_SECRET: "an old secret" }
    const isolate = served(providers, (url, init) => acme.fetch(url, init), {}, { change })
    const place = { acme, other: acme, isolate, clock: { aheadMs: 0 } }
    const ada = visitor(place)
    const told = await enter(place, ada, claimsOf())
    expect([told.status, refusals(place)]).toEqual([503, ["acme client"]])
    expect(told.body).not.toContain("an old secret")
    expect(await whoIs(ada)).toBeNull()
  })

  test("that was out of order is asked again by the next one who comes", async () => {
    const place = await world()
    place.acme.instead.set("/.well-known/openid-configuration", html)
    expect((await visitor(place).fetch("GET /auth/acme/start")).status).toBe(503)
    place.acme.instead.clear()
    const ada = visitor(place)
    expect((await enter(place, ada, claimsOf())).status).toBe(303)
  })
})

describe("what is known of a provider", () => {
  const lines = (place: World, line: string) => place.acme.asked.filter((one) => one === line).length
  const both = (place: World) => [lines(place, "GET /.well-known/openid-configuration"), lines(place, "GET /keys")]

  test("is asked for once an isolate, and by the next isolate not at all: KV has it", async () => {
    const place = await world()
    for (let time = 0; time < 3; time++) expect((await enter(place, visitor(place), claimsOf())).status).toBe(303)
    expect(both(place)).toEqual([1, 1])

    const providers = [oidc({ name: "acme", issuer: place.acme.issuer })]
    const next = served(providers, (url, init) => place.acme.fetch(url, init))
    const again = { ...place, isolate: next }
    expect((await enter(again, visitor(again), claimsOf())).status).toBe(303)
    expect(both(place)).toEqual([1, 1])
  })

  test("is asked for again after an hour", async () => {
    const place = await world()
    await start(visitor(place))
    await env.CACHE.delete(providerKey("metadata", place.acme.issuer))
    place.clock.aheadMs = 3500_000
    await start(visitor(place))
    expect(both(place)[0]).toBe(1)
    place.clock.aheadMs = 3600_000 + 1000
    await start(visitor(place))
    expect(both(place)[0]).toBe(2)
  })

  test("is asked for where KV fails, and the operator is told", async () => {
    const acme = await identityProvider()
    const providers = [oidc({ name: "acme", issuer: acme.issuer })]
    const broken = async () => {
      throw new Error("KV is down")
    }
    const CACHE = { get: broken, put: broken } as unknown as KVNamespace
    const isolate = served(providers, (url, init) => acme.fetch(url, init), {}, { change: { CACHE } })
    const place = { acme, other: acme, isolate, clock: { aheadMs: 0 } }
    const ada = visitor(place)
    expect((await enter(place, ada, claimsOf())).status).toBe(303)
    expect(await whoIs(ada)).not.toBeNull()
    const faults = isolate.observations.filter((one) => one.kind === "fault" && one.where === "provider cache")
    expect(faults.length).toBeGreaterThan(0)
  })
})
