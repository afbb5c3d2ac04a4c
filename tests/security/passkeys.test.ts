/** Line 16 of the security checklist: passkeys, and everything about one that is wrong (ASVS 6.7.2; WebAuthn Level 3 §7.1, §7.2). */
import { env } from "cloudflare:workers"
import { base64url } from "jose"
import { beforeAll, describe, expect, test } from "vitest"
import { idRoute } from "../../src/authentication/token.ts"
import { newBrowser } from "../support/browser.ts"
import { call, faultsOf } from "../support/calls.ts"
import {
  begin,
  claimsOf,
  enter,
  failedIn,
  type Holder,
  holder,
  post,
  register,
  rpId,
  signInWith,
  site,
} from "../support/passkey-holders.ts"
import { type Bend, bits, softPasskey } from "../support/passkeys.ts"
import { letterTo, newNetwork, type Person, person, signIn } from "../support/people.ts"
import { serving } from "../support/serving.ts"
import { eventsIn, inObject, objectOf } from "../support/user-objects.ts"

const from = () => ({ "CF-Connecting-IP": newNetwork() })
const sessionsIn = (who: Person) => inObject(objectOf(who), 'select "sid" from "sessions"')

/** For what is refused: it leaves them as they were. */
let victim: Holder
let bare: Person
beforeAll(async () => {
  ;[victim, bare] = await Promise.all([holder(), person("Bare")])
})

describe("a passkey that is added", () => {
  test("is asked for as one that is found by itself, checks its user, and is attested by nobody", async () => {
    const ada = await person("Ada")
    const { options } = (await post("factors/passkey", {}, ada)).body
    expect(options).toMatchObject({
      rp: { id: rpId, name: "Workspace" },
      user: { name: ada.email, displayName: "Ada", id: base64url.encode(idRoute(ada.id)) },
      pubKeyCredParams: [{ alg: -8 }, { alg: -7 }, { alg: -257 }],
      excludeCredentials: [],
      authenticatorSelection: { residentKey: "required", userVerification: "required" },
      attestation: "none",
    })
    expect(base64url.decode(options.challenge)).toHaveLength(32)
  })

  test.each(["ES256", "EdDSA", "RS256"] as const)("with %s: is a second factor from then on", async (algorithm) => {
    const ada = await holder({ algorithm, isSynced: algorithm === "ES256" })
    const list = (await call(ada, "GET /v1/factors")).body
    expect(list).toMatchObject({
      items: [{ kind: "passkey", name: "Passkey", lastUsedAt: null, synced: algorithm === "ES256" }],
      recoveryCodesLeft: 10,
    })
    expect((await signIn(ada)).body).toMatchObject({ kind: "secondFactor", methods: ["passkey", "recoveryCode"] })
    await letterTo(ada.email, "A second factor was added")
    expect((await eventsIn(ada)).map(([kind]) => kind)).toContain("factor.added")
  })

  test("stands beside others, by name; an authenticator is told of those that there are", async () => {
    const ada = await holder()
    const { options } = (await post("factors/passkey", {}, ada)).body
    expect(options.excludeCredentials).toEqual([{ type: "public-key", id: ada.passkey.id }])
    const second = await softPasskey(site)
    const added = await register(ada, second, {}, { name: "Key ring" })
    const { accessToken: token } = added.body.session
    expect((await call({ token }, "GET /v1/factors")).body.items).toMatchObject([
      { name: "Passkey" },
      { name: "Key ring" },
    ])
    for (const passkey of [ada.passkey, second]) expect((await signInWith(passkey)).status).toBe(200)
    expect((await call({ token }, "GET /v1/factors")).body.items[1].lastUsedAt).not.toBeNull()
  })

  test("and removed signs in no more", async () => {
    const ada = await holder()
    expect((await call(ada, `DELETE /v1/factors/${ada.factorId}`)).status).toBe(200)
    expect(faultsOf(await signInWith(ada.passkey))).toEqual([400, "/passkey unknown_passkey"])
    expect((await signIn(ada)).body.kind).toBe("session")
  })

  test.each<[string, Bend]>([
    ["wrong_origin", { origin: "https://evil.example" }],
    ["wrong_origin", { crossOrigin: true }],
    ["wrong_rp_id", { rpId: "evil.example" }],
    ["wrong_challenge", { challenge: base64url.encode(new Uint8Array(32)) }],
    ["wrong_type", { type: "webauthn.get" }],
    ["no_user_presence", { without: bits.present }],
    ["no_user_verification", { without: bits.verified }],
    ["malformed", { rawId: "AAAA" }],
    ["malformed", { behind: new Uint8Array([1, 2, 3]) }],
    ["malformed", { with: bits.backedUp }],
    [
      "unknown_algorithm",
      {
        key: new Map<number, number>([
          [1, 2],
          [3, -65535],
        ]),
      },
    ],
  ])("%s is refused and is an event: %j", async (code, bend) => {
    const before = (await failedIn(bare)).length
    expect(faultsOf(await register(bare, await softPasskey(site), bend))).toEqual([400, `/credential ${code}`])
    expect((await failedIn(bare)).slice(before)).toEqual([code])
    expect((await call(bare, "GET /v1/factors")).body.items).toEqual([])
  })

  test("comes once, within its session: not with the same answer again, nor with another's state", async () => {
    const [ada, eve] = [await person("Ada"), await person("Eve")]
    const passkey = await softPasskey(site)
    const { state, options } = (await post("factors/passkey", {}, ada)).body
    const body = { state, credential: await passkey.create(options) }
    expect(faultsOf(await post("factors/passkey/confirm", body, eve))).toEqual([400, "/state invalid_token"])
    const both = await Promise.all([1, 2].map(() => post("factors/passkey/confirm", body, ada)))
    expect(both.map(({ status }) => status).sort()).toEqual([200, 401])
    expect(await inObject(objectOf(ada), 'select * from "factors"')).toHaveLength(1)
  })
})

describe("a sign-in with a passkey alone", () => {
  test("types nothing, is two factors, and opens a session", async () => {
    const ada = await holder()
    const begun = await begin()
    expect(begun.options).toMatchObject({ rpId, userVerification: "required" })
    expect(begun.options).not.toHaveProperty("allowCredentials")
    const { status, body } = await enter({ state: begun.state, credential: await ada.passkey.get(begun.options) })
    expect([status, body.kind, body.userId]).toEqual([200, "session", ada.id])
    expect(claimsOf(body.accessToken)).toMatchObject({ amr: ["hwk", "user", "mfa"], acr: "aal2" })
    expect((await call({ token: body.accessToken }, "GET /v1/me")).body).toMatchObject({ id: ada.id })
  })

  test("in a browser its state and its session are in cookies, and another browser's are of no use", async () => {
    const ada = await holder()
    const [browser, other] = [newBrowser(), newBrowser()]
    const begun = await browser.fetch("POST /v1/auth/passkey", { body: { transport: "cookie" } })
    expect(begun.body).not.toHaveProperty("state")
    expect(begun.headers.getSetCookie()).toEqual([
      expect.stringMatching(
        /^__Host-challenge=s1\..*; Max-Age=(59\d|600); Path=\/; Secure; HttpOnly; SameSite=Strict$/,
      ),
    ])
    const credential = await ada.passkey.get(begun.body.options)
    const body = { credential, transport: "cookie" }
    await other.fetch("POST /v1/auth/passkey", { body: { transport: "cookie" } })
    const elsewhere = await other.fetch("POST /v1/auth/passkey/sign-in", { body })
    expect(faultsOf(elsewhere)).toEqual([400, "/passkey wrong_challenge"])
    const none = await newBrowser().fetch("POST /v1/auth/passkey/sign-in", { body })
    expect(faultsOf(none)).toEqual([400, "/passkey wrong_challenge"])
    const done = await browser.fetch("POST /v1/auth/passkey/sign-in", { body })
    expect(done.status).toBe(200)
    expect(JSON.stringify(done.body)).not.toMatch(/eyJ|sv_|s1\./)
    expect([...browser.jar.keys()].sort()).toEqual(["__Host-at", "__Host-device", "__Host-rt"])
    expect((await browser.fetch("GET /v1/me")).body).toMatchObject({ id: ada.id })
  })

  test.each<[string, Bend]>([
    ["wrong_origin", { origin: "https://evil.example" }],
    ["wrong_origin", { origin: "http://localhost:8788" }],
    ["wrong_origin", { crossOrigin: true, topOrigin: "https://evil.example" }],
    ["wrong_rp_id", { rpId: "evil.example" }],
    ["wrong_challenge", { challenge: base64url.encode(new Uint8Array(32)) }],
    ["wrong_type", { type: "webauthn.create" }],
    ["no_user_presence", { without: bits.present }],
    ["no_user_verification", { without: bits.verified }],
    ["wrong_signature", { forged: true }],
    ["wrong_signature", { signature: (bytes) => bytes.map((byte, n) => (n === 40 ? byte ^ 1 : byte)) }],
    ["wrong_signature", { signature: () => new Uint8Array([0x30, 0]) }],
    ["malformed", { behind: new Uint8Array([0]) }],
  ])("%s is refused, opens nothing and is an event: %j", async (code, bend) => {
    const before = { failed: (await failedIn(victim)).length, sessions: await sessionsIn(victim) }
    const answer = await signInWith(victim.passkey, bend)
    expect(faultsOf(answer)).toEqual([400, `/passkey ${code}`])
    expect(answer.headers.getSetCookie()).toEqual([])
    expect((await failedIn(victim)).slice(before.failed)).toEqual([code])
    expect(await sessionsIn(victim)).toEqual(before.sessions)
  })

  test("and nothing is held against the right one", async () => {
    expect((await failedIn(victim)).length).toBeGreaterThan(5)
    expect((await signInWith(victim.passkey)).status).toBe(200)
  })

  test("an answer counts once, also of 4 that come at the same time", async () => {
    const ada = await holder()
    const { state, options } = await begin()
    const credential = await ada.passkey.get(options)
    const answers = await Promise.all([1, 2, 3, 4].map(() => enter({ state, credential })))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400, 400])
    expect(faultsOf(await enter({ state, credential }))).toEqual([400, "/passkey used_challenge"])
    expect(await failedIn(ada)).toEqual(Array(4).fill("replayed"))
    expect(await sessionsIn(ada)).toHaveLength(2)
  })

  test("a challenge is for one purpose, for ten minutes, and of nobody's making", async () => {
    const ada = await holder()
    const stepping = await begin({ purpose: "stepUp" }, ada)
    const crossed = await enter({ state: stepping.state, credential: await ada.passkey.get(stepping.options) })
    expect(faultsOf(crossed)).toEqual([400, "/passkey wrong_challenge"])
    const made = { challenge: base64url.encode(new Uint8Array(32)), rpId }
    for (const state of ["x", `${stepping.state.slice(0, -2)}AA`])
      expect(faultsOf(await enter({ state, credential: await ada.passkey.get(made) }))).toEqual([
        400,
        "/passkey wrong_challenge",
      ])
    let now = Date.now()
    const clocked = serving({}, undefined, { now: () => new Date(now) })
    const late = (path: string, body: object) => clocked.call(null, `POST /v1/${path}`, { body, headers: from() })
    for (const [minutes, status] of [
      [9, 200],
      [10, 400],
    ] as const) {
      now = Date.now()
      const { state, options } = (await late("auth/passkey", {})).body
      const credential = await ada.passkey.get(options)
      now += minutes * 60_000
      expect((await late("auth/passkey/sign-in", { state, credential })).status).toBe(status)
    }
  })

  test("nobody's, another's and a closed account's passkeys open nothing, and nobody's log is filled by them", async () => {
    const [ada, eve] = [await holder(), await holder()]
    const unknown = await softPasskey(site)
    await unknown.create({ challenge: "x", rp: { id: rpId }, user: { id: base64url.encode(idRoute(eve.id)) } })
    expect(faultsOf(await signInWith(unknown))).toEqual([400, "/passkey unknown_passkey"])
    const handles = [
      base64url.encode(idRoute(eve.id)),
      base64url.encode(new Uint8Array(16)),
      base64url.encode(new Uint8Array(3)),
      null,
    ]
    for (const userHandle of handles)
      expect(faultsOf(await signInWith(ada.passkey, { userHandle }))).toEqual([400, "/passkey unknown_passkey"])
    expect([await failedIn(ada), await failedIn(eve)]).toEqual([[], []])
    await env.DB.prepare(`update "users" set "status" = 'disabled' where "id" = ?`).bind(ada.id).run()
    expect((await signInWith(ada.passkey)).status).toBe(403)
    expect(await sessionsIn(ada)).toHaveLength(1)
  })

  test("goes on while the password is throttled", async () => {
    const ada = await holder()
    for (let n = 0; n < 6; n++) await signIn({ ...ada, password: "a wrong guess, wrong", headers: from() })
    expect((await signIn({ ...ada, headers: from() })).status).toBe(429)
    expect((await signInWith(ada.passkey)).status).toBe(200)
  })
})
