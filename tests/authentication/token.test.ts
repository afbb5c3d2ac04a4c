/** Opaque tokens: one width, a route that names whose object knows them, a checksum that refuses without asking anybody. */
import fc from "fast-check"
import { typeid } from "typeid-js"
import { describe, expect, test } from "vitest"
import { isApiKey, mintApiKey, readApiKey } from "../../src/authentication/api-key.ts"
import { refreshTokens, sessionPrefix } from "../../src/authentication/refresh-token.ts"
import { crc32, equalBytes, formatToken, hexOf, idRoute, parseToken, routeId } from "../../src/authentication/token.ts"
import { mintOneTimeToken, type OneTimePurpose, readOneTimeToken } from "../../src/authentication/token-once.ts"
import { parseKeyRing } from "../../src/core/sealing.ts"
import { refreshMac } from "../../src/user/refresh-mac.ts"
import { changedRing, random, ringText, seed } from "./settings.ts"

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
const user = typeid("user").toString()
const sid = typeid(sessionPrefix).toString()
const lengths = { live: 78, rt: 109, em: 76 }

describe("the text", () => {
  test("CRC-32 is the one of zip", () => {
    expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926)
  })

  test(`is read as it was written, with one width a kind (SEED=${seed})`, () => {
    const kind = fc.constantFrom(["live", 32] as const, ["rt", 56] as const, ["em", 32] as const)
    const filled = fc.constantFrom(0, 255, null)
    fc.assert(
      fc.property(kind, filled, ([name, length], fill) => {
        const bytes = (size: number) => (fill === null ? random(size) : new Uint8Array(size).fill(fill))
        const [route, payload] = [bytes(16), bytes(length)]
        const text = formatToken(name, route, payload)
        const parsed = parseToken([name], text)
        expect(text).toHaveLength(lengths[name])
        expect(parsed && hexOf(parsed.route)).toBe(hexOf(route))
        expect(parsed && hexOf(parsed.payload)).toBe(hexOf(payload))
      }),
      { seed },
    )
  })

  test(`checklist 28: any one character changed is refused (SEED=${seed})`, () => {
    fc.assert(
      fc.property(fc.constantFrom(["live", 32] as const, ["rt", 56] as const), fc.nat(), ([name, length], pick) => {
        const text = formatToken(name, random(16), random(length))
        const at = pick % text.length
        for (const character of `${alphabet}_-. `) {
          if (character === text[at]) continue
          const changed = `${text.slice(0, at)}${character}${text.slice(at + 1)}`
          expect(parseToken(["live", "test", "rt", "em", "rs", "ml"], changed), changed).toBeNull()
        }
      }),
      { seed, numRuns: 150 },
    )
  })

  test("two characters that changed places, a character more or less, another kind: refused", () => {
    const text = formatToken("live", random(16), random(32))
    for (let at = 8; at < text.length - 1; at++) {
      const [one, other] = [text[at] as string, text[at + 1] as string]
      if (one === other) continue
      expect(parseToken(["live"], `${text.slice(0, at)}${other}${one}${text.slice(at + 2)}`)).toBeNull()
    }
    for (const bad of [
      `${text}0`,
      text.slice(0, -1),
      `0${text}`,
      ` ${text}`,
      `${text}\n`,
      text.replace("sv_", "SV_"),
      "",
    ])
      expect(parseToken(["live"], bad)).toBeNull()
    expect(parseToken(["test"], text)).toBeNull()
    // The same characters under the name of another kind: the checksum knows the kind.
    expect(parseToken(["test"], text.replace("live", "test"))).toBeNull()
    expect(parseToken(["live"], `sv_live_${"z".repeat(70)}`)).toBeNull()
    expect(parseToken(["live"], `sv_live_${"0".repeat(1_000_000)}`)).toBeNull()
  })

  test(`anything at all is refused without an exception (SEED=${seed})`, () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^sv_(live|rt|em)_[0-9A-Za-z]{0,110}$/))
    fc.assert(
      fc.property(text, (any) => parseToken(["live", "rt", "em"], any) === null),
      { seed, numRuns: 500 },
    )
  })
})

describe("routes", () => {
  test("are the 16 bytes of a TypeID", () => {
    const route = idRoute(user)
    expect(route).toHaveLength(16)
    expect(routeId("user", route)).toBe(user)
  })

  test.each([
    "",
    "user",
    "user_",
    "user_x",
    `${user}0`,
    user.toUpperCase(),
    "user_80000000000000000000000000",
    "robot",
  ])("%s is none", (id) => {
    expect(() => idRoute(id)).toThrow(RangeError)
  })
})

test("bytes are compared as a whole", () => {
  fc.assert(
    fc.property(
      fc.uint8Array(),
      fc.uint8Array(),
      (a, b) => equalBytes(a, b) === (hexOf(a) === hexOf(b)) && equalBytes(a, a.slice()),
    ),
    { seed },
  )
})

describe("checklist 28: API keys", () => {
  test("name their owner; what is kept is a hash that the text gives again", async () => {
    const { text, hash } = await mintApiKey("live", user, random)
    expect(text).toMatch(/^sv_live_[0-9A-Za-z]{70}$/)
    expect(isApiKey(text)).toBe(true)
    expect(hash).toMatch(/^[0-9a-f]{64}$/)
    expect(await readApiKey("live", text)).toEqual({ owner: user, hash })
    expect(await readApiKey("test", text)).toBeNull()
    expect((await mintApiKey("live", user, random)).text).not.toBe(text)
  })

  test("are no session and no one-time token", async () => {
    const { text } = await mintApiKey("live", user, random)
    expect(await refreshTokens(parseKeyRing(ringText("r1"))).read(text)).toBeNull()
    expect(await readOneTimeToken("magicLink", text)).toBeNull()
    expect(isApiKey((await mintOneTimeToken("magicLink", user, random)).text)).toBe(false)
  })
})

test("checklist 8: a one-time token is read for its own purpose only", async () => {
  const purposes: OneTimePurpose[] = [
    "verifyEmail",
    "resetPassword",
    "magicLink",
    "confirmSignIn",
    "changeEmail",
    "invitation",
    "setup",
  ]
  for (const purpose of purposes) {
    const { text, hash } = await mintOneTimeToken(purpose, user, random)
    for (const other of purposes)
      expect(await readOneTimeToken(other, text)).toEqual(other === purpose ? { owner: user, hash } : null)
  }
})

describe("checklist 23: refresh tokens", () => {
  const ring = ringText("r1", "r2")
  const tokens = refreshTokens(parseKeyRing(ring))

  test("carry user, session, counter and MAC, and the session's key that the object computes it with", async () => {
    const key = await tokens.sessionKey(user, sid)
    const mac = await refreshMac(key, random(32), sid, 4_294_967_295)
    const text = tokens.format({ user, sid, counter: 4_294_967_295, mac })
    expect(text).toMatch(/^sv_rt_[0-9A-Za-z]{103}$/)
    const presented = await tokens.read(text)
    expect(presented).toEqual({ user, sid, counter: 4_294_967_295, mac, key, nextKey: key })
  })

  test("a session's key is another for another user, session and ring key", async () => {
    const other = typeid("user").toString()
    const keys = await Promise.all([
      tokens.sessionKey(user, sid),
      tokens.sessionKey(other, sid),
      tokens.sessionKey(user, typeid(sessionPrefix).toString()),
      refreshTokens(changedRing(ring, "r1")).sessionKey(user, sid),
    ])
    expect(new Set(keys.map(hexOf)).size).toBe(4)
  })

  test("the ring turns without anybody signing in again; a key that left ends its tokens", async () => {
    const before = refreshTokens(changedRing(ring, "r1"))
    const text = before.format({ user, sid, counter: 7, mac: random(32) })
    const presented = await tokens.read(text)
    expect(presented?.key).toEqual(await before.sessionKey(user, sid))
    expect(presented?.nextKey).toEqual(await tokens.sessionKey(user, sid))
    expect(await refreshTokens(changedRing(ring, "r2", ["r1"])).read(text)).toBeNull()
  })
})
