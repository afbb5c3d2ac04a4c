/** Signing keys: the machine, the table that isolates agree over, and tokens that hold through every rotation. */
import { env } from "cloudflare:workers"
import fc from "fast-check"
import { decodeProtectedHeader, jwtVerify } from "jose"
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest"
import { type SigningKeys, signingKeys } from "../../src/authentication/keys.ts"
import {
  isOver,
  type KeyFacts,
  planRotation,
  type RotationMode,
  defaultRotationRules as rules,
} from "../../src/authentication/keys-rotation.ts"
import { readKeys, rotateKeys } from "../../src/authentication/keys-table.ts"
import { sealer } from "../../src/authentication/seal.ts"
import { type AccessGrant, mintAccessToken } from "../../src/authentication/token-access.ts"
import { Problem } from "../../src/core/problem.ts"
import { parseKeyRing } from "../../src/core/sealing.ts"
import { changedRing, random, ringText, seed } from "./settings.ts"

const minute = 60_000
const day = 24 * 60 * minute
const start = Date.parse("2026-11-21T12:00:00Z")
const at = (milliseconds: number) => new Date(start + milliseconds)

const ring = ringText("kek1", "kek2")
const ports = { database: env.DB, sealer: sealer(parseKeyRing(ring), random) }
const isolate = () => signingKeys(ports)
const settings = { issuer: "https://api.test", audience: "selvage", lifetimeSeconds: 600 }
const grant: AccessGrant = {
  subject: "user_01h455vb4pex5vsknk084sn02q",
  session: "session_01h455vb4pex5vsknk084sn02q",
  epoch: 3,
  roles: ["admin"],
  amr: ["pwd"],
  authTime: start - 5000,
}
const states = async () => (await readKeys(env.DB)).map(({ state }) => state).sort()

async function holds(keys: SigningKeys, token: string, now: Date): Promise<boolean> {
  const key = await keys.verifier(decodeProtectedHeader(token).kid ?? "", now)
  if (key === null) return false
  await jwtVerify(token, key, { currentDate: now, algorithms: ["EdDSA"], typ: "at+jwt", ...settings })
  return true
}

const clear = env.DB.prepare('delete from "signing_keys"')
let others: Record<string, unknown>[] = []

// One database for all files: the keys of the Worker stand aside meanwhile, and come back.
beforeAll(async () => {
  others = (await env.DB.prepare('select * from "signing_keys"').all()).results
})
beforeEach(async () => {
  await clear.run()
})
afterAll(async () => {
  const back = env.DB.prepare(
    `insert into "signing_keys" select value->>'kid', value->>'publicJwk', value->>'sealedPrivate', value->>'state',
     value->>'createdAt', value->>'activatedAt', value->>'retiredAt' from json_each(?)`,
  )
  await env.DB.batch([clear, back.bind(JSON.stringify(others))])
})

describe("the machine", () => {
  type Held = { -readonly [K in keyof KeyFacts]: KeyFacts[K] }

  /** Applies a plan as the table does. */
  function apply(keys: Held[], now: number, mode: RotationMode, named: () => string): Held[] {
    let held = keys
    for (const step of planRotation(keys, now, mode, rules)) {
      if (step.kind === "remove") held = held.filter(({ kid }) => kid !== step.kid)
      else if (step.kind === "create") {
        const activatedAt = step.state === "current" ? now : null
        held = [...held, { kid: named(), state: step.state, createdAt: now, activatedAt, retiredAt: null }]
      } else
        held = held.map((key) => {
          if (key.kid !== step.kid) return key
          if (step.kind === "retire") return { ...key, state: "retired" as const, retiredAt: now }
          return { ...key, state: "current" as const, activatedAt: now }
        })
    }
    return held
  }

  test(`checklist 27: after any history one key signs, one follows, and none signs unpublished or goes early (SEED=${seed})`, () => {
    const step = fc.tuple(fc.integer({ min: 0, max: 40 * day }), fc.constantFrom<RotationMode>("due", "due", "early"))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        let count = 0
        let now = start
        let keys: Held[] = []
        for (const [pause, mode] of steps) {
          now += pause
          const before = keys
          keys = apply(keys, now, mode, () => `k${count++}`)
          expect(keys.filter(({ state }) => state === "current")).toHaveLength(1)
          expect(keys.filter(({ state }) => state === "next")).toHaveLength(1)
          for (const key of keys) {
            const was = before.find(({ kid }) => kid === key.kid)
            if (was?.state === "next" && key.state === "current")
              expect(now - key.createdAt).toBeGreaterThanOrEqual(rules.publishSeconds * 1000)
          }
          for (const gone of before.filter(({ kid }) => !keys.some((key) => key.kid === kid)))
            expect(isOver(gone, now, rules)).toBe(true)
        }
      }),
      { seed },
    )
  })

  test("what is compromised goes at once, with all the others", () => {
    const keys = apply([], start, "due", () => crypto.randomUUID())
    const after = apply(keys, start + minute, "compromised", () => crypto.randomUUID())
    expect(after.map(({ state }) => state)).toEqual(["current", "next"])
    expect(after.some(({ kid }) => keys.some((key) => key.kid === kid))).toBe(false)
  })
})

describe("the table", () => {
  test("isolates that start at the same moment agree on one key, sealed, without its private part in public", async () => {
    const isolates = Array.from({ length: 8 }, isolate)
    const kids = await Promise.all(isolates.map(async (keys) => (await keys.signer(at(0))).kid))
    expect(new Set(kids).size).toBe(1)
    expect(await states()).toEqual(["current", "next"])
    const rows = await readKeys(env.DB)
    for (const row of rows) {
      expect(row.sealedPrivate).toMatch(/^s1\.kek2\./)
      expect(JSON.stringify(row.publicJwk)).not.toContain('"d"')
    }
    const { keys } = await (isolates[0] as SigningKeys).jwks(at(0))
    expect(keys).toHaveLength(2)
    for (const key of keys) expect(Object.keys(key).sort()).toEqual(["alg", "crv", "kid", "kty", "use", "x"])
  })

  test("a second current key cannot be stored, whoever writes it", async () => {
    await isolate().signer(at(0))
    const forced = env.DB.prepare(
      `insert into "signing_keys" select 'other', "publicJwk", "sealedPrivate", "state", "createdAt", "activatedAt", "retiredAt"
       from "signing_keys" where "state" = 'current'`,
    ).run()
    await expect(forced).rejects.toThrow(/UNIQUE/)
  })

  test("rotations at the same moment are one", async () => {
    const keys = isolate()
    const before = (await keys.signer(at(0))).kid
    const isolates = Array.from({ length: 6 }, isolate)
    await Promise.all(isolates.map((one) => one.rotate(at(2 * day), "early")))
    expect(await states()).toEqual(["current", "next", "retired"])
    const rows = await readKeys(env.DB)
    expect(rows.find(({ state }) => state === "retired")?.kid).toBe(before)
    await Promise.all(isolates.map((one) => one.rotate(at(2 * day), "compromised")))
    expect(await states()).toEqual(["current", "next"])
    const after = await readKeys(env.DB)
    expect(after.some(({ kid }) => rows.some((row) => row.kid === kid))).toBe(false)
  })

  test("checklist 42: the key-encryption ring turns: keys are sealed anew, and sign on", async () => {
    const old = signingKeys({ database: env.DB, sealer: sealer(changedRing(ring, "kek1"), random) })
    const { kid } = await old.signer(at(0))
    await rotateKeys(ports, at(minute), "due", rules)
    for (const row of await readKeys(env.DB)) expect(row.sealedPrivate).toMatch(/^s1\.kek2\./)
    const alone = signingKeys({ database: env.DB, sealer: sealer(changedRing(ring, "kek2", ["kek1"]), random) })
    expect((await alone.signer(at(minute))).kid).toBe(kid)
  })

  test("checklist 41: a private part that does not open, or a D1 that does not answer, is UNAVAILABLE", async () => {
    await isolate().signer(at(0))
    const stranger = signingKeys({ database: env.DB, sealer: sealer(parseKeyRing(ringText("kek9")), random) })
    await expect(stranger.signer(at(minute))).rejects.toMatchObject({ code: "UNAVAILABLE" })
    const broken = { prepare: () => ({ all: () => Promise.reject(new Error("D1_ERROR: secret detail")) }) }
    const keys = signingKeys({ ...ports, database: broken as never })
    const fault = await keys.verifier("any", at(0)).catch((thrown) => thrown)
    expect(fault).toBeInstanceOf(Problem)
    expect(fault).toMatchObject({ code: "UNAVAILABLE" })
    expect(fault.message).not.toContain("secret detail")
  })
})

describe("an isolate", () => {
  test("reads nothing while what it keeps is fresh; a kid that it does not know makes it ask once in ten seconds", async () => {
    const reads = vi.fn()
    const database = {
      prepare: (text: string) => {
        reads(text)
        return env.DB.prepare(text)
      },
      batch: env.DB.batch.bind(env.DB),
    }
    const keys = signingKeys({ ...ports, database: database as never })
    const { kid } = await keys.signer(at(0))
    reads.mockClear()
    for (let call = 0; call < 20; call++) expect(await keys.verifier(kid, at(call * 1000))).not.toBeNull()
    for (let call = 0; call < 20; call++) expect(await keys.verifier("forged", at(5000))).toBeNull()
    expect(reads).toHaveBeenCalledTimes(0)
    for (let call = 0; call < 40; call++) expect(await keys.verifier("forged", at(11_000 + call * 500))).toBeNull()
    expect(reads).toHaveBeenCalledTimes(2)
    reads.mockClear()
    await keys.verifier(kid, at(6 * minute))
    expect(reads).toHaveBeenCalledTimes(1)
    // A clock that went back.
    await keys.verifier(kid, at(0))
    expect(reads).toHaveBeenCalledTimes(2)
  })

  test("learns a key that another isolate made, by its kid", async () => {
    const [one, other] = [isolate(), isolate()]
    await one.signer(at(0))
    await other.signer(at(0))
    await one.rotate(at(minute), "compromised")
    const { token } = await mintAccessToken(one, settings, grant, at(minute))
    expect(await holds(other, token, at(minute))).toBe(true)
  })
})

describe("tokens", () => {
  test("say what the grant says, for ten minutes", async () => {
    const keys = isolate()
    const { token, expiresAt } = await mintAccessToken(keys, settings, grant, at(400))
    expect(decodeProtectedHeader(token)).toEqual({ alg: "EdDSA", typ: "at+jwt", kid: (await keys.signer(at(0))).kid })
    expect(expiresAt).toBe(start + 600_000)
    const key = await keys.verifier(decodeProtectedHeader(token).kid ?? "", at(0))
    const { payload } = await jwtVerify(token, key as CryptoKey, { currentDate: at(0) })
    expect(payload).toEqual({
      iss: "https://api.test",
      aud: "selvage",
      sub: grant.subject,
      sid: grant.session,
      epoch: 3,
      roles: ["admin"],
      amr: ["pwd"],
      acr: "aal1",
      auth_time: start / 1000 - 5,
      iat: start / 1000,
      exp: start / 1000 + 600,
    })
    const more = await mintAccessToken(keys, settings, { ...grant, scope: ["a", "b"], impersonator: "user_x" }, at(0))
    const { payload: wide } = await jwtVerify(more.token, key as CryptoKey, { currentDate: at(0) })
    expect(wide).toMatchObject({ scope: "a b", act: { sub: "user_x" } })
  })

  test("checklist 20: do not outlive the session", async () => {
    const keys = isolate()
    const short = await mintAccessToken(keys, settings, { ...grant, notAfter: start + 90_500 }, at(0))
    expect(short.expiresAt).toBe(start + 90_000)
    await expect(mintAccessToken(keys, settings, { ...grant, notAfter: start }, at(0))).rejects.toThrow(RangeError)
  })

  test("checklist 27: rotation drill: two isolates mint and verify over 90 days of cron, not one token fails", async () => {
    const isolates = [isolate(), isolate()] as const
    const kids = new Set<string>()
    let alive: { token: string; until: number }[] = []
    let checked = 0
    let now = 0
    // The days around each switch; the cron runs once a day, on one isolate.
    for (const dayAt of [0, 1, 29, 30, 31, 32, 59, 60, 61, 62, 89]) {
      for (const pause of [0, 10_000, minute, 4 * minute, 5 * minute, 5 * minute]) {
        now = Math.max(now, dayAt * day) + pause
        if (pause === 10_000) await isolates[dayAt % 2 === 0 ? 0 : 1].rotate(at(now), "due")
        for (const minting of isolates) {
          const { token, expiresAt } = await mintAccessToken(minting, settings, grant, at(now))
          kids.add(decodeProtectedHeader(token).kid ?? "")
          alive.push({ token, until: expiresAt - start })
        }
        alive = alive.filter(({ until }) => until > now)
        for (const { token } of alive)
          for (const verifying of isolates) {
            expect(await holds(verifying, token, at(now))).toBe(true)
            checked++
          }
      }
    }
    expect(kids.size).toBe(3)
    expect(checked).toBeGreaterThan(400)
    expect((await states()).filter((state) => state !== "retired")).toEqual(["current", "next"])
  })

  test("a key that is over verifies nothing, even before it is removed", async () => {
    const keys = isolate()
    const { kid } = await keys.signer(at(0))
    await keys.rotate(at(31 * day), "due")
    expect(await keys.verifier(kid, at(31 * day + 10 * minute))).not.toBeNull()
    expect(await keys.verifier(kid, at(31 * day + rules.keepSeconds * 1000))).toBeNull()
    expect((await keys.jwks(at(31 * day + rules.keepSeconds * 1000))).keys).toHaveLength(2)
    expect(await states()).toContain("retired")
    await keys.rotate(at(32 * day), "due")
    expect(await states()).toEqual(["current", "next"])
  })
})
