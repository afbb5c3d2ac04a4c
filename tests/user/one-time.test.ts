/** One-time tokens, API keys and preferences in a real object. Whatever is wrong with a token or key, the refusal is the same. */
import { describe, expect, test } from "vitest"
import type { Purpose } from "../../src/core/user-object.ts"
import { cause, day, granted, hour, minute, newWorld, refusal, told } from "./fixture.ts"

const refused = { error: "REFUSED" }
let count = 0
const hash = () => (++count).toString(16).padStart(64, "0")

describe("one-time tokens", () => {
  test.each<[Purpose, number]>([
    ["verifyEmail", 24 * hour],
    ["resetPassword", 10 * minute],
    ["magicLink", 10 * minute],
  ])("%s lives its time, to the millisecond", async (purpose, life) => {
    const world = await newWorld()
    const [kept, lost] = [hash(), hash()]
    await world.user.issueToken({ purpose, hash: kept, issuedAt: world.now(), data: { email: "a@example.com" } }, cause)
    await world.user.issueToken({ purpose, topic: "other", hash: lost, issuedAt: world.now() }, cause)
    world.pass(life - 1)
    expect(await world.user.checkToken(purpose, kept)).toEqual({ data: { email: "a@example.com" } })
    expect(await world.user.redeemToken(purpose, kept, cause)).toEqual({ data: { email: "a@example.com" } })
    world.pass(1)
    expect(await world.user.redeemToken(purpose, lost, cause)).toEqual(refused)
  })

  test("used, expired, superseded, of another purpose, of another user, absent: one refusal", async () => {
    const world = await newWorld()
    const issue = (purpose: Purpose, one: string, topic = "") =>
      world.user.issueToken({ purpose, topic, hash: one, issuedAt: world.now() }, cause)
    const [used, old, fresh, foreign, expired] = [hash(), hash(), hash(), hash(), hash()]
    await issue("magicLink", expired, "x")
    world.pass(10 * minute)
    await issue("verifyEmail", used)
    await issue("resetPassword", old)
    await issue("resetPassword", fresh)
    await (await newWorld()).user.issueToken({ purpose: "magicLink", hash: foreign, issuedAt: world.now() }, cause)
    granted(await world.user.redeemToken("verifyEmail", used, cause))
    const answers = [
      await world.user.redeemToken("verifyEmail", used, cause),
      await world.user.redeemToken("magicLink", expired, cause),
      await world.user.redeemToken("resetPassword", old, cause),
      await world.user.redeemToken("magicLink", fresh, cause),
      await world.user.redeemToken("magicLink", foreign, cause),
      await world.user.redeemToken("magicLink", hash(), cause),
      await world.user.checkToken("verifyEmail", used),
    ]
    expect(answers).toEqual(answers.map(() => refused))
    granted(await world.user.redeemToken("resetPassword", fresh, cause))
  })

  test("eight at once: one redeems", async () => {
    const world = await newWorld()
    const one = hash()
    await world.user.issueToken({ purpose: "magicLink", hash: one, issuedAt: world.now() }, cause)
    const answers = await Promise.all(Array.from({ length: 8 }, () => world.user.redeemToken("magicLink", one, cause)))
    expect(answers.filter((answer) => refusal(answer) === null)).toHaveLength(1)
  })

  test("that was used does not come back when its command comes again or an older one comes late", async () => {
    const world = await newWorld()
    const [older, newer] = [hash(), hash()]
    const token = { purpose: "resetPassword", hash: newer, issuedAt: world.now() } as const
    await world.user.apply("c-2", { kind: "issueToken", token }, cause)
    granted(await world.user.redeemToken("resetPassword", newer, cause))
    await world.user.issueToken(token, cause)
    await world.user.apply(
      "c-1",
      { kind: "issueToken", token: { ...token, hash: older, issuedAt: world.now() - 1 } },
      cause,
    )
    expect(await world.user.redeemToken("resetPassword", newer, cause)).toEqual(refused)
    expect(await world.user.redeemToken("resetPassword", older, cause)).toEqual(refused)
  })

  test("are cleared when they are over, and the secret stands nowhere", async () => {
    const world = await newWorld()
    await world.user.issueToken({ purpose: "magicLink", hash: hash(), issuedAt: world.now() }, cause)
    expect(JSON.stringify(granted(await world.user.exportAll()))).not.toContain("hash")
    world.pass(11 * minute)
    await world.alarm()
    expect(await world.rows('select * from "tokens"')).toEqual([])
  })
})

describe("API keys", () => {
  test("verify by hash, expire, write the last use once a minute, end with the hub's knowledge", async () => {
    const world = await newWorld()
    const [first, second] = [hash(), hash()]
    await world.user.addKey({ id: "key_1", hash: first, scopes: ["tasks.read"], expiresAt: world.now() + day }, cause)
    await world.user.addKey({ id: "key_2", hash: second, scopes: [], expiresAt: null }, cause)
    const used = async () => granted(await world.user.listKeys()).find(({ id }) => id === "key_1")?.lastUsedAt
    const start = world.now()
    expect(granted(await world.user.verifyKey(first))).toMatchObject({ id: "key_1", scopes: ["tasks.read"] })
    world.pass(minute - 1)
    await world.user.verifyKey(first)
    expect(await used()).toBe(start)
    world.pass(1)
    await world.user.verifyKey(first)
    expect(await used()).toBe(start + minute)
    expect(await world.user.revokeKey("key_2", cause)).toEqual({ revoked: 1 })
    expect(await told(world, "key_2")).toBe("void")
    world.pass(day)
    const answers = [
      await world.user.verifyKey(first),
      await world.user.verifyKey(second),
      await world.user.verifyKey(hash()),
    ]
    expect(answers).toEqual(answers.map(() => refused))
    expect(granted(await world.user.listKeys())).toEqual([])
  })

  test("a revoked id does not come back, also when the command that adds it comes after the one that revokes it", async () => {
    const world = await newWorld()
    const one = hash()
    expect(await world.user.revokeKey("key_1", cause)).toEqual({ revoked: 0 })
    await world.user.apply(
      "late",
      { kind: "addKey", key: { id: "key_1", hash: one, scopes: [], expiresAt: null } },
      cause,
    )
    expect(await world.user.verifyKey(one)).toEqual(refused)
  })

  test("with the hub unreachable the key ends and the caller hears UNAVAILABLE", async () => {
    const world = await newWorld()
    const one = hash()
    await world.user.addKey({ id: "key_1", hash: one, scopes: [], expiresAt: null }, cause)
    world.hubReachable = false
    expect(refusal(await world.user.revokeKey("key_1", cause))).toBe("UNAVAILABLE")
    expect(await world.user.verifyKey(one)).toEqual(refused)
  })

  test("there are at most a hundred", async () => {
    const world = await newWorld()
    const add = (n: number) => world.user.addKey({ id: `key_${n}`, hash: hash(), scopes: [], expiresAt: null }, cause)
    for (let n = 0; n < 100; n++) granted(await add(n))
    expect(refusal(await add(100))).toBe("LIMIT")
    await world.user.revokeKey("key_0", cause)
    granted(await add(100))
  })
})

test("preferences are small JSON by name, and bounded", async () => {
  const { user } = await newWorld()
  granted(await user.setPreference("theme", { dark: true }))
  granted(await user.setPreference("language", "de"))
  granted(await user.setPreference("language", null))
  expect(await user.getPreferences()).toEqual({ theme: { dark: true } })
  for (const [name, value] of [
    ["", 1],
    ["__proto__", 1],
    ["x".repeat(65), 1],
    ["long", "ü".repeat(2048)],
  ] as const) {
    expect(refusal(await user.setPreference(name, value))).toBe("LIMIT")
  }
  for (let n = 0; n < 99; n++) granted(await user.setPreference(`p${n}`, n))
  expect(refusal(await user.setPreference("p99", 99))).toBe("LIMIT")
  granted(await user.setPreference("p98", "again"))
})
