/** What is missing or malformed in the configuration is named, with the cure, and never with its value; nothing is served from it. */
import { env } from "cloudflare:workers"
import { describe, expect, test } from "vitest"
import application from "../../src/app/index.ts"
import { configOf, type Env } from "../../src/config.ts"
import { worker } from "../../src/worker.ts"

const with_ = (change: Partial<Record<keyof Env, unknown>>): Env => ({ ...env, ...change }) as never
const secretKeys = JSON.stringify({ keys: [{ kty: "OKP", crv: "Ed25519", kid: "k", x: "AAAA", d: "private-part" }] })

const inProduction = {
  ENVIRONMENT: "production",
  PUBLIC_URL: "https://a.example",
  MAIL: { send: () => undefined },
  MAIL_FROM: "post@a.example",
}

describe("refused, by name", () => {
  test.each<[string, Partial<Record<keyof Env, unknown>>, RegExp]>([
    ["no database", { DB: undefined }, /binding DB is missing/],
    ["no shield", { SHIELD: undefined }, /binding SHIELD is missing/],
    ["no environment", { ENVIRONMENT: undefined }, /ENVIRONMENT is not set/],
    ["another environment", { ENVIRONMENT: "staging" }, /neither "production" nor "development"/],
    ["no pepper", { PEPPER: undefined }, /PEPPER is not set/],
    ["a key ring that is not JSON", { KEK: "{" }, /KEK is not JSON/],
    [
      "a key ring with a short key",
      { REFRESH: '{"current":"a","keys":{"a":"short-secret"}}' },
      /REFRESH holds a key that is not/,
    ],
    ["no limiter", { LIMITER: undefined }, /binding LIMITER is missing/],
    ["no meter", { METER: undefined }, /binding METER is missing/],
    [
      "production without letters",
      { ENVIRONMENT: "production", PUBLIC_URL: "https://a.example", MAIL: undefined },
      /binding MAIL is missing/,
    ],
    ["production without its address", { ENVIRONMENT: "production" }, /PUBLIC_URL is not set/],
    ["an address with a path", { PUBLIC_URL: "https://a.example/x" }, /PUBLIC_URL is not an origin/],
    ["keys that are not JSON", { TOKEN_PUBLIC_KEYS: "{" }, /TOKEN_PUBLIC_KEYS is not JSON/],
    ["an empty key set", { TOKEN_PUBLIC_KEYS: '{"keys":[]}' }, /TOKEN_PUBLIC_KEYS is not a JWK set/],
    ["a key set with a private part", { TOKEN_PUBLIC_KEYS: secretKeys }, /without the private part/],
    ["no cursor secret", { CURSOR_SECRET: undefined }, /CURSOR_SECRET is not set/],
    ["a short cursor secret", { CURSOR_SECRET: "short-secret" }, /CURSOR_SECRET is shorter/],
    ["no issuer", { TOKEN_ISSUER: "" }, /TOKEN_ISSUER is not set/],
    [
      "a word for private addresses that is none",
      { OUTBOUND_PRIVATE: "yes" },
      /OUTBOUND_PRIVATE is "allow" or not set/,
    ],
    [
      "production that calls itself",
      { ...inProduction, OUTBOUND_PRIVATE: "allow" },
      /OUTBOUND_PRIVATE is for local trials/,
    ],
    [
      "passkeys for a domain that is not ours",
      { PUBLIC_URL: "https://api.example.com", PASSKEY_RP_ID: "ample.com" },
      /PASSKEY_RP_ID is not the host of PUBLIC_URL \(api\.example\.com\) or a domain above it/,
    ],
    ["passkeys for an address", { PASSKEY_RP_ID: "https://localhost" }, /PASSKEY_RP_ID/],
    ["an origin that is none", { CORS_ORIGINS: "https://a.example/path" }, /CORS_ORIGINS/],
  ])("%s", async (_, change, message) => {
    const bent = with_(change)
    expect(() => configOf(bent)).toThrow(message)
    const answer = await worker(application).fetch(
      new Request("https://selvage.test/v1/tasks") as never,
      bent,
      {} as never,
    )
    const body = await answer.text()
    expect(answer.status).toBe(503)
    expect(JSON.parse(body)).toMatchObject({ code: "UNAVAILABLE", detail: expect.stringMatching(message) })
    for (const value of ["private-part", "short-secret"]) expect(body).not.toContain(value)
  })
})

test("passkeys are for the host that letters lead to, or for a domain above it with its listed origins", () => {
  expect(configOf(env).passkeys).toEqual({ rpId: "localhost", origins: ["http://localhost:8787"] })
  const change = {
    PUBLIC_URL: "https://api.example.com",
    PASSKEY_RP_ID: "example.com",
    CORS_ORIGINS: "https://app.example.com,https://example.com,https://badexample.com,https://elsewhere.test",
  }
  expect(configOf(with_(change)).passkeys).toEqual({
    rpId: "example.com",
    origins: ["https://api.example.com", "https://app.example.com", "https://example.com"],
  })
})

test("what holds is parsed once an isolate", () => {
  expect(configOf(env)).toBe(configOf(env))
  expect(configOf(with_({ CORS_ORIGINS: " https://a.example , https://b.example" })).corsOrigins).toEqual([
    "https://a.example",
    "https://b.example",
  ])
})
