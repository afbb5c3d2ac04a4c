/** Access tokens under our own keys: only what we signed, for a session that lives, opens anything. */
import { base64url, exportJWK, generateKeyPair } from "jose"
import { beforeAll, describe, expect, test } from "vitest"
import { mintToken } from "../support/actors.ts"
import { call, costOf } from "../support/calls.ts"
import { currentKey, ownClaims, signOwn } from "../support/own-tokens.ts"
import { type Person, person } from "../support/people.ts"
import { serving } from "../support/serving.ts"

let ada: Person
beforeAll(async () => {
  ada = await person("Ada")
})

const encode = (value: unknown) => base64url.encode(JSON.stringify(value))
const without = (name: string) => {
  const { [name]: _, ...rest } = ownClaims(ada)
  return rest
}

/** One answer for all: nobody learns what was wrong. */
async function expectRefusal(token: string): Promise<void> {
  const answer = await call({ token }, "GET /v1/me")
  expect(answer.status).toBe(401)
  const { code, detail } = answer.body
  expect({ code, detail }).toEqual({ code: "UNAUTHENTICATED", detail: "The credential is not valid" })
  expect(answer.headers.get("WWW-Authenticate")).toContain('error="invalid_token"')
  expect(costOf(answer).trips).toBe(0)
}

test("what the other tests bend does hold when nothing is bent", async () => {
  const answer = await call({ token: await signOwn(ownClaims(ada)) }, "GET /v1/me")
  expect(answer).toMatchObject({ status: 200, body: { id: ada.id } })
})

describe("checklist 25: whose signature cannot be trusted, under our own keys", () => {
  test.each<[string, () => Promise<string>]>([
    [
      "alg=none with our kid",
      async () => `${encode({ alg: "none", typ: "at+jwt", kid: (await currentKey()).kid })}.${encode(ownClaims(ada))}.`,
    ],
    [
      "HS256 with our published key as secret",
      async () => {
        const { publicJwk } = await currentKey()
        return signOwn(ownClaims(ada), { alg: "HS256" }, new TextEncoder().encode(JSON.stringify(publicJwk)))
      },
    ],
    [
      "HS256 with the bytes of our published key as secret",
      async () => signOwn(ownClaims(ada), { alg: "HS256" }, base64url.decode((await currentKey()).publicJwk.x ?? "")),
    ],
    ["an unknown kid", () => signOwn(ownClaims(ada), { kid: "unknown" })],
    ["no kid", () => signOwn(ownClaims(ada), { kid: undefined })],
    [
      "another key under our kid",
      async () => signOwn(ownClaims(ada), {}, (await generateKeyPair("EdDSA")).privateKey as CryptoKey),
    ],
    [
      "a key of its own in the header (jwk)",
      async () => {
        const { publicKey, privateKey } = await generateKeyPair("EdDSA", { extractable: true })
        return signOwn(ownClaims(ada), { jwk: await exportJWK(publicKey) }, privateKey as CryptoKey)
      },
    ],
    [
      "an address of its own in the header (jku)",
      async () => {
        const { privateKey } = await generateKeyPair("EdDSA")
        return signOwn(ownClaims(ada), { jku: "https://elsewhere.test/jwks.json" }, privateKey as CryptoKey)
      },
    ],
    [
      "a changed payload",
      async () => {
        const [head, , signature] = ada.token.split(".")
        return `${head}.${encode({ ...ownClaims(ada), roles: ["admin"] })}.${signature}`
      },
    ],
    ["a signature cut short", async () => ada.token.slice(0, -4)],
  ])("%s", async (_, make) => {
    await expectRefusal(await make())
  })
})

describe("checklist 26: whose claims do not hold, under our own keys", () => {
  const at = Math.floor(Date.now() / 1000)
  test.each<[string, () => Promise<string>]>([
    ["expired", () => signOwn({ ...ownClaims(ada), exp: at - 1 })],
    ["not yet valid", () => signOwn({ ...ownClaims(ada), nbf: at + 600 })],
    ["without an end", () => signOwn(without("exp"))],
    ["without a beginning", () => signOwn(without("iat"))],
    ["of another issuer", () => signOwn({ ...ownClaims(ada), iss: "https://elsewhere.test" })],
    ["for another audience", () => signOwn({ ...ownClaims(ada), aud: "elsewhere" })],
    ["an ID token", () => signOwn(ownClaims(ada), { typ: "JWT" })],
    ["of no type", () => signOwn(ownClaims(ada), { typ: undefined })],
    ["for a subject that is no user", () => signOwn({ ...ownClaims(ada), sub: "robot" })],
    ["without a session", () => signOwn(without("sid"))],
    ["with an empty session", () => signOwn({ ...ownClaims(ada), sid: "" })],
    ["without an epoch", () => signOwn(without("epoch"))],
    ["with an epoch that is no number", () => signOwn({ ...ownClaims(ada), epoch: "99" })],
    ["without the instant of the proof", () => signOwn(without("auth_time"))],
  ])("%s", async (_, make) => {
    await expectRefusal(await make())
  })

  test("whose epoch lies below what the object has raised it to, or whose session is over", async () => {
    const grace = await person("Grace")
    const old = await signOwn(ownClaims(grace))
    expect((await call({ token: old }, "GET /v1/me")).status).toBe(200)
    expect((await call(grace, "POST /v1/auth/sign-out", { headers: grace.headers })).status).toBe(200)
    for (const epoch of [1, 2, 999]) {
      const token = await signOwn({ ...ownClaims(grace), epoch })
      expect((await serving().call({ token }, "GET /v1/me")).status, `epoch ${epoch}`).toBe(401)
    }
  })

  test("another issuer's token is no session, whatever it claims to be", async () => {
    const token = await mintToken(ada.id)
    expect((await call({ token }, "GET /v1/me")).status).toBe(200)
    for (const line of ["GET /v1/sessions", "GET /v1/me/export", "GET /v1/api-keys", "POST /v1/sessions/revoke-others"])
      expect((await call({ token }, line, line.startsWith("POST") ? { body: {} } : {})).status, line).toBe(403)
  })

  test("what is no access token opens nothing as one: refresh token, device token, the token of a letter, a made-up key", async () => {
    const texts = [ada.refreshToken, ada.deviceToken, `sv_test_${"0".repeat(70)}`, `sv_em_${"0".repeat(70)}`, "", "a b"]
    for (const text of texts)
      expect((await call(null, "GET /v1/me", { headers: { Authorization: `Bearer ${text}` } })).status, text).toBe(401)
  })
})
