/** Signing up and in with somebody who vouches for the person: browsers, and programs that keep the flow themselves. */
import { describe, expect, test } from "vitest"
import { flowSeconds } from "../../src/authentication/providers/started.ts"
import { cookiesSet } from "../support/browser.ts"
import { lettersTo } from "../support/people.ts"
import {
  accountsOf,
  claimsOf,
  comeBack,
  enter,
  identityRows,
  program,
  refusals,
  start,
  visitor,
  whoIs,
  world,
} from "./world.ts"

describe("somebody new", () => {
  test("goes to the provider and comes back with an account, a session in cookies, and no flow left", async () => {
    const place = await world()
    const ada = visitor(place)
    const claims = claimsOf({ sub: "ada at acme" })

    const started = await ada.fetch("GET /auth/acme/start")
    expect(started.status).toBe(303)
    const url = new URL(started.headers.get("Location") ?? "")
    expect(url.origin + url.pathname).toBe(`${place.acme.issuer}/authorize`)
    const asked = Object.fromEntries(url.searchParams)
    expect(asked).toEqual({
      response_type: "code",
      client_id: "the-client_1",
      redirect_uri: "http://localhost:8787/auth/acme/callback",
      scope: "openid email profile",
      state: expect.stringMatching(/^[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: "S256",
    })
    const flow = cookiesSet(started).get("__Host-flow")
    const [age = "", ...rest] = flow?.attributes ?? []
    expect(rest).toEqual(["path=/", "secure", "httponly", "samesite=lax"])
    const seconds = Number(age.replace("max-age=", ""))
    expect(seconds > 0 && seconds <= flowSeconds).toBe(true)
    for (const secret of [asked.state, asked.nonce, asked.code_challenge]) expect(flow?.value).not.toContain(secret)

    const back = await comeBack(ada, place.acme.agree(url.href, claims))
    expect([back.status, back.headers.get("Location")]).toEqual([303, "/account"])
    expect([...cookiesSet(back).keys()].sort()).toEqual(["__Host-at", "__Host-device", "__Host-flow", "__Host-rt"])
    expect([...ada.jar.keys()].sort()).toEqual(["__Host-at", "__Host-device", "__Host-rt"])

    const me = await whoIs(ada)
    expect(me).toMatchObject({
      email: claims.email,
      name: "Ada Lovelace",
      roles: [],
      emailVerifiedAt: expect.any(String),
    })
    expect(await identityRows(place.acme.issuer)).toMatchObject([
      { userId: me?.id, provider: "acme", subject: "ada at acme", email: claims.email },
    ])
    expect(refusals(place)).toEqual([])
    // The provider proved the address: no letter has to.
    expect(await lettersTo(String(claims.email))).toEqual([])
  })

  test("comes again and finds the same account, though the provider tells another address by now", async () => {
    const place = await world()
    const claims = claimsOf()
    const first = visitor(place)
    await enter(place, first, claims)
    const me = await whoIs(first)

    const later = visitor(place)
    const moved = claimsOf({ sub: claims.sub })
    expect((await enter(place, later, moved)).status).toBe(303)
    expect(await whoIs(later)).toMatchObject({ id: me?.id, email: claims.email })
    expect(await accountsOf(String(moved.email))).toBe(0)
    // Kept as told, for the owner to see; it proves nothing.
    expect(await identityRows(place.acme.issuer)).toMatchObject([{ userId: me?.id, email: moved.email }])
  })

  test("who comes twice at the same moment is one person", async () => {
    const place = await world()
    const claims = claimsOf()
    const browsers = [visitor(place), visitor(place), visitor(place)]
    const urls = await Promise.all(browsers.map((one) => start(one)))
    const answers = await Promise.all(
      browsers.map((one, n) => comeBack(one, place.acme.agree(urls[n] as string, claims))),
    )
    expect(answers.map(({ status }) => status)).toEqual([303, 303, 303])
    const people = await Promise.all(browsers.map(whoIs))
    expect(new Set(people.map((one) => one?.id)).size).toBe(1)
    expect(await identityRows(place.acme.issuer)).toHaveLength(1)
  })

  test("is known by UserInfo where the ID token does not tell the address", async () => {
    const place = await world()
    const { email, email_verified, ...bare } = claimsOf()
    place.acme.userInfo = { email, email_verified, name: "Ada at length" }
    const ada = visitor(place)
    await enter(place, ada, bare as never)
    expect(await whoIs(ada)).toMatchObject({ email, name: "Ada Lovelace" })
    expect(place.acme.asked).toContain("GET /userinfo")
  })

  test("without a name is called by the address", async () => {
    const place = await world()
    const ada = visitor(place)
    const claims = claimsOf({ name: "  " })
    await enter(place, ada, claims)
    expect((await whoIs(ada))?.name).toBe(String(claims.email).split("@")[0])
  })
})

describe("returnTo", () => {
  test("brings the browser back to a page of this site", async () => {
    const place = await world()
    const ada = visitor(place)
    const url = await start(ada, "acme", `?returnTo=${encodeURIComponent("/shop/1?a=b#c")}`)
    const back = await comeBack(ada, place.acme.agree(url, claimsOf()))
    expect(back.headers.get("Location")).toBe("/shop/1?a=b#c")
  })

  test.each([
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example",
    "/\t/evil.example",
    "/..//evil.example",
    "/.//evil.example",
    "/a/..//evil.example",
    "/..\\\\evil.example",
    "javascript:alert(1)",
    "shop",
    "",
  ])("leads nowhere else: %j", async (returnTo) => {
    const place = await world()
    const ada = visitor(place)
    const answer = await ada.fetch(`GET /auth/acme/start?returnTo=${encodeURIComponent(returnTo)}`)
    expect(answer.status).toBe(400)
    expect(answer.headers.get("Location")).toBeNull()
    expect(ada.jar.size).toBe(0)
    expect(place.acme.asked).toEqual([])
  })
})

describe("a program that keeps its flow itself", () => {
  const redirectUri = "com.example.app:/signed-in"

  test("begins, finishes with what came to its own address, and gets tokens", async () => {
    const place = await world({}, { redirectUris: [redirectUri] })
    const app = program(place)
    expect((await place.isolate.call(null, "GET /v1/auth/providers")).body).toEqual({
      items: [
        { name: "acme", title: "Acme" },
        { name: "other", title: "Other" },
      ],
    })

    const { body: began } = await app.begin("acme", { redirectUri })
    expect(new URL(began.url).searchParams.get("redirect_uri")).toBe(redirectUri)
    const claims = claimsOf()
    const query = place.acme.agree(began.url, claims).toString()
    const { status, body, headers } = await app.finish("acme", { flow: began.flow, query })
    expect(status).toBe(200)
    expect(headers.getSetCookie()).toEqual([])
    const me = await place.isolate.call({ token: body.signIn.accessToken }, "GET /v1/me")
    expect(me.body.email).toBe(claims.email)
  })

  test("must have declared its address, letter by letter", async () => {
    const place = await world({}, { redirectUris: [redirectUri] })
    for (const wrong of [`${redirectUri}/`, "com.example.app:/", "https://evil.example/auth/acme/callback"]) {
      const { status, body } = await program(place).begin("acme", { redirectUri: wrong })
      expect([wrong, status, body.violations?.[0]?.path]).toEqual([wrong, 400, "/redirectUri"])
    }
    // The other provider has declared none.
    expect((await program(place).begin("other", { redirectUri })).status).toBe(400)
  })

  test("gets no cookies for a page of another site", async () => {
    const place = await world()
    const { body } = await program(place).begin("acme")
    const query = place.acme.agree(body.url, claimsOf()).toString()
    const refused = await program(place).finish("acme", { flow: body.flow, query, transport: "cookie" })
    expect(refused.status).toBe(403)
    expect(await identityRows(place.acme.issuer)).toEqual([])
  })
})

describe("pages", () => {
  test("sign-in and sign-up lead to each provider; without providers there is nothing of the kind", async () => {
    const place = await world()
    for (const path of ["/account/sign-in", "/account/sign-up"]) {
      const { body } = await place.isolate.call(null, `GET ${path}`)
      expect(body).toContain('<a href="/auth/acme/start">Go on with Acme</a>')
      expect(body).toContain('<a href="/auth/other/start">Go on with Other</a>')
    }
    expect((await visitor(place).fetch("GET /auth/nobody/start")).status).toBe(404)
    expect((await visitor(place).fetch("POST /auth/acme/start", { body: "" })).status).toBe(405)
  })
})
