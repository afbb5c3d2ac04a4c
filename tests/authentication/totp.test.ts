/** One-time passwords against the vectors of their RFCs, and what authenticator apps and people are given of a seed. */
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { decodeBase32, encodeBase32 } from "../../src/authentication/base32.ts"
import { hotp, matchingStep, newSeed, otpauthUri, qrCode, stepOf } from "../../src/authentication/totp.ts"

const encoder = new TextEncoder()
const seed = encoder.encode("12345678901234567890")
const at = (seconds: number) => new Date(seconds * 1000)

describe("codes", () => {
  test("RFC 4226, Appendix D: the first ten of the example", async () => {
    const codes = await Promise.all(Array.from({ length: 10 }, (_, counter) => hotp(seed, counter)))
    expect(codes).toEqual([
      "755224",
      "287082",
      "359152",
      "969429",
      "338314",
      "254676",
      "287922",
      "162583",
      "399871",
      "520489",
    ])
  })

  test.each([
    [59, "94287082"],
    [1_111_111_109, "07081804"],
    [1_111_111_111, "14050471"],
    [1_234_567_890, "89005924"],
    [2_000_000_000, "69279037"],
    [20_000_000_000, "65353130"],
  ])("RFC 6238, Appendix B: at %i seconds %s", async (seconds, code) => {
    expect(await hotp(seed, stepOf(at(seconds)), 8)).toBe(code)
  })

  test("hold a step before and a step after their own, and not two", async () => {
    const step = 40_000_000
    const code = await hotp(seed, step)
    const begin = step * 30
    const found = (seconds: number) => matchingStep(seed, code, at(seconds))
    expect(await Promise.all([begin, begin + 29, begin - 30, begin + 59].map(found))).toEqual([step, step, step, step])
    expect(await Promise.all([begin - 31, begin + 60].map(found))).toEqual([null, null])
  })

  test.each(["", "12345", "1234567", "abcdef", "１２３４５６"])("%j is none", async (code) => {
    expect(await matchingStep(seed, code, at(59))).toBeNull()
  })
})

describe("what is given of a seed", () => {
  test("160 bits, and another each time", () => {
    const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))
    expect(newSeed(random)).toHaveLength(20)
    expect(encodeBase32(newSeed(random))).not.toBe(encodeBase32(newSeed(random)))
  })

  test("an address that apps read, whatever stands in the names", () => {
    const uri = otpauthUri(seed, "Work: space & co", "ada+1@example.com")
    expect(uri).toBe(
      "otpauth://totp/Work%20%20space%20%26%20co:ada%2B1%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" +
        "&issuer=Work%3A%20space%20%26%20co&algorithm=SHA1&digits=6&period=30",
    )
    expect(new URL(uri).searchParams.get("issuer")).toBe("Work: space & co")
  })

  test("a picture that loads nothing and runs nothing", async () => {
    const svg = await qrCode(otpauthUri(seed, "Workspace", "ada@example.com"))
    expect(svg).toMatch(/^<svg [^>]*viewBox/)
    expect(svg).not.toMatch(/<script|<image|href=|on\w+=/i)
  })
})

describe("base32", () => {
  test.each([
    ["", ""],
    ["f", "MY"],
    ["fo", "MZXQ"],
    ["foo", "MZXW6"],
    ["foob", "MZXW6YQ"],
    ["fooba", "MZXW6YTB"],
    ["foobar", "MZXW6YTBOI"],
  ])("RFC 4648 §10: %j is %j", (text, encoded) => {
    expect(encodeBase32(encoder.encode(text))).toBe(encoded)
    expect(decodeBase32(encoded)).toEqual(encoder.encode(text))
  })

  test("any bytes come back, also as people type them", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const text = encodeBase32(bytes)
        const typed = text.toLowerCase().replaceAll("o", "0").replaceAll("i", "1").replaceAll("b", "8")
        expect(decodeBase32(text)).toEqual(bytes)
        expect(decodeBase32(typed.replaceAll(/(.{4})/g, "$1 - "))).toEqual(bytes)
      }),
    )
  })

  test.each(["9", "MZ!", "MZXW6=", "é"])("%j is none", (text) => {
    expect(decodeBase32(text)).toBeNull()
  })
})
