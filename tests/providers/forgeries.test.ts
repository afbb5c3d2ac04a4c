/**
 * Line 29 of the security checklist, for ID tokens: one that is forged, for others, or over opens nothing. Whoever waits reads one sentence that tells
 * no forger which check failed, and the operator reads which.
 */
import { base64url, SignJWT } from "jose"
import { describe, expect, test } from "vitest"
import { type IdentityProvider, type IdToken, newKeys } from "./identity-provider.ts"
import { expectNothing } from "./nothing.ts"
import { accountsOf, claimsOf, enter, visitor, world } from "./world.ts"

/** HMAC with whatever a forger has. */
const hmac = ({ claims }: IdToken, secret: string) =>
  new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(secret))

type Forge = (acme: IdentityProvider) => void | Promise<void>

const bent =
  (bend: (claims: Record<string, unknown>, acme: IdentityProvider) => void): Forge =>
  (acme) => {
    acme.bend = ({ claims }) => bend(claims, acme)
  }

const forgeries: readonly (readonly [string, string, Forge])[] = [
  [
    "signed by somebody else under the provider's key id",
    "signature",
    async (acme) => {
      const { private: key } = await newKeys()
      acme.sign = ({ header, claims }) => new SignJWT(claims).setProtectedHeader(header).sign(key)
    },
  ],
  [
    "signed with a key that the token itself brings along",
    "signature",
    async (acme) => {
      const keys = await newKeys()
      const jwk = { ...keys.public, kid: "mine" }
      acme.sign = ({ claims }) =>
        new SignJWT(claims).setProtectedHeader({ alg: "ES256", kid: "mine", jwk }).sign(keys.private)
    },
  ],
  [
    "not signed: alg none",
    "algorithm",
    (acme) => {
      const part = (value: object) => base64url.encode(JSON.stringify(value))
      acme.sign = async ({ claims }) => `${part({ alg: "none" })}.${part(claims)}.`
    },
  ],
  [
    "signed with HS256 and the public key as the secret",
    "algorithm",
    (acme) => {
      acme.sign = (token) => hmac(token, JSON.stringify(acme.keys.public))
    },
  ],
  [
    "signed with HS256 and the client secret, by a provider that says that it does so",
    "algorithm",
    (acme) => {
      acme.metadata.id_token_signing_alg_values_supported = ["ES256", "HS256"]
      acme.sign = (token) => hmac(token, "the secret:?")
    },
  ],
  [
    "changed after it was signed",
    "signature",
    (acme) => {
      const { sign } = acme
      acme.sign = async (token) => {
        const [header, , signature] = (await sign(token)).split(".")
        const claims = { ...token.claims, sub: "somebody else" }
        return `${header}.${base64url.encode(JSON.stringify(claims))}.${signature}`
      }
    },
  ],
  ["with another nonce", "nonce", bent((claims) => void (claims.nonce = "another"))],
  ["without the nonce", "answer", bent((claims) => void delete claims.nonce)],
  ["of another issuer", "iss", bent((claims) => void (claims.iss = "https://accounts.google.com"))],
  ["for another client", "aud", bent((claims) => void (claims.aud = "another client"))],
  ["for several clients", "aud", bent((claims, { clientId }) => void (claims.aud = [clientId, "another client"]))],
  [
    "for several clients, made for another",
    "azp",
    bent((claims, { clientId }) => Object.assign(claims, { aud: [clientId, "another"], azp: "another" })),
  ],
  ["made for another client (azp), though we are its audience", "azp", bent((claims) => void (claims.azp = "another"))],
  ["that is over", "expired_id_token", bent((claims) => void (claims.exp = Number(claims.iat) - 60))],
  ["that is not valid yet", "expired_id_token", bent((claims) => void (claims.nbf = Number(claims.iat) + 600))],
  ["without a subject", "answer", bent((claims) => void delete claims.sub)],
  ["whose subject is no text", "answer", bent((claims) => void (claims.sub = 17))],
]

describe("an ID token", () => {
  test.each(forgeries)("%s is refused", async (_, word, forge) => {
    const place = await world()
    await forge(place.acme)
    const mallory = visitor(place)
    const claims = claimsOf()
    await expectNothing(place, mallory, await enter(place, mallory, claims), claims.email, `acme ${word}`)
  })

  test("that is missing is refused", async () => {
    const place = await world()
    place.acme.instead.set("/token", () => Response.json({ access_token: "a", token_type: "Bearer" }))
    const mallory = visitor(place)
    const claims = claimsOf()
    await expectNothing(place, mallory, await enter(place, mallory, claims), claims.email, "acme answer")
  })

  test("whose subject UserInfo does not confirm is refused", async () => {
    const place = await world()
    place.acme.instead.set("/userinfo", () => Response.json({ sub: "another", email: "ada@acme.example" }))
    const mallory = visitor(place)
    const { email, ...claims } = claimsOf()
    const answer = await enter(place, mallory, claims as never)
    await expectNothing(place, mallory, answer, "ada@acme.example", "acme sub")
    expect(await accountsOf(String(email))).toBe(0)
  })
})
