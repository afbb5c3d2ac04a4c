/** Passwords at rest: what is stored, what verifies, and that one hash is computed whatever comes. */
import fc from "fast-check"
import { beforeAll, describe, expect, test } from "vitest"
import { argon2id } from "../../src/authentication/argon2.ts"
import { argon2Defaults, parseArgon2 } from "../../src/authentication/argon2-text.ts"
import { type Derive, type PasswordPorts, passwords } from "../../src/authentication/password.ts"
import { sealer } from "../../src/authentication/seal.ts"
import { parseKeyRing } from "../../src/core/sealing.ts"
import { changedRing, random, ringText, seed } from "./settings.ts"

const ring = ringText("k1")
const seals = sealer(parseKeyRing(ring), random)
/** A real hash, but a cheap one. */
const cheap = { memoryKiB: 64, passes: 1, lanes: 1 }
let hashes = 0
let costs: number[] = []
const derive: Derive = (...args) => {
  hashes++
  costs.push(args[2].memoryKiB)
  return argon2id(...args)
}
const made = (change: Partial<PasswordPorts> = {}) =>
  passwords({ derive, sealer: seals, random, parameters: cheap, ...change })

const right = { ok: true, rehash: false, unreadable: false }
const wrong = { ok: false, rehash: false, unreadable: false }

test("checklist 6: what is stored is Argon2id of 19 MiB and two passes, sealed, with a salt of its own", async () => {
  const real = passwords({ derive, sealer: seals, random })
  const [one, other] = await Promise.all([real.hash("user_a", "correct horse"), real.hash("user_a", "correct horse")])
  const opened = [await seals.open("password", "user_a", one), await seals.open("password", "user_a", other)]
  expect(one).toMatch(/^s1\.k1\.[\w-]+$/)
  expect(opened[0]).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/)
  expect(parseArgon2(opened[0] as string)?.parameters).toEqual(argon2Defaults)
  expect(opened[0]).not.toBe(opened[1])
  expect(await real.verify("user_a", "correct horse", one)).toEqual(right)
  expect(await real.verify("user_a", "correct horsf", one)).toEqual(wrong)
})

test("checklist 6: a hash moved to another user does not verify", async () => {
  const stored = await made().hash("user_a", "correct horse")
  expect(await made().verify("user_b", "correct horse", stored)).toEqual({ ...wrong, unreadable: true })
})

describe("checklist 6: a right password is hashed anew", () => {
  test("when the parameters are old", async () => {
    const stored = await made().hash("user_a", "correct horse")
    const now = made({ parameters: { ...cheap, passes: 2 } })
    expect(await now.verify("user_a", "correct horse", stored)).toEqual({ ...right, rehash: true })
    expect(await now.verify("user_a", "correct horsf", stored)).toEqual(wrong)
    expect(await now.verify("user_a", "correct horse", await now.hash("user_a", "correct horse"))).toEqual(right)
  })

  test("when the pepper has turned; without the old pepper it is unreadable", async () => {
    const stored = await made().hash("user_a", "correct horse")
    const both = JSON.stringify({
      current: "k2",
      keys: { ...JSON.parse(ring).keys, ...JSON.parse(ringText("k2")).keys },
    })
    const turned = made({ sealer: sealer(parseKeyRing(both), random) })
    expect(await turned.verify("user_a", "correct horse", stored)).toEqual({ ...right, rehash: true })
    const lost = made({ sealer: sealer(changedRing(both, "k2", ["k1"]), random) })
    expect(await lost.verify("user_a", "correct horse", stored)).toEqual({ ...wrong, unreadable: true })
  })
})

describe("checklist 2: never verify", () => {
  test.each([
    ["пароль-длинный-раз", "пароль-длинный-два"],
    ["日本語パスワード", "日本語XXXXX"],
    ["a password and more", "a password and mor"],
    ["a password and more ", "a password and more"],
    ["a password\0and more", "a password"],
    ["a password and more", "A password and more"],
    ["ﬁne letters, well bound", "fine letters, well bound"],
  ])("%s, %s", async (one, other) => {
    const stored = await made().hash("user_a", one)
    expect((await made().verify("user_a", one, stored)).ok).toBe(true)
    expect((await made().verify("user_a", other, stored)).ok).toBe(false)
  })

  test("texts with half a surrogate pair, which would be one and the same in UTF-8", async () => {
    const stored = await made().hash("user_a", "a password and \ufffd")
    expect((await made().verify("user_a", "a password and \ud800", stored)).ok).toBe(false)
    await expect(made().hash("user_a", "a password and \udfff")).rejects.toThrow(RangeError)
    await expect(made().hash("user_a", "a".repeat(257))).rejects.toThrow(RangeError)
  })

  test(`two different texts in NFC (SEED=${seed})`, async () => {
    const text = fc.string({ unit: "binary", minLength: 1, maxLength: 60 })
    await fc.assert(
      fc.asyncProperty(text, text, async (one, other) => {
        fc.pre(one.isWellFormed() && one.normalize("NFC") !== other.normalize("NFC"))
        const stored = await made().hash("user_a", one)
        return (await made().verify("user_a", one, stored)).ok && !(await made().verify("user_a", other, stored)).ok
      }),
      { seed, numRuns: 60 },
    )
  })
})

test("the same password in another normal form verifies", async () => {
  const stored = await made().hash("user_a", "pa\u0308ssword mit Umlaut")
  expect((await made().verify("user_a", "p\u00e4ssword mit Umlaut", stored)).ok).toBe(true)
})

describe("checklist 7: one hash, whatever comes", () => {
  let stored: string
  beforeAll(async () => {
    stored = await made().hash("user_a", "correct horse")
  })
  test.each<[string, string, string, () => string | null]>([
    ["the right password", "user_a", "correct horse", () => stored],
    ["a wrong one", "user_a", "wrong horse", () => stored],
    ["no such user", "", "correct horse", () => null],
    ["no such user and an empty password", "", "", () => null],
    ["a hash of somebody else", "user_b", "correct horse", () => stored],
    ["what is stored is no hash", "user_a", "correct horse", () => "nonsense"],
    ["a password that is too long", "user_a", "a".repeat(100_000), () => stored],
    ["a password that is no text", "user_a", "\ud800", () => stored],
  ])("%s", async (_, user, text, sealed) => {
    hashes = 0
    costs = []
    const verified = await made().verify(user, text, sealed())
    expect(hashes).toBe(1)
    expect(costs).toEqual([cheap.memoryKiB])
    expect(verified.ok).toBe(user === "user_a" && text === "correct horse" && sealed() === stored)
  })
})

test("nothing verifies where nothing is stored, not even what the decoy would stand for", async () => {
  const empty = made({ derive: (_password, _salt, _parameters, length) => new Uint8Array(length) })
  expect(await empty.verify("user_a", "anything", null)).toEqual(wrong)
})

test("checklist 7: absent and wrong take as long, printed", async ({ annotate }) => {
  const real = passwords({ derive, sealer: seals, random })
  const stored = await real.hash("user_a", "correct horse")
  const time = async (sealed: string | null) => {
    const samples: number[] = []
    for (let round = 0; round < 9; round++) {
      const begun = performance.now()
      await real.verify("user_a", "wrong horse", sealed)
      samples.push(performance.now() - begun)
    }
    return samples.sort((a, b) => a - b)[4] as number
  }
  const [absent, present] = [await time(null), await time(stored)]
  await annotate(`absent ${absent.toFixed(1)} ms, wrong ${present.toFixed(1)} ms (median of 9)`)
})
