/** Sessions in a real object, case by case: rotation, lost answers, theft, expiry, revocation with the hub up and down. */
import { describe, expect, test } from "vitest"
import { administratorLifetime } from "../../src/user/sessions.ts"
import { cause, day, granted, hour, key, minute, newWorld, refusal, second, told } from "./fixture.ts"

describe("a refresh", () => {
  test("rotates: each token once, the sixth generation as good as the first", async () => {
    const world = await newWorld()
    let grant = await world.signIn()
    expect(grant.counter).toBe(0)
    for (let counter = 1; counter <= 6; counter++) {
      world.pass(10 * minute)
      grant = granted(await world.refresh(grant))
      expect(grant.counter).toBe(counter)
    }
    expect(granted(await world.user.listSessions())).toMatchObject([{ sid: grant.sid, lastSeenAt: world.now() }])
  })

  test("whose answer was lost gives the identical successor for 30 s, also to six at once", async () => {
    const world = await newWorld()
    const first = await world.signIn()
    const answers = await Promise.all(Array.from({ length: 6 }, () => world.refresh(first)))
    world.pass(30 * second)
    answers.push(await world.refresh(first))
    const macs = answers.map((answer) => granted(answer)).map(({ counter, mac }) => [counter, ...mac].join())
    expect(new Set(macs).size).toBe(1)
    expect(granted(await world.refresh(granted(answers[0] as never)))).toMatchObject({ counter: 2 })
  })

  test("with the previous token after 30 s is theft: the session ends, the hub knows, the user is told", async () => {
    const world = await newWorld()
    const first = await world.signIn()
    const next = granted(await world.refresh(first))
    world.pass(30 * second + 1)
    expect(refusal(await world.refresh(first))).toBe("REFUSED")
    expect(refusal(await world.refresh(next))).toBe("REFUSED")
    expect(await told(world, first.sid)).toBe("void")
    const [event] = granted(await world.user.recentEvents(1))
    expect(event).toMatchObject({ kind: "session.reuse", fields: { reason: "reuse", sids: [first.sid] } })
  })

  test("that is retried again and again does not make the 30 s longer", async () => {
    const world = await newWorld()
    const first = await world.signIn()
    await world.refresh(first)
    world.pass(20 * second)
    expect(granted(await world.refresh(first)).counter).toBe(1)
    world.pass(11 * second)
    expect(refusal(await world.refresh(first))).toBe("REFUSED")
    expect(granted(await world.user.listSessions())).toEqual([])
  })

  test("with a token two generations old is theft within 30 s too", async () => {
    const world = await newWorld()
    const first = await world.signIn()
    const third = granted(await world.refresh(granted(await world.refresh(first))))
    expect(refusal(await world.refresh(first))).toBe("REFUSED")
    expect(refusal(await world.refresh(third))).toBe("REFUSED")
  })

  test.each([
    [
      "another MAC",
      (grant: { mac: Uint8Array }) => ({ mac: grant.mac.map((byte, at) => (at === 31 ? byte ^ 1 : byte)) }),
    ],
    ["an empty MAC", () => ({ mac: new Uint8Array() })],
    ["another counter under this MAC", () => ({ counter: 41 })],
    ["the counter before under this MAC", () => ({ counter: -1 })],
  ])("with %s is refused like an unknown session, and ends nothing", async (_, bend) => {
    const world = await newWorld()
    const grant = await world.signIn()
    const events = granted(await world.user.recentEvents(10)).length
    const bent = await world.refresh({ ...grant, ...bend(grant) })
    expect(bent).toEqual(await world.refresh({ ...grant, sid: "session_of_nobody" }))
    expect(bent).toEqual({ error: "REFUSED" })
    expect(granted(await world.user.recentEvents(10))).toHaveLength(events)
    expect(granted(await world.refresh(grant)).counter).toBe(1)
  })

  test("with a MAC under another user's key is refused, and ends nothing", async () => {
    const world = await newWorld()
    const grant = await world.signIn()
    const other = new Uint8Array(32).fill(8)
    expect(refusal(await world.user.refresh({ ...grant, key: other, nextKey: other }, cause))).toBe("REFUSED")
    expect(granted(await world.refresh(grant)).counter).toBe(1)
  })

  test("moves to the new ring key, and the answer that was lost can be had again under it", async () => {
    const world = await newWorld()
    const grant = await world.signIn()
    const nextKey = new Uint8Array(32).fill(9)
    const moved = granted(await world.user.refresh({ ...grant, key, nextKey }, cause))
    expect(granted(await world.user.refresh({ ...grant, key, nextKey }, cause)).mac).toEqual(moved.mac)
    expect(granted(await world.user.refresh({ ...moved, key: nextKey, nextKey }, cause)).counter).toBe(2)
  })

  test("answers with the seed nowhere", async () => {
    const world = await newWorld()
    const grant = await world.signIn()
    expect(Object.keys(granted(await world.refresh(grant))).sort()).toEqual(
      ["account", "amr", "authTime", "counter", "epoch", "expiresAt", "idleExpiresAt", "mac", "sid"].sort(),
    )
    expect(grant.mac).toHaveLength(32)
  })
})

describe("time", () => {
  test.each([
    ["a user's, idle", undefined, 30 * day],
    ["an administrator's, idle", administratorLifetime, 12 * hour],
  ])("%s session ends to the millisecond", async (_, lifetime, idle) => {
    const world = await newWorld()
    const options = lifetime ? { lifetime } : {}
    const [kept, lost] = [await world.signIn(options), await world.signIn(options)]
    world.pass(idle - 1)
    expect(granted(await world.refresh(kept)).counter).toBe(1)
    world.pass(1)
    expect(refusal(await world.refresh(lost))).toBe("REFUSED")
    expect(refusal(await world.user.session(lost.sid))).toBe("REFUSED")
    expect(granted(await world.user.listSessions()).map((session) => session.sid)).toEqual([kept.sid])
  })

  test.each([
    ["a user's", undefined, 180 * day, 29 * day],
    ["an administrator's", administratorLifetime, 24 * hour, 11 * hour],
  ])("%s session has a hard end however often it is refreshed", async (_, lifetime, hard, step) => {
    const world = await newWorld()
    let grant = await world.signIn(lifetime ? { lifetime } : {})
    const end = world.now() + hard
    expect(grant.expiresAt).toBe(end)
    while (world.now() + step < end) {
      world.pass(step)
      grant = granted(await world.refresh(grant))
    }
    world.pass(end - world.now())
    expect(refusal(await world.refresh(grant))).toBe("REFUSED")
  })

  test("the alarm clears what has expired", async () => {
    const world = await newWorld()
    await world.signIn()
    world.pass(30 * day)
    expect(await world.alarm()).toBe(true)
    expect(await world.rows('select "sid" from "sessions"')).toEqual([])
    expect(granted(await world.user.recentEvents(1))).toMatchObject([{ fields: { reason: "expired" } }])
  })
})

describe("revocation", () => {
  test("of one, of the others, of all: refused at once, known to the hub", async () => {
    const world = await newWorld()
    const [a, b, c, d] = [await world.signIn(), await world.signIn(), await world.signIn(), await world.signIn()]
    expect(await world.user.revoke(a.sid, cause)).toEqual({ revoked: 1 })
    expect(refusal(await world.refresh(a))).toBe("REFUSED")
    expect(await world.user.revokeOthers(b.sid, cause)).toEqual({ revoked: 2 })
    expect(refusal(await world.refresh(c))).toBe("REFUSED")
    expect(granted(await world.refresh(b)).epoch).toBeGreaterThan(b.epoch)
    expect(await world.user.revokeAll(cause)).toEqual({ revoked: 1 })
    expect(await world.user.revokeAll(cause)).toEqual({ revoked: 0 })
    for (const { sid } of [a, b, c, d]) expect(await told(world, sid)).toBe("void")
    expect(granted(await world.user.listSessions())).toEqual([])
  })

  test("with the hub unreachable: the session ends, the caller hears UNAVAILABLE, the alarm goes on until the hub knows", async () => {
    const world = await newWorld()
    const grant = await world.signIn()
    world.hubReachable = false
    expect(refusal(await world.user.revoke(grant.sid, cause))).toBe("UNAVAILABLE")
    expect(refusal(await world.user.revoke(grant.sid, cause))).toBe("UNAVAILABLE")
    expect(refusal(await world.refresh(grant))).toBe("REFUSED")
    await world.restart()
    await world.alarm()
    expect(await told(world, grant.sid)).toBe(null)
    world.hubReachable = true
    await world.alarm()
    expect(await told(world, grant.sid)).toBe("void")
    const calls = world.hubCalls
    expect(await world.user.revoke(grant.sid, cause)).toEqual({ revoked: 0 })
    expect(world.hubCalls).toBe(calls)
  })

  test("with the hub unreachable, again when it is back: acknowledged", async () => {
    const world = await newWorld()
    const grant = await world.signIn()
    world.hubReachable = false
    await world.user.revoke(grant.sid, cause)
    world.hubReachable = true
    expect(await world.user.revoke(grant.sid, cause)).toEqual({ revoked: 0 })
    expect(await told(world, grant.sid)).toBe("void")
  })

  test("is told to the hub as long as an access token of the last refresh may be alive, and no longer", async () => {
    const world = await newWorld()
    const revokeAfter = async (ms: number, accessSeconds?: number) => {
      const signedIn = await world.signIn()
      world.pass(hour)
      const access = accessSeconds === undefined ? {} : { accessSeconds }
      granted(await world.user.refresh({ ...signedIn, key, nextKey: key, ...access }, cause))
      world.pass(ms)
      await world.user.revoke(signedIn.sid, cause)
      return told(world, signedIn.sid)
    }
    expect(await revokeAfter(11 * minute - 1)).toBe("void")
    expect(await revokeAfter(11 * minute)).toBe(null)
    expect(await revokeAfter(11 * minute, 900)).toBe("void")
  })

  test("a session that takes the place of another ends it", async () => {
    const world = await newWorld()
    const old = await world.signIn()
    await world.signIn({ replaces: old.sid })
    expect(refusal(await world.refresh(old))).toBe("REFUSED")
    expect(await told(world, old.sid)).toBe("void")
  })

  test("a sid is never taken twice", async () => {
    const world = await newWorld()
    const grant = await world.signIn()
    expect(refusal(await world.user.createSession({ sid: grant.sid, key, amr: ["pwd"] }, cause))).toBe("REFUSED")
    expect(granted(await world.refresh(grant)).counter).toBe(1)
  })

  test("of a hundred sessions the one that was seen least recently gives way", async () => {
    const world = await newWorld()
    const first = await world.signIn()
    for (let n = 1; n < 100; n++) {
      world.pass(1)
      await world.signIn()
    }
    expect(granted(await world.user.listSessions())).toHaveLength(100)
    world.pass(1)
    await world.signIn()
    expect(granted(await world.user.listSessions())).toHaveLength(100)
    expect(refusal(await world.refresh(first))).toBe("REFUSED")
  })
})

test("what the user sees of a session, and what outlives a restart", async () => {
  const world = await newWorld()
  const grant = await world.signIn({
    label: "Phone",
    userAgent: "Safari",
    address: "203.0.113.0/24",
    amr: ["pwd", "otp"],
    authTime: world.now() - 5,
  })
  await world.restart()
  world.pass(minute)
  expect(granted(await world.user.session(grant.sid))).toEqual({
    epoch: 1,
    session: {
      sid: grant.sid,
      createdAt: world.now() - minute,
      lastSeenAt: world.now() - minute,
      expiresAt: world.now() - minute + 30 * day,
      authTime: world.now() - minute - 5,
      amr: ["pwd", "otp"],
      label: "Phone",
      userAgent: "Safari",
      address: "203.0.113.0/24",
    },
  })
  expect(granted(await world.refresh(grant)).counter).toBe(1)
})
