/** Sealed text opens for what it was sealed for, under a key of the ring, unchanged; and for nothing else. */
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { sealer } from "../../src/authentication/seal.ts"
import { parseKeyRing } from "../../src/core/sealing.ts"
import { changedRing, random, ringText, seed } from "./settings.ts"

const text = ringText("k1", "k2")
const seals = sealer(parseKeyRing(text), random)

test(`opens what it sealed, whatever it is (SEED=${seed})`, async () => {
  const any = fc.string({ unit: "binary" })
  await fc.assert(
    fc.asyncProperty(any, any, any, async (purpose, id, secret) => {
      const sealed = await seals.seal(purpose, id, secret)
      return (await seals.open(purpose, id, sealed)) === secret.toWellFormed()
    }),
    { seed },
  )
})

test("checklist 6: does not open for another id or purpose, also where the two run together", async () => {
  const sealed = await seals.seal("password", "user_a", "secret")
  expect(await seals.open("password", "user_a", sealed)).toBe("secret")
  expect(await seals.open("password", "user_b", sealed)).toBeNull()
  expect(await seals.open("mail", "user_a", sealed)).toBeNull()
  expect(await seals.open('password","user', "_a", sealed)).toBeNull()
  expect(await seals.open("passworduser", "_a", sealed)).toBeNull()
})

test("does not open when any character was changed", async () => {
  // A length that leaves bits of the last character unused.
  const sealed = await seals.seal("p", "i", "secret")
  for (let at = 0; at < sealed.length; at++) {
    for (const character of "ABQgw_") {
      if (character === sealed[at]) continue
      const changed = `${sealed.slice(0, at)}${character}${sealed.slice(at + 1)}`
      expect(await seals.open("p", "i", changed), `at ${at}`).toBeNull()
    }
  }
  for (const bad of ["", "s1.k2.", "s1.k2.AA", "s2.k2.AAAA", `${sealed}.`, sealed.slice(0, -3)])
    expect(await seals.open("p", "i", bad)).toBeNull()
})

test("the same text is sealed otherwise each time", async () => {
  expect(await seals.seal("p", "i", "secret")).not.toBe(await seals.seal("p", "i", "secret"))
})

test("checklist 42: names its key; a ring that has turned opens it and finds it stale, one without the key does not", async () => {
  const sealed = await sealer(changedRing(text, "k1"), random).seal("p", "i", "secret")
  expect(sealed).toMatch(/^s1\.k1\./)
  expect(await seals.open("p", "i", sealed)).toBe("secret")
  expect(seals.isStale(sealed)).toBe(true)
  expect(seals.isStale(await seals.seal("p", "i", "secret"))).toBe(false)
  expect(await sealer(changedRing(text, "k2", ["k1"]), random).open("p", "i", sealed)).toBeNull()
  // Under the name of another key.
  expect(await seals.open("p", "i", sealed.replace("s1.k1.", "s1.k2."))).toBeNull()
})

describe("a ring is refused, without its values in the message", () => {
  const key = JSON.parse(text).keys.k1
  test.each([
    ["not JSON", "k1"],
    ["no keys", '{"current":"k1","keys":{}}'],
    ["an unknown current key", JSON.stringify({ current: "k9", keys: { k1: key } })],
    ["a short key", JSON.stringify({ current: "k1", keys: { k1: key.slice(2) } })],
    ["a key that is not base64url", JSON.stringify({ current: "k1", keys: { k1: `${key.slice(1)}+` } })],
    ["an id with a dot", JSON.stringify({ current: "k.1", keys: { "k.1": key } })],
    ["the same key twice", JSON.stringify({ current: "k1", keys: { k1: key, k2: key } })],
    ["something more", JSON.stringify({ current: "k1", keys: { k1: key }, more: 1 })],
  ])("%s", (_, bad) => {
    let message = ""
    try {
      parseKeyRing(bad)
    } catch (fault) {
      message = (fault as Error).message
    }
    expect(message).toMatch(/^(is not|holds|names)/)
    expect(message).not.toContain(key.slice(2, 12))
  })
})
