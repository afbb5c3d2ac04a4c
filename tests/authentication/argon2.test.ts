/** Our binding over the WebAssembly file: the same hashes as an independent implementation, for any bytes, and no memory that grows. */
import { argon2id as reference } from "@noble/hashes/argon2.js"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { argon2id } from "../../src/authentication/argon2.ts"
import { argon2Defaults, argon2Stale, formatArgon2, parseArgon2 } from "../../src/authentication/argon2-text.ts"
import { hexOf } from "../../src/authentication/token.ts"
import { random, seed } from "./settings.ts"

const encode = (text: string) => new TextEncoder().encode(text)
const salt = encode("sixteen bytes of")
const small = { memoryKiB: 64, passes: 1, lanes: 1 }

test("is Argon2id as RFC 9106 has it, by the vector of the reference implementation", () => {
  // phc-winner-argon2, test.c: version 0x13, Argon2id, t=2, m=2^16, p=1, "password", "somesalt".
  const hash = argon2id(encode("password"), encode("somesalt"), { memoryKiB: 65_536, passes: 2, lanes: 1 })
  expect(hexOf(hash)).toBe("09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7")
})

// The reference takes 140 ms a hash.
test(`equals @noble/hashes on random Unicode with the parameters that are used (SEED=${seed})`, {
  timeout: 120_000,
}, () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary", maxLength: 80 }),
      fc.uint8Array({ minLength: 8, maxLength: 32 }),
      (text, salted) => {
        const password = encode(text)
        const ours = argon2id(password, salted, argon2Defaults)
        const theirs = reference(password, salted, { m: 19_456, t: 2, p: 1, dkLen: 32 })
        return hexOf(ours) === hexOf(theirs)
      },
    ),
    { seed, numRuns: 12 },
  )
})

test(`equals @noble/hashes on random bytes, costs and lengths (SEED=${seed})`, () => {
  const cost = fc.record({
    memoryKiB: fc.integer({ min: 32, max: 128 }),
    passes: fc.integer({ min: 1, max: 3 }),
    lanes: fc.integer({ min: 1, max: 4 }),
  })
  const bytes = fc.uint8Array({ maxLength: 1024 })
  fc.assert(
    fc.property(
      bytes,
      fc.uint8Array({ minLength: 8, maxLength: 64 }),
      cost,
      fc.integer({ min: 4, max: 64 }),
      (password, salted, at, length) => {
        const theirs = reference(password, salted, { m: at.memoryKiB, t: at.passes, p: at.lanes, dkLen: length })
        return hexOf(argon2id(password, salted, at, length)) === hexOf(theirs)
      },
    ),
    { seed, numRuns: 100 },
  )
})

describe("checklist 2: passwords that differ only in their last bytes", () => {
  test.each([
    ["пароль-длинный-раз", "пароль-длинный-два"],
    ["пароль-длинный", "пароль-коротки"],
    ["日本語パスワード", "日本語XXXXX"],
    ["ключ-из-многих-слов-ё", "ключ-из-многих-слов-ж"],
    ["🔑🔑🔑🔑🔑🔑🔑🔒", "🔑🔑🔑🔑🔑🔑🔑🔓"],
    ["a\0b", "a\0c"],
  ])("%s, %s", (one, other) => {
    expect(hexOf(argon2id(encode(one), salt, small))).not.toBe(hexOf(argon2id(encode(other), salt, small)))
  })

  test("in any one byte, at any place", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 300 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (one, at, change) => {
          const other = one.slice()
          other[at % one.length] = (other[at % one.length] as number) ^ change
          return hexOf(argon2id(one, salt, small)) !== hexOf(argon2id(other, salt, small))
        },
      ),
      { seed, numRuns: 200 },
    )
  })
})

test("refuses what an isolate cannot compute, and goes on afterwards", () => {
  const password = encode("a password of some length")
  for (const cost of [
    { memoryKiB: 65_537, passes: 1, lanes: 1 },
    { memoryKiB: 7, passes: 1, lanes: 1 },
    { memoryKiB: 64, passes: 0, lanes: 1 },
    { memoryKiB: 64, passes: 1, lanes: 0 },
    { memoryKiB: 64, passes: 1, lanes: 16 },
    { memoryKiB: Number.NaN, passes: 1, lanes: 1 },
  ])
    expect(() => argon2id(password, salt, cost)).toThrow(RangeError)
  expect(() => argon2id(password, new Uint8Array(7), small)).toThrow(RangeError)
  expect(() => argon2id(password, salt, small, 65)).toThrow(RangeError)
  expect(argon2id(password, salt, small)).toHaveLength(32)
  expect(new TextDecoder().decode(password)).toBe("a password of some length")
})

test("times, printed", async ({ annotate }) => {
  const password = encode("correct horse battery staple")
  const begun = performance.now()
  for (let round = 0; round < 5; round++) argon2id(password, salt, argon2Defaults)
  await annotate(`Argon2id m=19456 t=2 p=1: ${((performance.now() - begun) / 5).toFixed(1)} ms a hash`)
})

describe("PHC text", () => {
  const parameters = argon2Defaults

  test("is read as it was written", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 9, maxLength: 64 }),
        fc.uint8Array({ minLength: 12, maxLength: 64 }),
        (salted, hash) => {
          const text = formatArgon2({ parameters, salt: salted, hash })
          const parsed = parseArgon2(text)
          return parsed !== null && formatArgon2(parsed) === text && hexOf(parsed.hash) === hexOf(hash)
        },
      ),
      { seed },
    )
  })

  test("is refused in any other form", () => {
    const good = formatArgon2({ parameters, salt: random(16), hash: random(32) })
    expect(parseArgon2(good)).not.toBeNull()
    for (const bad of [
      "",
      good.replace("argon2id", "argon2i"),
      good.replace("v=19", "v=16"),
      good.replace("m=19456", "m=999999"),
      good.replace("m=19456", "m=019456"),
      good.replace("t=2", "t=0"),
      good.replace("p=1", "p=9"),
      `${good}=`,
      `${good} `,
      `${good}$x`,
      good.slice(0, -1).concat("!"),
      good.replace(/\$[^$]+$/, "$"),
    ])
      expect(parseArgon2(bad), bad).toBeNull()
  })

  test("is stale when its parameters are not those of new hashes", () => {
    expect(argon2Stale(argon2Defaults, argon2Defaults)).toBe(false)
    expect(argon2Stale({ ...argon2Defaults, passes: 3 }, argon2Defaults)).toBe(true)
    expect(argon2Stale({ ...argon2Defaults, memoryKiB: 47_104 }, argon2Defaults)).toBe(true)
  })
})
