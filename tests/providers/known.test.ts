/**
 * The providers that have a file of their own, on answers as their documentation shows them (tests/providers/recorded.ts). There is no internet
 * here: that they still answer so is not shown.
 */
import { describe, expect, test } from "vitest"
import type { Asking, OAuthProvider, Vouched } from "../../src/core/provider.ts"
import { facebook } from "../../src/integrations/providers/facebook.ts"
import { github } from "../../src/integrations/providers/github.ts"
import { google } from "../../src/integrations/providers/google.ts"
import { linkedin } from "../../src/integrations/providers/linkedin.ts"
import { oidc } from "../../src/integrations/providers/openid.ts"
import { x } from "../../src/integrations/providers/x.ts"
import { recorded } from "./recorded.ts"

/** Asks the recorded answers, and says what was asked. */
function asking(change: Record<string, unknown> = {}): Asking & { readonly asked: string[] } {
  const asked: string[] = []
  return {
    asked,
    async get(url) {
      asked.push(url)
      const { origin, pathname } = new URL(url)
      return { ...recorded, ...change }[origin + pathname]
    },
    proof: async () => "the proof",
  }
}

const ada: Vouched = {
  subject: "",
  email: "ada@example.com",
  isEmailProved: true,
  isAuthority: false,
  name: "Ada Lovelace",
}

describe("GitHub", () => {
  const user = "https://api.github.com/user"
  const emails = `${user}/emails`

  test("is asked for the number, which stays, and for the primary address, as far as it is proved", async () => {
    const ask = asking()
    expect(await github().vouch(ask)).toEqual({ ...ada, subject: "583231" })
    expect(ask.asked).toEqual([user, emails])
  })

  test("says no address that is not the primary one, and none as proved that is not", async () => {
    const primary = { email: "other@example.com", primary: true, verified: false, visibility: null }
    const proved = { email: "ada@example.com", primary: false, verified: true, visibility: null }
    const vouched = await github().vouch(asking({ [emails]: [proved, primary] }))
    expect(vouched).toMatchObject({ email: "other@example.com", isEmailProved: false })
    expect(await github().vouch(asking({ [emails]: [proved] }))).toMatchObject({ email: null, isEmailProved: false })
  })

  test("goes by the login where there is no name", async () => {
    const { [user]: known } = recorded as Record<string, object>
    expect((await github().vouch(asking({ [user]: { ...known, name: null } }))).name).toBe("ada")
  })
})

describe("Facebook", () => {
  test("is asked with a proof, and its address proves nothing unless the application trusts it", async () => {
    const ask = asking()
    expect(await facebook().vouch(ask)).toEqual({ ...ada, subject: "10158444000000000", isEmailProved: false })
    expect(new URL(ask.asked[0] ?? "").searchParams.get("appsecret_proof")).toBe("the proof")
    expect(await facebook({ email: "proved" }).vouch(asking())).toMatchObject({ isEmailProved: true })
  })

  test("without an address proves none", async () => {
    const me = "https://graph.facebook.com/v24.0/me"
    const vouched = await facebook({ email: "proved" }).vouch(asking({ [me]: { id: "1", name: "Ada" } }))
    expect(vouched).toMatchObject({ email: null, isEmailProved: false })
  })
})

describe("X", () => {
  test("tells the number and the confirmed address", async () => {
    expect(await x().vouch(asking())).toEqual({ ...ada, subject: "2244994945" })
  })

  test("without permission for addresses tells none", async () => {
    const me = "https://api.x.com/2/users/me"
    const vouched = await x().vouch(asking({ [me]: { data: { id: "1", name: "", username: "ada" } } }))
    expect(vouched).toMatchObject({ email: null, isEmailProved: false, name: "ada" })
  })
})

describe("what is none of the provider's answers is refused", () => {
  const providers: readonly OAuthProvider[] = [github(), facebook(), x()]
  const answers = [null, [], {}, { id: "ada" }, { id: null }, { data: { id: 7 } }, { error: "no" }, "text"]
  test.each(providers)("$name", async ({ vouch }) => {
    for (const answer of answers) {
      const all = Object.fromEntries(Object.keys(recorded).map((address) => [address, answer]))
      await expect(vouch(asking(all)), JSON.stringify(answer)).rejects.toThrow()
    }
  })
})

describe("Google", () => {
  const claims = { sub: "110169484474386276334", email: "ada@example.com", email_verified: true, name: "Ada Lovelace" }

  test.each([
    ["an address elsewhere", {}, false],
    ["a mailbox of Gmail", { email: "ada@gmail.com" }, true],
    ["a mailbox of a domain that only ends so", { email: "ada@notgmail.com" }, false],
    ["a mailbox of a domain that it hosts", { hd: "example.com" }, true],
    ["an empty hd", { hd: null }, false],
  ])("%s: does Google speak for it?", (_, more, isAuthority) => {
    expect(google().vouch({ ...claims, ...more })).toMatchObject({
      subject: claims.sub,
      isEmailProved: true,
      isAuthority,
    })
  })
})

describe("a provider by its issuer", () => {
  const acme = oidc({ name: "acme", issuer: "https://a.example", domains: ["Acme.example"] })
  const claims = { sub: "ada", email: "ada@ACME.example", email_verified: true, name: "Ada" }

  test("speaks for the domains that it was declared for, and for nothing below or beside them", () => {
    expect(acme.vouch(claims).isAuthority).toBe(true)
    for (const email of ["ada@sub.acme.example", "ada@notacme.example", "acme.example@evil.example", undefined])
      expect([email, acme.vouch({ ...claims, email }).isAuthority]).toEqual([email, false])
    expect(linkedin().vouch(claims).isAuthority).toBe(false)
  })

  test.each(["", " ada", "ada ", "a\nb", "ä", "a".repeat(256), 7, null, undefined])("has no subject %j", (sub) => {
    expect(() => acme.vouch({ ...claims, sub })).toThrow()
  })

  test("has a name cut to what an account takes", () => {
    expect(acme.vouch({ ...claims, name: `  ${"a".repeat(200)}` }).name).toBe("a".repeat(100))
    expect(acme.vouch({ ...claims, name: 7 }).name).toBeNull()
  })
})
