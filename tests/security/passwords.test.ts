/** Lines 1 to 4 of the security checklist: which passwords may be chosen. Lines 5 and 6 are in passwords-kept.test.ts. */
import { env } from "cloudflare:workers"
import { app } from "selvage"
import { beforeAll, describe, expect, test } from "vitest"
import application from "../../src/app/index.ts"
import { hexOf } from "../../src/authentication/token.ts"
import type { AccountOptions } from "../../src/core/accounts.ts"
import { call, faultsOf } from "../support/calls.ts"
import { type Counted, counted } from "../support/counting.ts"
import {
  lettersTo,
  letterTo,
  type Newcomer,
  newAddress,
  type Person,
  person,
  signIn,
  signUp,
} from "../support/people.ts"

const under = (accounts: AccountOptions) =>
  app({ ...application, accounts: { serviceAccounts: { owner: "organizations", role: "admin" }, ...accounts } })
const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))

/** Signs up and proves the address, so that the password can be tried. */
async function enrol(who: Newcomer, at: Pick<Counted, "call"> = { call }): Promise<void> {
  const { name, email, password, headers } = who
  const answer = await at.call(null, "POST /v1/auth/sign-up", { body: { name, email, password }, headers })
  expect(answer.status, JSON.stringify(answer.body)).toBe(202)
  const { token } = (await letterTo(email, "Confirm")).action
  expect((await at.call(null, "POST /v1/auth/verify-email", { body: { token }, headers })).status).toBe(200)
}

const withPassword = (password: string): Newcomer => ({ ...newAddress(), password })

describe("checklist 1: how long a password is (ASVS 6.2.1, 6.2.9)", () => {
  test("15 characters are the least by default", async () => {
    expect(faultsOf(await signUp(withPassword("olive-tugboats")))).toEqual([400, "/password too_short"])
    expect((await signUp(withPassword("olive-tugboats!"))).status).toBe(202)
  })

  test("where 8 are the least, 8 pass and 7 fail", async () => {
    const lenient = counted({ application: under({ password: { minimum: 8 } }) })
    const short = withPassword("olive7t")
    const body = { email: short.email, name: short.name, password: short.password }
    const refused = await lenient.call(null, "POST /v1/auth/sign-up", { body, headers: short.headers })
    expect(faultsOf(refused)).toEqual([400, "/password too_short"])
    expect(lenient.counts.hashes).toBe(0)
    const eight = withPassword("olive7tb")
    await enrol(eight, lenient)
    expect((await signIn(eight)).status).toBe(200)
  })

  test("no configuration goes below 8", () => {
    expect(() => under({ password: { minimum: 7 } })).toThrow("accounts.password.minimum: 7 is not a whole number")
    expect(() => under({ password: { minimum: 7.5 } })).toThrow("accounts.password.minimum")
    expect(() => under({ password: { minimum: 8 } })).not.toThrow()
  })

  test.each([
    ["letters", (n: number) => Array.from({ length: n }, (_, at) => "abcdefghijklmnopq"[(at * at) % 17]).join("")],
    [
      "characters of four bytes",
      (n: number) => Array.from({ length: n }, (_, at) => ["🦊", "🌳", "🧶"][(at * at) % 3]).join(""),
    ],
  ])("256 %s are accepted in full and 257 are not", async (_, text) => {
    const noise = hexOf(random(6))
    const longest = withPassword(noise + text(244))
    expect([...longest.password]).toHaveLength(256)
    expect(faultsOf(await signUp(withPassword(`${longest.password}x`)))).toEqual([400, "/password too_long"])
    await enrol(longest)
    expect((await signIn({ ...longest, password: [...longest.password].slice(0, -1).join("") })).status).toBe(401)
    expect((await signIn(longest)).status).toBe(200)
  })
})

describe("checklist 2: every byte counts (ASVS 6.2.8)", () => {
  test.each([
    ["the last word", "пароль-длинный-раз", "пароль-длинный-два"],
    ["the last byte of the last character", "пароль-длинный-раш", "пароль-длинный-ращ"],
    ["the last of characters of three bytes", "日本語のパスワードはとても長い", "日本語のパスワードはとても長く"],
    ["the last of characters of four bytes", "🦊🌳🧶🦊🦊🌳🧶🧶🦊🌳🌳🧶🦊🧶🌳", "🦊🌳🧶🦊🦊🌳🧶🧶🦊🌳🌳🧶🦊🧶🌴"],
    [
      "what stands behind the 72nd byte",
      `${"kolibri maschine ".repeat(6)}nord`,
      `${"kolibri maschine ".repeat(6)}west`,
    ],
    ["upper and lower case", "quiet-Harbour-lamp", "quiet-harbour-lamp"],
    ["an accent", "quiet-harboür-lamp", "quiet-harbour-lamp"],
  ])("%s: the one never verifies where the other is stored", async (_, right, other) => {
    expect(right).not.toBe(other)
    const who = withPassword(right)
    await enrol(who)
    const refused = await signIn({ ...who, password: other })
    expect(refused).toMatchObject({ status: 401, body: { code: "UNAUTHENTICATED" } })
    expect(refused.body.accessToken).toBeUndefined()
    expect((await signIn(who)).status).toBe(200)
  })
})

describe("checklist 3: nothing is asked of the composition (ASVS 6.2.5, 6.2.7, 6.2.10)", () => {
  test.each([
    ["small letters alone", "olivetugboatlantern"],
    ["digits alone", "492911837720664"],
    ["signs alone", "!?&%!!=)(/&%$§!?*+"],
    ["words with spaces", "olive tugboat lantern"],
    ["no Latin letter", "оливковый буксир фонарь"],
  ])("%s will do", async (_, password) => {
    const who = withPassword(password)
    await enrol(who)
    expect((await signIn(who)).status).toBe(200)
  })

  test("spaces at the ends count: nothing is trimmed", async () => {
    const who = withPassword("  olive tugboat lantern ")
    await enrol(who)
    expect((await signIn({ ...who, password: who.password.trim() })).status).toBe(401)
    expect((await signIn(who)).status).toBe(200)
  })

  test("the same text from another keyboard is the same password (NFC)", async () => {
    const who = withPassword("Žluťoučký kůň úpěl")
    await enrol(who)
    const decomposed = who.password.normalize("NFD")
    expect(decomposed).not.toBe(who.password)
    expect((await signIn({ ...who, password: decomposed })).status).toBe(200)
  })

  test("a password of ten years ago still opens, and nothing asks for another", async () => {
    const who = newAddress()
    await enrol(who)
    const then = new Date(Date.now() - 10 * 365 * 86_400_000).toISOString()
    await env.DB.prepare(
      'update "users" set "createdAt" = ?1, "updatedAt" = ?1, "emailVerifiedAt" = ?1 where "email" = ?2',
    )
      .bind(then, who.email)
      .run()
    expect((await signIn(who)).status).toBe(200)
  })
})

/** The three ways to choose a password, each from a state of its own. */
const ways = {
  "sign-up": async (password: string, who = newAddress()) => signUp({ ...who, password }),
  change: async (password: string, who?: Person) => {
    const one = who ?? (await person())
    const body = { currentPassword: one.password, password }
    return call(one, "POST /v1/auth/change-password", { body, headers: one.headers })
  },
  reset: async (password: string, who?: Person) => {
    const one = who ?? (await person())
    await call(null, "POST /v1/auth/request-password-reset", { body: { email: one.email }, headers: one.headers })
    const { token } = (await letterTo(one.email, "Set a new password")).action
    return call(null, "POST /v1/auth/reset-password", { body: { token, password }, headers: one.headers })
  },
} as const

describe("checklist 4: what is guessed first is refused (ASVS 6.2.4, 6.2.11, 6.2.12)", () => {
  const bad: [string, string, string][] = [
    ["one of the most common", "passwordpassword", "common_password"],
    ["one of the most common, in capitals", "PASSWORDPASSWORD", "common_password"],
    ["a run of digits", "0123456789012345", "common_password"],
    ["one character again and again", "zzzzzzzzzzzzzzzz", "common_password"],
    ["the name of the product", "WorkspaceSelvage", "obvious_password"],
  ]
  describe.each(Object.entries(ways))("at %s", (_, choose) => {
    test.each(bad)("%s", async (_name, password, code) => {
      expect(faultsOf(await choose(password))).toEqual([400, `/password ${code}`])
    })
  })

  test("one's own address and name, at sign-up, change and reset", async () => {
    const newcomer = { ...newAddress("Grace Brewster Hopper") }
    expect(faultsOf(await ways["sign-up"](`${newcomer.email}1`, newcomer))).toEqual([400, "/password obvious_password"])
    expect(faultsOf(await ways["sign-up"]("Grace.Hopper.Brewster", newcomer))).toEqual([
      400,
      "/password obvious_password",
    ])
    expect(await lettersTo(newcomer.email)).toEqual([])
    const grace = await person("Grace Brewster Hopper")
    for (const password of [`${grace.email}1`, "Grace.Hopper.Brewster"]) {
      expect(faultsOf(await ways.change(password, grace))).toEqual([400, "/password obvious_password"])
      expect(faultsOf(await ways.reset(password, grace))).toEqual([400, "/password obvious_password"])
    }
    expect((await signIn(grace)).status).toBe(200)
  })

  describe("known breaches, behind their switch", () => {
    const leaked = "olive tugboat lantern leaked"
    const asked: string[] = []
    let answer: () => Promise<Response>
    let strict: Counted
    beforeAll(async () => {
      const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(leaked))
      const suffix = hexOf(new Uint8Array(digest)).toUpperCase().slice(5)
      answer = async () => new Response(`${"0".repeat(35)}:0\r\n${suffix}:1204\r\n`)
      strict = counted({
        application: under({ password: { breached: true } }),
        fetchRange: (url) => {
          asked.push(url)
          return answer()
        },
      })
    })
    const body = (who: Newcomer) => ({ name: who.name, email: who.email, password: who.password })
    const up = (who: Newcomer) => strict.call(null, "POST /v1/auth/sign-up", { body: body(who), headers: who.headers })

    test("a breached password is refused at sign-up, change and reset, and five characters of its hash left", async () => {
      asked.length = 0
      expect(faultsOf(await up(withPassword(leaked)))).toEqual([400, "/password breached_password"])
      expect(asked).toHaveLength(1)
      expect(asked[0]).toMatch(/^https:\/\/api\.pwnedpasswords\.com\/range\/[0-9A-F]{5}$/)
      const ada = await person()
      const change = { currentPassword: ada.password, password: leaked }
      expect(
        faultsOf(await strict.call(ada, "POST /v1/auth/change-password", { body: change, headers: ada.headers })),
      ).toEqual([400, "/password breached_password"])
      await call(null, "POST /v1/auth/request-password-reset", { body: { email: ada.email }, headers: ada.headers })
      const { token } = (await letterTo(ada.email, "Set a new password")).action
      const reset = { token, password: leaked }
      expect(
        faultsOf(await strict.call(null, "POST /v1/auth/reset-password", { body: reset, headers: ada.headers })),
      ).toEqual([400, "/password breached_password"])
      expect((await signIn(ada)).status).toBe(200)
    })

    test("another one is accepted", async () => {
      expect((await up(newAddress())).status).toBe(202)
    })

    test("when nobody can tell, nothing is accepted", async () => {
      const before = answer
      answer = async () => new Response("down", { status: 500 })
      const who = newAddress()
      expect(await up(who)).toMatchObject({ status: 503, body: { code: "UNAVAILABLE" } })
      answer = before
      expect((await signIn(who)).status).toBe(401)
    })

    test("without the switch nothing leaves", async () => {
      let calls = 0
      const plain = counted({
        fetchRange: async () => {
          calls++
          return new Response("")
        },
      })
      const who = withPassword(leaked)
      const answered = await plain.call(null, "POST /v1/auth/sign-up", { body: body(who), headers: who.headers })
      expect([answered.status, calls]).toEqual([202, 0])
    })
  })
})
