/** Commands from D1's outbox, what D1 says of the account, events on their way to the log, and the end of an object. */
import { runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { describe, expect, test } from "vitest"
import type { Account } from "../../src/core/user-object.ts"
import { administratorLifetime } from "../../src/user/sessions.ts"
import {
  cause,
  day,
  granted,
  hour,
  key,
  minute,
  newWorld,
  objects,
  refusal,
  second,
  told,
  type World,
} from "./fixture.ts"

const logged = async (world: World) =>
  (
    await env.DB.prepare('select * from "events" where "resource" = \'users\' and "record" = ? order by "sequence"')
      .bind(world.id)
      .all<{ id: string; operation: string; after: string; changed: string; actor: string; at: string }>()
  ).results

describe("commands", () => {
  test("act once by id, for a day after they last came", async () => {
    const world = await newWorld()
    const revokeAll = { kind: "revokeAll", createdBefore: Number.MAX_SAFE_INTEGER } as const
    expect(await world.user.apply("c-1", revokeAll, cause)).toEqual({ repeated: false })
    const grant = await world.signIn()
    await world.restart()
    expect(await world.user.apply("c-1", revokeAll, cause)).toEqual({ repeated: true })
    expect(granted(await world.refresh(grant)).counter).toBe(1)
    world.pass(day - minute)
    await world.alarm()
    expect(await world.user.apply("c-1", revokeAll, cause)).toEqual({ repeated: true })
    world.pass(day)
    await world.alarm()
    expect(await world.rows('select * from "commands"')).toEqual([])
  })

  test("that reduce rights are acknowledged only when the hub knows, also the second time", async () => {
    const world = await newWorld()
    const grant = await world.signIn()
    const command = { kind: "revokeSession", sid: grant.sid } as const
    world.hubReachable = false
    expect(refusal(await world.user.apply("c-1", command, cause))).toBe("UNAVAILABLE")
    expect(refusal(await world.user.apply("c-1", command, cause))).toBe("UNAVAILABLE")
    world.hubReachable = true
    expect(await world.user.apply("c-1", command, cause)).toEqual({ repeated: true })
    expect(await told(world, grant.sid)).toBe("void")
  })

  test("end many keys at once: the hub knows each, and one that comes later stays ended", async () => {
    const world = await newWorld()
    const hashOf = (id: string) => id.padEnd(64, "0")
    const add = (id: string) => world.user.addKey({ id, hash: hashOf(id), scopes: [], expiresAt: null }, cause)
    for (const id of ["a", "b", "c"]) await add(id)
    await world.user.apply("c-1", { kind: "revokeKeys", ids: ["a", "b", "late"] }, cause)
    await add("late")
    for (const id of ["a", "b", "late"]) expect(refusal(await world.user.verifyKey(hashOf(id)))).toBe("REFUSED")
    expect([await told(world, "a"), await told(world, "b"), await told(world, "c")]).toEqual(["void", "void", null])
    expect(granted(await world.user.verifyKey(hashOf("c"))).id).toBe("c")
  })

  test("that come late spare the sessions made after the decision", async () => {
    const world = await newWorld()
    const before = await world.signIn()
    world.pass(second)
    const createdBefore = world.now()
    const after = await world.signIn()
    await world.user.apply("c-1", { kind: "revokeAll", createdBefore }, cause)
    expect(refusal(await world.refresh(before))).toBe("REFUSED")
    expect(granted(await world.refresh(after)).counter).toBe(1)
  })
})

describe("the account", () => {
  const account = (version: number, given: Partial<Account> = {}): Account => ({
    version,
    roles: [],
    status: "active",
    ...given,
  })
  const set = (world: World, given: Account) =>
    world.user.apply(crypto.randomUUID(), { kind: "setAccount", account: given }, cause)

  test("new roles make the access tokens stale, and the refresh gives good ones", async () => {
    const world = await newWorld()
    const grant = await world.signIn({ account: account(1, { roles: ["admin"] }) })
    expect(await told(world, grant.sid)).toBe(null)
    await set(world, account(2))
    const next = granted(await world.refresh(grant))
    expect(next.account).toEqual(account(2))
    expect(grant.epoch).toBeLessThan(next.epoch)
    expect(await told(world, grant.sid)).toBe(next.epoch)
  })

  test("an older version never comes back", async () => {
    const world = await newWorld()
    const grant = await world.signIn({ account: account(5) })
    await set(world, account(4, { roles: ["admin"] }))
    await set(world, account(5, { roles: ["admin"] }))
    expect(granted(await world.refresh(grant)).account).toEqual(account(5))
  })

  test("disabled: sessions end, keys and new sessions are refused, the hub knows; enabled again: keys work", async () => {
    const world = await newWorld()
    const grant = await world.signIn({ account: account(1) })
    const hash = "f".repeat(64)
    await world.user.addKey({ id: "key_1", hash, scopes: [], expiresAt: null }, cause)
    const cached = granted(await world.user.verifyKey(hash))
    await set(world, account(2, { status: "disabled" }))
    expect(refusal(await world.refresh(grant))).toBe("REFUSED")
    expect(refusal(await world.user.verifyKey(hash))).toBe("REFUSED")
    expect(refusal(await world.user.createSession({ sid: "session_x", key, amr: ["pwd"] }, cause))).toBe("REFUSED")
    expect(await told(world, grant.sid)).toBe("void")
    expect(await told(world, "key_1")).toBeGreaterThan(cached.epoch)
    await set(world, account(3))
    expect(granted(await world.user.verifyKey(hash)).epoch).toBeGreaterThanOrEqual(
      (await told(world, "key_1")) as number,
    )
  })

  test("who becomes an administrator has shorter sessions from then on", async () => {
    const world = await newWorld()
    const grant = await world.signIn({ account: account(1) })
    await set(world, account(2, { roles: ["admin"], lifetime: administratorLifetime }))
    const next = granted(await world.refresh(grant))
    expect(next.idleExpiresAt).toBe(world.now() + 12 * hour)
    expect(next.expiresAt).toBe(world.now() + 24 * hour)
  })
})

describe("events", () => {
  test("reach the log once, in order, with no personal value and no secret; the user sees all of it", async () => {
    const world = await newWorld()
    const personal = { label: "Ada's phone", userAgent: "Safari", address: "203.0.113.0/24" }
    const grant = await world.signIn(personal)
    await world.user.revoke(grant.sid, { ...cause, actor: "user_admin", impersonator: "user_root" })
    const pending = granted(await world.user.pendingEvents(10))
    expect(pending.map((event) => event.kind)).toEqual(["session.created", "session.ended"])
    await world.alarm()
    await world.alarm()
    const rows = await logged(world)
    expect(rows.map((row) => [row.operation, row.id])).toEqual(pending.map((event) => [event.kind, event.id]))
    expect(rows[0]).toMatchObject({
      at: new Date(world.now()).toISOString(),
      actor: "user_test",
      impersonator: null,
      change: "updated",
      after: JSON.stringify({ sid: grant.sid, amr: ["pwd"] }),
      changed: JSON.stringify(["sid", "amr", "label", "userAgent", "address"]),
      requestId: "r-test",
    })
    expect(rows[1]).toMatchObject({ actor: "user_admin", impersonator: "user_root" })
    for (const value of Object.values(personal)) expect(JSON.stringify(rows)).not.toContain(value)
    expect(granted(await world.user.pendingEvents(10))).toEqual([])
    expect(granted(await world.user.recentEvents(10))[1]).toMatchObject({ kind: "session.created", fields: personal })
  })

  test("wait while the log is unreachable, through a restart, and none is lost or doubled", async () => {
    const world = await newWorld()
    world.logReachable = false
    for (let n = 0; n < 3; n++) {
      await world.signIn()
      await world.alarm()
    }
    await world.restart()
    expect(await logged(world)).toEqual([])
    world.logReachable = true
    const pending = granted(await world.user.pendingEvents(10))
    await world.alarm()
    expect((await logged(world)).map((row) => row.id)).toEqual(pending.map((event) => event.id))
  })

  test("whose acknowledgement was lost stand in the log once", async () => {
    const world = await newWorld()
    await world.signIn()
    const { writeToLog } = await import("../../src/user/security-events.ts")
    await writeToLog(env.DB, world.id, granted(await world.user.pendingEvents(10)))
    await world.alarm()
    expect(await logged(world)).toHaveLength(1)
    expect(granted(await world.user.pendingEvents(10))).toEqual([])
  })

  test("can be taken by a caller and acknowledged one by one", async () => {
    const { user, signIn } = await newWorld()
    for (let n = 0; n < 3; n++) await signIn()
    const [first, , third] = granted(await user.pendingEvents(10))
    await user.acknowledgeEvents([first?.id as string, third?.id as string])
    expect(granted(await user.pendingEvents(10))).toHaveLength(1)
  })

  test("the ring keeps the last 200 and never drops what the log does not have", async () => {
    const world = await newWorld()
    for (let n = 0; n < 110; n++) await world.user.revoke((await world.signIn()).sid, cause)
    expect(granted(await world.user.pendingEvents(1000))).toHaveLength(220)
    await world.alarm()
    expect(await world.rows('select count(*) "count" from "events"')).toEqual([{ count: 200 }])
    expect(await logged(world)).toHaveLength(220)
  })

  test("a wait between tries grows to five minutes", async () => {
    const world = await newWorld()
    world.logReachable = false
    await world.signIn()
    const waits: number[] = []
    for (let n = 0; n < 11; n++) {
      await world.alarm()
      const [row] = await world.rows('select "value" from "numbers" where "name" = \'logAt\'')
      waits.push(((row?.value as number) - world.now()) / second)
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300])
  })
})

test("the one alarm stands at what is due first: a second for the log, an hour after the earliest expiry to clear", async () => {
  const world = await newWorld()
  const alarmIn = async () => {
    const at = await runInDurableObject(objects.USER.getByName(`user/${world.id}`), (_, { storage }) =>
      storage.getAlarm(),
    )
    return at === null ? null : at - world.now()
  }
  await world.user.setPreference("theme", "dark")
  expect(await alarmIn()).toBe(null)
  await world.signIn()
  expect(await alarmIn()).toBe(second)
  await world.alarm()
  expect(await alarmIn()).toBe(30 * day + hour)
  await world.user.issueToken({ purpose: "verifyEmail", hash: "a", issuedAt: world.now() }, cause)
  expect(await alarmIn()).toBe(second)
  await world.alarm()
  expect(await alarmIn()).toBe(day + hour)
  world.logReachable = false
  await world.signIn()
  await world.alarm()
  await world.alarm()
  expect(await alarmIn()).toBe(2 * second)
  expect(await world.rows('select "value" from "numbers" where "name" = \'armedAt\'')).toEqual([
    { value: world.now() + 2 * second },
  ])
})

describe("the end", () => {
  test("everything is ended, told and erased; the object is empty and refuses", async () => {
    const world = await newWorld()
    const grant = await world.signIn({ label: "Phone" })
    await world.user.setPreference("theme", "dark")
    expect(await world.user.destroy(cause)).toEqual({ ok: true })
    expect(await told(world, grant.sid)).toBe("void")
    expect((await logged(world)).map((row) => row.operation)).toEqual([
      "session.created",
      "session.ended",
      "account.destroyed",
    ])
    expect(refusal(await world.refresh(grant))).toBe("REFUSED")
    expect(await world.user.exportAll()).toEqual({
      sessions: [],
      approvals: [],
      grants: [],
      inbox: [],
      devices: [],
      keys: [],
      factors: [],
      preferences: {},
      events: [],
    })
  })

  test.each(["hubReachable", "logReachable"] as const)(
    "not %s: nothing is erased, nothing can be made, again is enough",
    async (part) => {
      const world = await newWorld()
      const grant = await world.signIn()
      world[part] = false
      expect(refusal(await world.user.destroy(cause))).toBe("UNAVAILABLE")
      expect(refusal(await world.refresh(grant))).toBe("REFUSED")
      expect(refusal(await world.user.createSession({ sid: "session_x", key, amr: ["pwd"] }, cause))).toBe("REFUSED")
      await world.restart()
      world[part] = true
      expect(await world.user.destroy(cause)).toEqual({ ok: true })
      expect((await logged(world)).filter((row) => row.operation === "account.destroyed")).toHaveLength(1)
      expect(await told(world, grant.sid)).toBe("void")
    },
  )
})
