/** Access tokens: what does not hold is 401 without saying why, and reads nothing. */
import { env } from "cloudflare:workers"
import { base64url, exportJWK, generateKeyPair, importJWK, SignJWT } from "jose"
import { beforeAll, describe, expect, test } from "vitest"
import { type Actor, mintToken, newActor } from "../support/actors.ts"
import { call, costOf } from "../support/calls.ts"

let ada: Actor
beforeAll(async () => {
  ada = await newActor("Ada")
})

const withToken = (token: string) => call({ ...ada, token }, "GET /v1/tasks")
const encode = (value: unknown) => base64url.encode(JSON.stringify(value))
const claims = () => {
  const at = Math.floor(Date.now() / 1000)
  return { iss: env.TOKEN_ISSUER, aud: env.TOKEN_AUDIENCE, sub: ada.id, iat: at, exp: at + 600, roles: ["admin"] }
}

async function signed(header: Record<string, unknown>, key?: CryptoKey | Uint8Array): Promise<string> {
  const own = JSON.parse(env.TEST_SIGNING_KEY)
  const signer = key ?? (await importJWK(own, "EdDSA"))
  return new SignJWT(claims())
    .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid: own.kid, ...header } as never)
    .sign(signer)
}

test("a token that holds is answered", async () => {
  expect((await withToken(ada.token)).status).toBe(200)
})

describe("checklist 25: whose signature cannot be trusted", () => {
  test.each<[string, () => Promise<string>]>([
    ["alg=none", async () => `${encode({ alg: "none", typ: "at+jwt", kid: "test" })}.${encode(claims())}.`],
    [
      "HS256 with the public key as secret",
      async () => {
        const { keys } = JSON.parse(env.TOKEN_PUBLIC_KEYS ?? "{}")
        return signed({ alg: "HS256" }, new TextEncoder().encode(JSON.stringify(keys[0])))
      },
    ],
    ["an unknown kid", () => signed({ kid: "other" })],
    ["another key under our kid", async () => signed({}, (await generateKeyPair("EdDSA")).privateKey as never)],
    [
      "a key of its own in the header (jwk)",
      async () => {
        const pair = await generateKeyPair("EdDSA", { extractable: true })
        return signed({ jwk: await exportJWK(pair.publicKey) }, pair.privateKey as never)
      },
    ],
    [
      "a changed payload",
      async () => {
        const [head, , signature] = ada.token.split(".")
        return `${head}.${encode({ ...claims(), roles: ["admin"] })}.${signature}`
      },
    ],
  ])("%s", async (_, make) => {
    const answer = await withToken(await make())
    expect(answer.status).toBe(401)
    expect(answer.body).toMatchObject({ code: "UNAUTHENTICATED", detail: "The credential is not valid" })
    expect(answer.headers.get("WWW-Authenticate")).toContain('error="invalid_token"')
    expect(costOf(answer).trips).toBe(0)
  })
})

describe("checklist 26: whose claims do not hold", () => {
  test.each<[string, () => Promise<string>]>([
    ["expired", () => mintToken(ada.id, { expiresIn: -1 })],
    ["another issuer", () => mintToken(ada.id, { issuer: "https://elsewhere.test" })],
    ["another audience", () => mintToken(ada.id, { audience: "elsewhere" })],
    ["an ID token, not an access token", () => mintToken(ada.id, { type: "JWT" })],
    ["a subject that is no user", () => mintToken("robot")],
    ["garbage", async () => "garbage"],
    ["nine kilobytes", async () => "a".repeat(9000)],
  ])("%s", async (_, make) => {
    const answer = await withToken(await make())
    expect(answer.status).toBe(401)
    expect(answer.body.detail).toBe("The credential is not valid")
  })

  test("a token kept in memory stops holding when it expires", async () => {
    const token = await mintToken(ada.id, { expiresIn: 1 })
    expect((await withToken(token)).status).toBe(200)
    await new Promise((resolve) => setTimeout(resolve, 1200))
    expect((await withToken(token)).status).toBe(401)
  })
})

test.each(["Basic YWRhOmFkYQ==", "Bearer", "Token of-nobody", "nonsense"])(
  "a credential of a kind that is not taken does not hold, and is not none: %s",
  async (authorization) => {
    const answer = await call(null, "GET /v1/tasks", { headers: { Authorization: authorization } })
    expect(answer.status).toBe(401)
    expect(answer.headers.get("WWW-Authenticate")).toContain('error="invalid_token"')
    // Nor where nobody at all may call.
    const open = await call(null, "POST /v1/auth/sign-out", { headers: { Authorization: authorization } })
    expect(open.body.detail).toBe("The credential is not valid")
  },
)

test("without a token nobody gets anything but an invitation to sign in", async () => {
  for (const path of ["tasks", "organizations", "projects", "comments", "shares", "members", "project_members"]) {
    const answer = await call(null, `GET /v1/${path}`)
    expect(answer.status, path).toBe(401)
    expect(answer.headers.get("WWW-Authenticate")).toMatch(/^Bearer(?!.*error=)/)
    expect(costOf(answer).trips).toBe(0)
  }
})
