/**
 * Line 29 of the security checklist, for answers and flows: nothing that does not hold opens a session, makes an account or links an identity.
 */
import { describe, expect, test } from "vitest"
import { expectNothing, sentence } from "./nothing.ts"
import { claimsOf, comeBack, program, refusals, start, visitor, whoIs, world } from "./world.ts"

const answers: readonly (readonly [string, string, (query: URLSearchParams) => void])[] = [
  ["with another state", "state", (query) => query.set("state", "a".repeat(43))],
  ["without a state", "state", (query) => query.delete("state")],
  ["with two states, one of them right", "state", (query) => query.append("state", "b".repeat(43))],
  ["of another issuer (RFC 9207)", "iss", (query) => query.set("iss", "https://evil.example")],
  ["without the issuer that the provider promises", "iss", (query) => query.delete("iss")],
  ["without a code", "answer", (query) => query.delete("code")],
  ["with a code that was never given", "code", (query) => query.set("code", "made-up")],
  ["that brings tokens along", "algorithm", (query) => query.set("id_token", "e30.e30.e30")],
  [
    "that says no, with another state",
    "state",
    (query) => {
      query.delete("code")
      query.set("error", "access_denied")
      query.set("state", "c".repeat(43))
    },
  ],
]

describe("an answer of the provider", () => {
  test.each(answers)("%s is refused", async (_, word, forge) => {
    const place = await world()
    const mallory = visitor(place)
    const claims = claimsOf()
    const query = place.acme.agree(await start(mallory), claims)
    forge(query)
    await expectNothing(place, mallory, await comeBack(mallory, query), claims.email, `acme ${word}`)
    if (word === "state" || word === "iss") expect(place.acme.asked).not.toContain("POST /token")
  })

  test("in a browser that did not begin is refused: the starting browser's cookie is missing", async () => {
    const place = await world()
    const [ada, mallory] = [visitor(place), visitor(place)]
    const claims = claimsOf()
    const query = place.acme.agree(await start(ada), claims)
    await expectNothing(place, mallory, await comeBack(mallory, query), claims.email, "acme flow")
    expect(place.acme.asked).not.toContain("POST /token")
  })

  test("to another browser's flow is refused: nobody is signed in as somebody else without knowing it", async () => {
    const place = await world()
    const [victim, mallory] = [visitor(place), visitor(place)]
    await start(victim)
    const claims = claimsOf({ sub: "mallory" })
    const query = place.acme.agree(await start(mallory), claims)
    await expectNothing(place, victim, await comeBack(victim, query), claims.email, "acme state")
  })

  test("with the code of another flow is refused: PKCE ties the code to the flow", async () => {
    const place = await world()
    const [ada, mallory] = [visitor(place), visitor(place)]
    const stolen = place.acme.agree(await start(ada), claimsOf())
    const claims = claimsOf()
    const own = place.acme.agree(await start(mallory), claims)
    own.set("code", stolen.get("code") ?? "")
    await expectNothing(place, mallory, await comeBack(mallory, own), claims.email, "acme code")
  })

  test("after ten minutes is refused", async () => {
    const place = await world()
    const ada = visitor(place)
    const claims = claimsOf()
    const query = place.acme.agree(await start(ada), claims)
    place.clock.aheadMs = 600_000
    await expectNothing(place, ada, await comeBack(ada, query), claims.email, "acme expired")
  })

  test("that says no signs nobody in, and says so", async () => {
    const place = await world()
    const ada = visitor(place)
    const query = place.acme.agree(await start(ada), claimsOf())
    query.delete("code")
    query.set("error", "access_denied")
    const answer = await comeBack(ada, query)
    expect([answer.status, refusals(place)]).toEqual([400, ["acme denied"]])
    expect(answer.body).toContain("Acme was not allowed to say who you are.")
    expect([...ada.jar.keys()]).toEqual([])
    expect(place.acme.asked).not.toContain("POST /token")
  })

  test("with somebody's markup shows none of it", async () => {
    const place = await world()
    const ada = visitor(place)
    const query = place.acme.agree(await start(ada), claimsOf())
    query.delete("code")
    query.set("error", "server_error")
    query.set("error_description", "<script>alert(1)</script>")
    const answer = await comeBack(ada, query)
    expect([answer.status, refusals(place)]).toEqual([503, ["acme provider_error"]])
    expect(answer.body).not.toContain("alert(1)")
  })
})

describe("a flow", () => {
  test("is used once: the same answer again is refused, and the session of the first stays", async () => {
    const place = await world()
    const ada = visitor(place)
    const query = place.acme.agree(await start(ada), claimsOf())
    const flow = ada.jar.get("__Host-flow") ?? ""
    expect((await comeBack(ada, query)).status).toBe(303)

    const mallory = visitor(place)
    mallory.jar.set("__Host-flow", flow)
    const again = await comeBack(mallory, query)
    expect([again.status, refusals(place)]).toEqual([400, ["acme replayed"]])
    expect(await whoIs(mallory)).toBeNull()
    expect(place.acme.asked.filter((line) => line === "POST /token")).toHaveLength(1)
    expect(await whoIs(ada)).not.toBeNull()
  })

  test("of eight that finish it at the same moment, one does", async () => {
    const place = await world()
    const ada = program(place)
    const { body } = await ada.begin("acme")
    const query = place.acme.agree(body.url, claimsOf()).toString()
    const finished = await Promise.all(Array.from({ length: 8 }, () => ada.finish("acme", { flow: body.flow, query })))
    expect(finished.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401, 401, 401, 401, 401])
    expect(refusals(place)).toEqual(Array.from({ length: 7 }, () => "acme replayed"))
  })

  test("is not used up by a forged answer", async () => {
    const place = await world()
    const ada = program(place)
    const { body } = await ada.begin("acme")
    const query = place.acme.agree(body.url, claimsOf())
    expect((await ada.finish("acme", { flow: body.flow, query: "code=x&state=y" })).status).toBe(401)
    expect((await ada.finish("acme", { flow: body.flow, query: query.toString() })).status).toBe(200)
  })

  test("holds for one provider: an answer of another one is not taken for its own (mix-up)", async () => {
    const place = await world()
    const ada = visitor(place)
    const claims = claimsOf()
    const query = place.other.agree(await start(ada, "other"), claims)
    // The flow is the other's, and so is the answer; the address that it comes to is not.
    const mixed = await comeBack(ada, query, "acme")
    await expectNothing(place, ada, mixed, claims.email, "acme flow")
    expect([...place.acme.asked, ...place.other.asked].filter((line) => line === "POST /token")).toEqual([])
  })

  test("holds for one provider: a provider that passes another one's answer on is found out by its issuer", async () => {
    const place = await world()
    const ada = visitor(place)
    const url = new URL(await start(ada))
    // Acme is evil: it sends the browser to the other one, with its own address to come back to.
    const claims = claimsOf()
    const query = place.other.agree(url.href, claims)
    await expectNothing(place, ada, await comeBack(ada, query), claims.email, "acme iss")
    expect(place.acme.asked).not.toContain("POST /token")
  })

  test("that was changed, or sealed for something else, is none", async () => {
    const place = await world()
    const ada = program(place)
    const { body } = await ada.begin("acme")
    const query = place.acme.agree(body.url, claimsOf()).toString()
    const { body: device } = await place.isolate.call(null, "GET /v1/auth/providers")
    expect(device.items).toHaveLength(2)
    for (const flow of ["", "{}", `${body.flow}A`, body.flow.slice(0, -3), body.flow.replace("s1.", "s2.")]) {
      const answer = await ada.finish("acme", { flow, query })
      expect([flow.length, answer.status, answer.body.detail]).toEqual([flow.length, 401, sentence.slice(0, -1)])
    }
    expect(new Set(refusals(place))).toEqual(new Set(["acme flow"]))
  })
})
