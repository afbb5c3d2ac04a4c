/** The rules of accounts: safe when nothing is said, refused below their floors and above their ceilings, by name. */
import { app } from "selvage"
import { describe, expect, test } from "vitest"
import { type AccountOptions, accountRules } from "../../src/core/accounts.ts"

const day = 86_400

test("what is not said is the safe value", () => {
  expect(accountRules()).toEqual({
    emailVerification: "required",
    takenAddress: "hidden",
    oauth: { registration: "open" },
    password: { minimum: 15, words: [], breached: false },
    accessSeconds: 600,
    session: { idleSeconds: 30 * day, hardSeconds: 180 * day },
    administratorSession: { idleSeconds: day / 2, hardSeconds: day },
    mfa: { administrators: "required" },
    deletionDays: 14,
    serviceAccounts: null,
    providers: [],
  })
  expect(app({ title: "t", resources: [] }).accounts).toEqual(accountRules())
  expect(Object.isFrozen(accountRules())).toBe(true)
})

describe("a rule takes", () => {
  const seconds = (idleSeconds: number, hardSeconds: number) => ({ session: { idleSeconds, hardSeconds } })
  const admin = (idleSeconds: number, hardSeconds: number) => ({ administratorSession: { idleSeconds, hardSeconds } })
  const cases: [string, (value: number) => AccountOptions, number, number, RegExp][] = [
    ["a password's length", (minimum) => ({ password: { minimum } }), 8, 256, /password\.minimum.*8 to 256/],
    ["an access token's life", (accessSeconds) => ({ accessSeconds }), 60, 7 * day, /accessSeconds.*60 to 604800/],
    ["a session's idle time", (idle) => seconds(idle, 400 * day), 60, 400 * day, /session\.idleSeconds.*60 to/],
    ["a session's whole time", (hard) => seconds(3600, hard), 3600, 400 * day, /session\.hardSeconds.*3600 to/],
    [
      "an administrator's idle time",
      (idle) => admin(idle, 400 * day),
      60,
      400 * day,
      /administratorSession\.idleSeconds/,
    ],
    ["an administrator's whole time", (hard) => admin(60, hard), 60, 400 * day, /administratorSession\.hardSeconds/],
    ["days until an account is gone", (deletionDays) => ({ deletionDays }), 0, 365, /deletionDays.*0 to 365/],
  ]
  test.each(cases)("%s within its bounds", (_, make, least, most, message) => {
    for (const value of [least, most]) expect(() => accountRules(make(value))).not.toThrow()
    for (const value of [least - 1, most + 1, least + 0.5, Number.NaN, Number.POSITIVE_INFINITY, "600" as never])
      expect(() => accountRules(make(value)), `${value}`).toThrow(message)
  })
})

test("whether administrators take a second factor is said in words", () => {
  expect(accountRules({ mfa: { administrators: "optional" } }).mfa).toEqual({ administrators: "optional" })
  expect(accountRules({ mfa: {} }).mfa).toEqual({ administrators: "required" })
  for (const word of ["off", "", false, null])
    expect(() => accountRules({ mfa: { administrators: word as never } })).toThrow(/mfa\.administrators/)
})

test("what is said stands, and what is left out beside it stays safe", () => {
  const rules = accountRules({
    emailVerification: "optional",
    takenAddress: "told",
    password: { words: ["acme"] },
    accessSeconds: 7 * day,
    serviceAccounts: { owner: "organizations", role: "admin" },
  })
  expect(rules).toMatchObject({
    emailVerification: "optional",
    takenAddress: "told",
    password: { minimum: 15, words: ["acme"], breached: false },
    accessSeconds: 604_800,
    serviceAccounts: { owner: "organizations", role: "admin" },
    deletionDays: 14,
  })
})
