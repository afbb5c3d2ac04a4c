/**
 * Line 30 of the security checklist and the rules of linking: an identity is an issuer and its subject, and an address opens an account only where
 * the provider runs the mailbox, and never one that somebody else prepared.
 */
import { env } from "cloudflare:workers"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { rulingOf } from "../../src/authentication/providers/entering.ts"
import { lettersTo, letterTo, newAddress, newNetwork } from "../support/people.ts"
import {
  accountsOf,
  claimsOf,
  enter,
  identityRows,
  newEmail,
  refusals,
  visitor,
  type World,
  whoIs,
  world,
} from "./world.ts"

const must = "Nobody signs in with this account of"

/** Somebody with a password at this application, and the token of a session. */
async function member(place: World, email: string, { proves = true } = {}) {
  const { password } = newAddress()
  const headers = { "CF-Connecting-IP": newNetwork() }
  const post = (path: string, body: object) => place.isolate.call(null, `POST /v1/auth/${path}`, { body, headers })
  const made = await post("sign-up", { email, password, name: "Grace" })
  if (proves) {
    await place.isolate.settled()
    await post("verify-email", { token: (await letterTo(email, "Confirm")).action.token })
  }
  const signIn = () => post("sign-in", { email, password })
  const session = proves ? (await signIn()).body : made.body.session
  return { email, password, signIn, id: session?.userId as string, token: session?.accessToken as string }
}

describe("checklist 30: the address of somebody who has an account", () => {
  test("at a provider that does not run the mailbox opens nothing, proved or not", async () => {
    const place = await world()
    const grace = await member(place, newEmail())
    for (const isProved of [true, false]) {
      const mallory = visitor(place)
      const answer = await enter(place, mallory, claimsOf({ email: grace.email, email_verified: isProved }))
      expect(answer.status).toBe(400)
      expect(answer.body).toContain(must)
      expect(await whoIs(mallory)).toBeNull()
    }
    expect(await identityRows(place.acme.issuer)).toEqual([])
    expect(refusals(place)).toEqual(["acme unlinked", "acme unlinked"])
    expect((await grace.signIn()).status).toBe(200)
  })

  test("at the provider that runs the mailbox opens the account, and its owner is told", async () => {
    const place = await world()
    const grace = await member(place, newEmail("acme.example"))
    const browser = visitor(place)
    expect((await enter(place, browser, claimsOf({ email: grace.email }))).status).toBe(303)
    expect(await whoIs(browser)).toMatchObject({ id: grace.id })
    expect(await identityRows(place.acme.issuer)).toMatchObject([{ userId: grace.id }])
    await place.isolate.settled()
    expect((await letterTo(grace.email, "Acme now signs you in")).text).toContain("can now be entered with an account")
    // The account was proved: its password is its owner's.
    expect((await grace.signIn()).status).toBe(200)
  })

  test("at the provider that runs the mailbox, but has not proved it, opens nothing", async () => {
    const place = await world()
    const grace = await member(place, newEmail("acme.example"))
    const mallory = visitor(place)
    const answer = await enter(place, mallory, claimsOf({ email: grace.email, email_verified: false }))
    expect([answer.status, await whoIs(mallory)]).toEqual([400, null])
    expect(await identityRows(place.acme.issuer)).toEqual([])
  })

  test("written in another case, or with a domain that only ends like it, is not taken for the provider's own", async () => {
    const place = await world()
    const grace = await member(place, newEmail("notacme.example"))
    const mallory = visitor(place)
    expect((await enter(place, mallory, claimsOf({ email: grace.email }))).status).toBe(400)
    const other = await member(place, newEmail("acme.example"))
    const browser = visitor(place)
    expect((await enter(place, browser, claimsOf({ email: other.email.toUpperCase() }))).status).toBe(303)
    expect(await whoIs(browser)).toMatchObject({ id: other.id })
  })

  test("at a second provider does not reach the account that the first one opens", async () => {
    const place = await world()
    const email = newEmail("acme.example")
    const ada = visitor(place)
    await enter(place, ada, claimsOf({ email }))
    const mallory = visitor(place)
    expect((await enter(place, mallory, claimsOf({ email }), "other")).status).toBe(400)
    expect(await whoIs(mallory)).toBeNull()
    expect(await identityRows(place.other.issuer)).toEqual([])
  })

  test("prepared by a stranger is cleared before its owner is let in: password, session and identity are gone", async () => {
    const place = await world({ emailVerification: "optional", takenAddress: "told" })
    const email = newEmail("acme.example")
    const mallory = await member(place, email, { proves: false })
    // The stranger links an identity of their own, while nobody has proved the address.
    const own = claimsOf({ sub: "mallory" })
    const linked = await place.isolate.call(mallory, "POST /v1/auth/providers/other/link", { body: {} })
    const query = place.other.agree(linked.body.url, own).toString()
    const body = { flow: linked.body.flow, query }
    const headers = { "CF-Connecting-IP": newNetwork() }
    expect((await place.isolate.call(mallory, "POST /v1/auth/providers/other/finish", { body, headers })).status).toBe(
      200,
    )

    const ada = visitor(place)
    expect((await enter(place, ada, claimsOf({ email }))).status).toBe(303)
    expect(await whoIs(ada)).toMatchObject({ id: mallory.id, email })
    expect((await mallory.signIn()).status).toBe(401)
    expect(await identityRows(place.other.issuer)).toEqual([])
    const back = visitor(place)
    await enter(place, back, own, "other")
    expect((await whoIs(back))?.id).not.toBe(mallory.id)
    await place.isolate.settled()
    expect((await place.isolate.call(mallory, "GET /v1/sessions")).status).toBe(401)
  })

  test("proved by a letter takes the account from a stranger's identity, too", async () => {
    const place = await world({ emailVerification: "optional", takenAddress: "told" })
    const mallory = await member(place, newEmail(), { proves: false })
    const linked = await place.isolate.call(mallory, "POST /v1/auth/providers/acme/link", { body: {} })
    const own = claimsOf({ sub: "mallory" })
    const body = { flow: linked.body.flow, query: place.acme.agree(linked.body.url, own).toString() }
    await place.isolate.call(mallory, "POST /v1/auth/providers/acme/finish", { body })
    expect(await identityRows(place.acme.issuer)).toHaveLength(1)

    await place.isolate.settled()
    const { token } = (await letterTo(mallory.email, "Confirm")).action
    const headers = { "CF-Connecting-IP": newNetwork() }
    const verified = await place.isolate.call(null, "POST /v1/auth/verify-email", { body: { token }, headers })
    expect(verified.status).toBe(200)
    expect(await identityRows(place.acme.issuer)).toEqual([])
  })
})

describe("who is new", () => {
  test.each([
    ["an address that the provider has not proved", { email_verified: false }],
    ["an address that is proved in a word only", { email_verified: "true" }],
    ["no address", { email: undefined }],
    ["an address that is none", { email: "ada at acme" }],
  ])("with %s gets no account", async (_, more) => {
    const place = await world()
    const ada = visitor(place)
    const claims = claimsOf(more)
    const answer = await enter(place, ada, claims)
    expect(answer.status).toBe(400)
    expect(answer.body).toContain(must)
    expect(await whoIs(ada)).toBeNull()
    expect(await accountsOf(String(claims.email))).toBe(0)
    expect(refusals(place)).toEqual(["acme unlinked"])
  })

  test("gets no account where the provider's sign-up is closed, and reads the same as who has one", async () => {
    const place = await world({}, { signUp: "closed" })
    const grace = await member(place, newEmail())
    const texts = []
    for (const email of [newEmail(), grace.email]) {
      const ada = visitor(place)
      const { status, body } = await enter(place, ada, claimsOf({ email }))
      texts.push([status, /<p role="alert">.*<\/p>/.exec(String(body))?.[0]])
      expect(await whoIs(ada)).toBeNull()
    }
    expect(texts[0]).toEqual(texts[1])
    expect(texts[0]?.[1]).toContain(must)
  })
})

describe("who is closed out", () => {
  test("stays out with an identity that is linked, and with one that would be", async () => {
    const place = await world()
    const email = newEmail("acme.example")
    const claims = claimsOf({ email })
    const ada = visitor(place)
    await enter(place, ada, claims)
    const me = await whoIs(ada)
    await env.DB.prepare(`update "users" set "status" = 'disabled' where "id" = ?`).bind(me?.id).run()
    for (const one of [claims, claimsOf({ email })]) {
      const later = visitor(place)
      const answer = await enter(place, later, one)
      expect([answer.status, [...later.jar.keys()]]).toEqual([403, []])
      expect(answer.body).toContain("This account is closed.")
    }
    expect(refusals(place)).toEqual(["acme closed", "acme closed"])
    expect(await identityRows(place.acme.issuer)).toHaveLength(1)
  })

  test("comes back from a deletion that has not happened yet, as with a password", async () => {
    const place = await world()
    const claims = claimsOf()
    const ada = visitor(place)
    await enter(place, ada, claims)
    const me = await whoIs(ada)
    const until = new Date(Date.now() + 86_400_000).toISOString()
    await env.DB.prepare(
      `update "users" set "status" = 'deleting', "deleteAfter" = ?, "version" = "version" + 1 where "id" = ?`,
    )
      .bind(until, me?.id)
      .run()
    const later = visitor(place)
    expect((await enter(place, later, claims)).status).toBe(303)
    expect(await whoIs(later)).toMatchObject({ id: me?.id, status: "active", deleteAfter: null })
  })

  test("leaves nothing behind when the time is over: the identity goes with the account, and may begin anew", async () => {
    const place = await world()
    const claims = claimsOf()
    const ada = visitor(place)
    await enter(place, ada, claims)
    const me = await whoIs(ada)
    await env.DB.prepare(`update "users" set "status" = 'deleting', "deleteAfter" = ? where "id" = ?`)
      .bind(new Date(Date.now() - 1000).toISOString(), me?.id)
      .run()
    await place.isolate.tend(new Date())
    expect(await identityRows(place.acme.issuer)).toEqual([])
    const later = visitor(place)
    expect((await enter(place, later, claims)).status).toBe(303)
    expect((await whoIs(later))?.id).not.toBe(me?.id)
  })
})

describe("the rule itself", () => {
  const identities = fc.record({
    subject: fc.string(),
    issuer: fc.webUrl(),
    name: fc.constant(null),
    email: fc.option(fc.emailAddress()),
    isEmailProved: fc.boolean(),
    isAuthority: fc.boolean(),
  })

  test("an account is opened by an address only with proof and authority; one is made only with proof, where sign-up is open", () => {
    fc.assert(
      fc.property(
        identities,
        fc.boolean(),
        fc.constantFrom("open" as const, "closed" as const),
        (identity, has, signUp) => {
          const ruling = rulingOf(identity, has, signUp)
          const isProved = identity.email !== null && identity.isEmailProved
          if (ruling === "link") return has && isProved && identity.isAuthority
          if (ruling === "sign-up") return !has && isProved && signUp === "open"
          return !isProved || (has ? !identity.isAuthority : signUp === "closed")
        },
      ),
    )
  })

  test("no letter goes to an address that nobody proved", async () => {
    const place = await world()
    const claims = claimsOf({ email_verified: false })
    await enter(place, visitor(place), claims)
    await place.isolate.settled()
    expect(await lettersTo(String(claims.email))).toEqual([])
  })
})
