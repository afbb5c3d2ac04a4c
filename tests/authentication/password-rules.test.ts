/** Which passwords may be chosen, and what is asked of the world about them. */
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { countBreaches, type RangeFetch } from "../../src/authentication/breached.ts"
import { commonPasswordCount, isCommonPassword } from "../../src/authentication/common-passwords.ts"
import {
  checkPassword,
  defaultPasswordRules,
  normalisePassword,
  passwordFloor,
} from "../../src/authentication/password-rules.ts"
import { hexOf } from "../../src/authentication/token.ts"
import { seed } from "./settings.ts"

const lowest = { ...defaultPasswordRules, minimum: 8 }
const codes = (text: string, rules = lowest, personal: string[] = []) =>
  checkPassword(text, rules, personal).map(({ code }) => code)
/** Characters that make no word, as many as asked. */
const noise = (length: number) => "xq7vk2mz9w4tj5hd8bn3".repeat(20).slice(0, length)

describe("checklist 1: length", () => {
  test("8 characters pass the floor, 7 fail", () => {
    expect(codes(noise(8))).toEqual([])
    expect(codes(noise(7))).toEqual(["too_short"])
  })

  test("15 is the minimum unless it is configured, and 8 the floor of configuration", () => {
    expect(defaultPasswordRules.minimum).toBe(15)
    expect(codes(noise(15), defaultPasswordRules)).toEqual([])
    expect(codes(noise(14), defaultPasswordRules)).toEqual(["too_short"])
    expect(codes(noise(7), { ...lowest, minimum: 1 })).toEqual(["too_short"])
    expect(passwordFloor).toBe(8)
  })

  test("256 characters are accepted, of any script, and no more", () => {
    const scripts = ["ж", "漢", "é"].map((letter) => `${noise(40)}${`${letter}x`.repeat(108)}`)
    for (const text of [noise(256), ...scripts, `${noise(40)}${"🔑x".repeat(108)}`]) {
      expect([...text]).toHaveLength(256)
      expect(codes(text), text).toEqual([])
      expect(codes(`${text}y`)).toEqual(["too_long"])
    }
    expect(codes("a".repeat(1_000_000))).toEqual(["too_long"])
  })

  test("characters are code points after NFC", () => {
    expect(codes("🔑🗝️🔒🚪🏠🌲🌊🔥".replaceAll("\ufe0f", ""))).toEqual([])
    // Seven letters, typed as fourteen code points.
    expect(codes("äëïöüñç".normalize("NFD"))).toEqual(["too_short"])
    const decomposed = `${noise(40)}${"ä".repeat(216)}`.normalize("NFD")
    expect([...decomposed].length).toBeGreaterThan(256)
    expect(codes(decomposed)).toEqual([])
  })
})

test("checklist 3: nothing is asked of the composition, and nothing is trimmed or changed", () => {
  for (const text of [
    "correct horse battery staple",
    "ёлка дерево трава камень",
    "84710 29465 30187",
    "((((--}}}}<<<<##",
  ])
    expect(codes(text), text).toEqual([])
  expect(normalisePassword("  spaces around it  ")).toBe("  spaces around it  ")
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => normalisePassword(text) === text.normalize("NFC")),
    { seed },
  )
})

describe("checklist 4: what is guessed first is refused", () => {
  test("more than the 3000 most common that pass the floor are bundled", () => {
    expect(commonPasswordCount()).toBeGreaterThan(3000)
    for (const word of ["password", "12345678", "qwertyuiop", "iloveyou", "1qazxsw23edcvfr4"])
      expect(isCommonPassword(word), word).toBe(true)
  })

  test.each([
    ["in the list", "password"],
    ["in the list, in another case", "PassWord"],
    ["in the list, in full-width letters", "ｐａｓｓｗｏｒｄ"],
    ["in the list, long enough for the default", "1qazxsw23edcvfr4"],
    ["a common one, repeated", "passwordpasswordpassword"],
    ["a common one, repeated and cut short", "123456789012345"],
    ["one character", "aaaaaaaaaaaaaaa"],
    ["a short piece, repeated", "abc1abc1abc1abc1"],
    ["a run upwards", "abcdefghijklmnop"],
    ["a run downwards", "zyxwvutsrqponmlk"],
  ])("%s", (_, text) => {
    expect(codes(text)).toEqual(["common_password"])
  })

  test.each([
    ["the product's name and a little", "Selvage2026!", []],
    ["the product's name, repeated", "selvageselvageselvage", []],
    ["the product's name and a common password", "selvage123456789", []],
    ["the address", "ada.lovelace@example.com", ["ada.lovelace@example.com"]],
    ["a name and a number", "AdaLovelace1815", ["ada@example.com", "Ada Lovelace"]],
  ])("%s", (_, text, personal) => {
    expect(codes(text, lowest, personal)).toEqual([
      text === "selvageselvageselvage" ? "common_password" : "obvious_password",
    ])
  })

  test("a passphrase that happens to hold a name is fine", () => {
    expect(codes("the selvage keeps green cloth whole")).toEqual([])
    expect(codes("ada likes turquoise umbrellas", lowest, ["ada@example.com", "Ada"])).toEqual([])
  })
})

test("half a surrogate pair is refused, with where it stands", () => {
  expect(checkPassword("a fine password \ud800", lowest, [], "/newPassword")).toEqual([
    { path: "/newPassword", code: "malformed_text", message: "The password is not well-formed text" },
  ])
})

test(`no message holds the password (SEED=${seed})`, () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", minLength: 5 }), (text) =>
      checkPassword(text, defaultPasswordRules, ["someone@example.com"]).every(
        ({ message }) => !message.includes(text),
      ),
    ),
    { seed },
  )
})

describe("checklist 4: known breaches", () => {
  const password = "correct horse battery staple"
  const suffixOf = async (text: string) =>
    hexOf(new Uint8Array(await crypto.subtle.digest("SHA-1", new TextEncoder().encode(text)))).toUpperCase()
  const answering =
    (body: BodyInit | null, init?: ResponseInit): RangeFetch =>
    async () =>
      new Response(body, init)
  const padding = `${"0".repeat(35)}:0\r\n${"F".repeat(35)}:0`

  test("five characters of the SHA-1 leave, the answer is padded, and the rest is compared here", async () => {
    const digest = await suffixOf(password)
    const asked: string[] = []
    const count = await countBreaches(password, async (url, { headers, signal }) => {
      asked.push(url)
      expect(headers["Add-Padding"]).toBe("true")
      expect(signal).toBeInstanceOf(AbortSignal)
      return new Response(`${"0".repeat(35)}:3\r\n${digest.slice(5)}:42\r\n${padding}`)
    })
    expect(count).toBe(42)
    expect(asked).toEqual([`https://api.pwnedpasswords.com/range/${digest.slice(0, 5)}`])
  })

  test("absent, or only there as padding, is 0", async () => {
    expect(await countBreaches(password, answering(padding))).toBe(0)
    expect(await countBreaches(password, answering(`${(await suffixOf(password)).slice(5)}:0\n${padding}`))).toBe(0)
  })

  test.each<[string, RangeFetch]>([
    ["unreachable", () => Promise.reject(new Error("offline"))],
    ["an error", answering("no", { status: 503 })],
    ["too many requests", answering(padding, { status: 429 })],
    ["a page", answering("<html>")],
    ["nothing", answering("")],
    ["no body", answering(null)],
    ["far too much", answering(`${"A".repeat(35)}:1\n`.repeat(10_000))],
    [
      "too slow",
      (_, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    ],
  ])("%s is not known", async (_, fetchRange) => {
    expect(await countBreaches(password, fetchRange)).toBeNull()
  })
})
