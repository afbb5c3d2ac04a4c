/** Declaring providers: three lines enable one, and what is missing or could be taken for something else is refused by name, with the cure. */
import { env } from "cloudflare:workers"
import { describe, expect, test } from "vitest"
import { ConfigError } from "../../src/config.ts"
import { mount } from "../../src/core/mount.ts"
import { app, facebook, github, google, linkedin, oidc, type Provider, x } from "../../src/selvage.ts"
import { call } from "../support/calls.ts"
import { shop } from "./declared.ts"
import { secretsOf, served } from "./world.ts"

const noNetwork = () => Promise.reject(new Error("Nobody is called here"))

const declare = (...providers: Provider[]) => app({ title: "Shop", resources: [], accounts: { providers } })

describe("a provider without its secret", () => {
  test.each([
    google(),
    github(),
    facebook(),
    x(),
    linkedin(),
    oidc({ name: "my-company", issuer: "https://a.example" }),
  ])("$name is a ConfigError that names the variable and the cure", (provider) => {
    const secrets = secretsOf([provider])
    for (const [name, value] of Object.entries(secrets)) {
      expect(name).toMatch(/^[A-Z]+(_[A-Z]+)*_CLIENT_(ID|SECRET)$/)
      let thrown: unknown
      try {
        served([provider], noNetwork, {}, { change: { ...secrets, [name]: "" } })
      } catch (fault) {
        thrown = fault
      }
      expect(thrown).toBeInstanceOf(ConfigError)
      const { message } = thrown as Error
      expect(message).toContain(`${name} is not set`)
      expect(message).toContain(`wrangler secret put ${name}`)
      expect(message).not.toContain(value)
    }
  })

  test("is none where no provider is declared: nothing is asked for, and nothing is served", async () => {
    expect(Object.keys(env).filter((name) => name.endsWith("_CLIENT_SECRET"))).toEqual([])
    expect((await call(null, "GET /v1/auth/providers")).status).toBe(404)
    expect((await call(null, "GET /v1/identities")).status).toBe(404)
    expect((await call(null, "GET /auth/google/start")).status).toBe(404)
    expect((await call(null, "POST /v1/auth/providers/google/begin", { body: {} })).status).toBe(404)
    expect((await call(null, "GET /account/sign-in")).body).not.toContain("Go on with")
  })
})

describe("a declaration", () => {
  test("enables a provider in one line", () => {
    expect(shop.accounts.providers.map(({ name, issuer, signUp }) => [name, issuer, signUp])).toEqual([
      ["google", "https://accounts.google.com", "open"],
      ["github", "https://github.com/login/oauth", "open"],
      ["acme", "https://login.acme.example", "open"],
    ])
  })

  const acme = (more: object) => oidc({ name: "acme", issuer: "https://a.example", ...more })

  test.each([
    ["a name that is no word of a path", [acme({ name: "Acme Inc" })], "lower case letters"],
    ["two providers of one name", [acme({}), acme({ issuer: "https://b.example" })], "another provider with acme"],
    ["two providers of one issuer", [acme({}), acme({ name: "b" })], "another provider with https://a.example"],
    ["an issuer that is no address", [acme({ issuer: "a.example" })], "issuer"],
    ["an issuer with a query", [acme({ issuer: "https://a.example?x" })], "issuer"],
    ["a redirect that is relative", [acme({ redirectUris: ["/signed-in"] })], "/signed-in is no absolute address"],
    ["a redirect with a query", [acme({ redirectUris: ["a.b:/c?d=e"] })], "a.b:/c?d=e is no absolute address"],
    ["a redirect that is written otherwise", [acme({ redirectUris: ["https://A.example"] })], "https://A.example"],
  ] as const)("with %s is refused", (_, providers, sentence) => {
    expect(() => declare(...providers)).toThrow(sentence)
  })

  test("of an issuer without TLS is served on a developer's machine alone, and only when that is said", () => {
    const local = oidc({ name: "local", issuer: "http://localhost:9000" })
    expect(() => served([local], noNetwork)).toThrow(/issuer of local is no https address.*OUTBOUND_PRIVATE/)
    expect(() => served([local], noNetwork, {}, { change: { OUTBOUND_PRIVATE: "allow" } })).not.toThrow()
  })

  test("of a mount cannot stand where browsers come back from providers", () => {
    expect(() => mount("/auth", { operations: [] })).toThrow("not one of the engine's own")
  })
})
