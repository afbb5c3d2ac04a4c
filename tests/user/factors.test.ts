/** Second factors inside a user's object, with the clock in the test's hand: what counts, how often, for how long, and what ends with it. */
import { describe, expect, test } from "vitest"
import type { FactorOutcome, FactorProof, NewFactor } from "../../src/core/factors.ts"
import type { NewSession } from "../../src/core/user-object.ts"
import { cause, day, granted, key, minute, newWorld, refusal, second, type World } from "./fixture.ts"

let count = 0
const newId = (prefix: string) => `${prefix}_${++count}`
const totp = (id = newId("factor"), step = 100): NewFactor => ({ kind: "totp", id, name: "App", sealed: "s1.x", step })
const renewalOf = (of: string) => ({ of, sid: newId("session"), key, accessSeconds: 600, amr: ["otp", "mfa"] })
const once = (world: World, hash = newId("hash")) => ({ hash, until: world.now() + minute })

/** Adds a factor by the session of somebody who signs in for it. */
async function protect(world: World, factor: NewFactor = totp(), recoveryCodes: readonly string[] = ["r1", "r2"]) {
  const { sid } = await world.signIn({ isWhole: true, amr: ["pwd", "otp", "mfa"] })
  const addition = { factor, once: once(world), recoveryCodes, renewal: renewalOf(sid), endOthers: false }
  return granted(await world.user.addFactor(addition, cause))
}

const waitingSession = (ticket: string, more: Partial<NewSession> = {}): NewSession => ({
  sid: newId("session"),
  key,
  amr: ["pwd"],
  device: newId("device"),
  ticket,
  ...more,
})

/** A sign-in that waits under a ticket. */
async function wait(world: World, more: Partial<NewSession> = {}) {
  const ticket = newId("ticket")
  const session = waitingSession(ticket, more)
  const { pending } = granted(await world.user.enter(session, cause))
  return { ticket, sid: session.sid, pending }
}

type Waiting = { readonly ticket: string; readonly sid: string }

/** Gives a code for a ticket; `null` when it is not admitted. */
async function give(world: World, { ticket, sid }: Waiting, proof: FactorProof) {
  const reserved = granted(await world.user.reserveFactor({ ticket }, cause))
  if (!reserved.admitted) return null
  const opening = { kind: "ticket", ticket, sid, key, amr: ["otp", "mfa"] } as const
  return granted(await world.user.completeFactor({ attempt: reserved.attempt, proof, opening }, cause))
}

const code = (factor: string, step: number): FactorProof => ({ kind: "totp", factor, step })
const wrong: FactorProof = { kind: "wrong", method: "totp", reason: "wrong" }

test("a session is refused, waits, or is made, and never made with one factor beside a second", async () => {
  const world = await newWorld()
  expect(granted(await world.user.enter(waitingSession("t"), cause)).grant).not.toBeNull()
  await protect(world)
  const before = granted(await world.user.listSessions()).length
  // Without a ticket there is nothing to wait under.
  const { ticket: _, ...bare } = waitingSession("t2")
  expect(refusal(await world.user.enter(bare, cause))).toBe("REFUSED")
  expect(refusal(await world.user.createSession(waitingSession("t3"), cause))).toBe("REFUSED")
  const { pending } = await wait(world)
  expect(pending).toEqual({ methods: ["totp", "recoveryCode"], expiresAt: world.now() + 5 * minute })
  expect(granted(await world.user.listSessions())).toHaveLength(before)
  for (const { amr } of granted(await world.user.listSessions())) expect(amr).toContain("mfa")
})

test("what waits ends with its time, with what ends sessions, and when there are too many", async () => {
  const world = await newWorld()
  await protect(world)
  const late = await wait(world)
  world.pass(5 * minute)
  expect(refusal(await world.user.reserveFactor({ ticket: late.ticket }, cause))).toBe("REFUSED")
  for (const end of [
    () => world.user.revokeAll(cause),
    () => world.user.apply(newId("command"), { kind: "revokeAll", createdBefore: world.now() + 1 }, cause),
    () =>
      world.user.apply(newId("command"), { kind: "revokeOthers", keep: "none", createdBefore: world.now() + 1 }, cause),
  ]) {
    const { ticket } = await wait(world)
    await end()
    expect(refusal(await world.user.reserveFactor({ ticket }, cause))).toBe("REFUSED")
  }
  // A command that comes late spares what began after its decision.
  const decided = world.now()
  world.pass(second)
  const spared = await wait(world)
  await world.user.apply(newId("command"), { kind: "revokeAll", createdBefore: decided + 1 }, cause)
  expect(granted(await world.user.reserveFactor({ ticket: spared.ticket }, cause)).admitted).toBe(true)
  const first = await wait(world)
  for (let n = 0; n < 20; n++) {
    world.pass(1)
    await wait(world)
  }
  expect(refusal(await world.user.reserveFactor({ ticket: first.ticket }, cause))).toBe("REFUSED")
  expect((await world.rows('select count(*) "n" from "pending"'))[0]).toEqual({ n: 20 })
})

test("a step counts once, and a later one after it; a ticket opens the session that it was made for", async () => {
  const world = await newWorld()
  await protect(world, totp("factor_a"))
  const [one, two, three] = [await wait(world), await wait(world), await wait(world)]
  expect((await give(world, one, code("factor_a", 100)))?.fault).toBe("replayed")
  expect(await give(world, { ...one, sid: two.sid }, code("factor_a", 101)).catch((fault) => String(fault))).toContain(
    "REFUSED",
  )
  expect((await give(world, one, code("factor_a", 102)))?.grant?.sid).toBe(one.sid)
  for (const step of [101, 102]) expect((await give(world, two, code("factor_a", step)))?.fault).toBe("replayed")
  expect((await give(world, two, code("factor_none", 200)))?.fault).toBe("replayed")
  expect((await give(world, three, code("factor_a", 103)))?.grant?.amr).toEqual(["pwd", "otp", "mfa"])
})

describe("wrong codes", () => {
  test("five are free, then each makes the next wait longer; a right one forgives them", async () => {
    const world = await newWorld()
    await protect(world, totp("factor_b"))
    const at = await wait(world)
    for (let n = 1; n <= 5; n++) expect((await give(world, at, wrong))?.failures).toBe(n)
    expect(await give(world, at, wrong)).toBeNull()
    world.pass(second)
    expect((await give(world, at, wrong))?.failures).toBe(6)
    world.pass(second)
    expect(await give(world, at, code("factor_b", 200))).toBeNull()
    world.pass(second)
    expect((await give(world, at, code("factor_b", 200)))?.grant).not.toBeNull()
    const next = await wait(world)
    for (let n = 1; n <= 5; n++) expect((await give(world, next, wrong))?.failures).toBe(n)
  })

  test("are not forgiven by a right password, nor by time, and a device that signed in before has its own", async () => {
    const world = await newWorld()
    await protect(world, totp("factor_c"))
    const known = await wait(world, { device: "laptop" })
    expect((await give(world, known, code("factor_c", 101)))?.grant).not.toBeNull()
    for (let n = 0; n < 100; n++) {
      world.pass(15 * minute)
      expect((await give(world, await wait(world), wrong))?.failures).toBe(n + 1)
    }
    world.pass(2 * day)
    await world.alarm()
    const stranger = await wait(world)
    const reserved = granted(await world.user.reserveFactor({ ticket: stranger.ticket }, cause))
    expect(reserved).toMatchObject({ admitted: true, isExhausted: true })
    const laptop = await wait(world, { device: "laptop" })
    const own = granted(await world.user.reserveFactor({ ticket: laptop.ticket }, cause))
    expect(own).toMatchObject({ admitted: true, isExhausted: false })
    // Something that nobody guesses opens, and the codes count again.
    world.pass(minute)
    const again = await wait(world)
    world.pass(15 * minute - minute)
    const last = await wait(world)
    expect((await give(world, last, { kind: "recoveryCode", hash: "r1" }))?.grant).not.toBeNull()
    expect(granted(await world.user.reserveFactor({ ticket: (await wait(world)).ticket }, cause)).isExhausted).toBe(
      false,
    )
    expect(again.pending).not.toBeNull()
  })

  test("an attempt that is never completed has failed, and one is completed once", async () => {
    const world = await newWorld()
    await protect(world, totp("factor_d"))
    const { ticket, sid } = await wait(world)
    const { attempt } = granted(await world.user.reserveFactor({ ticket }, cause))
    const opening = { kind: "ticket", ticket, sid, key, amr: ["otp", "mfa"] } as const
    const outcome: FactorOutcome = { attempt, proof: wrong, opening }
    expect(granted(await world.user.completeFactor(outcome, cause)).failures).toBe(1)
    const right = { ...outcome, proof: code("factor_d", 200) }
    expect(refusal(await world.user.completeFactor(right, cause))).toBe("REFUSED")
    // A code without an attempt is no code.
    expect(refusal(await world.user.completeFactor({ ...right, attempt: null }, cause))).toBe("REFUSED")
    await world.user.reserveFactor({ ticket }, cause)
    world.pass(minute + second)
    expect((await give(world, { ticket, sid }, wrong))?.failures).toBe(3)
  })
})

describe("factors", () => {
  test("the first ends every session that had one factor; a state adds one factor; there are 20 at most", async () => {
    const world = await newWorld()
    const [mine, other] = [await world.signIn(), await world.signIn()]
    const state = once(world)
    const add = (of: string, endOthers: boolean) =>
      world.user.addFactor(
        { factor: totp(), once: state, recoveryCodes: ["r1"], renewal: renewalOf(of), endOthers },
        cause,
      )
    const { grant, isFirst } = granted(await add(mine.sid, false))
    expect([isFirst, grant.amr]).toEqual([true, ["pwd", "otp", "mfa"]])
    expect(granted(await world.user.listSessions()).map(({ sid }) => sid)).toEqual([grant.sid])
    expect(refusal(await world.user.session(other.sid))).toBe("REFUSED")
    expect(refusal(await add(grant.sid, false))).toBe("REFUSED")
    expect(granted(await world.user.listFactors()).factors).toHaveLength(1)
    for (let n = 1; n < 20; n++) expect((await protect(world)).isFirst).toBe(false)
    const { sid } = await world.signIn({ isWhole: true })
    const addition = { factor: totp(), once: once(world), recoveryCodes: [], renewal: renewalOf(sid), endOthers: true }
    expect(refusal(await world.user.addFactor(addition, cause))).toBe("LIMIT")
    expect(granted(await world.user.listFactors())).toMatchObject({ recoveryCodesLeft: 1 })
  })

  test("are removed by command, twice is once; the recovery codes go with the last", async () => {
    const world = await newWorld()
    await protect(world, totp("factor_e"))
    await protect(world, totp("factor_f"))
    const command = { kind: "removeFactors", ids: ["factor_e", "factor_none"] } as const
    expect(granted(await world.user.apply("command_1", command, cause)).repeated).toBe(false)
    expect(granted(await world.user.apply("command_1", command, cause)).repeated).toBe(true)
    expect(granted(await world.user.listFactors())).toMatchObject({
      factors: [{ id: "factor_f" }],
      recoveryCodesLeft: 2,
    })
    await world.user.apply("command_2", { kind: "removeFactors", ids: ["factor_f"] }, cause)
    expect(granted(await world.user.listFactors())).toEqual({ factors: [], credentials: [], recoveryCodesLeft: 0 })
    const kinds = (await world.rows('select "kind" from "events"')).map(({ kind }) => kind)
    expect(kinds.filter((kind) => kind === "factor.removed")).toHaveLength(2)
    expect(refusal(await world.user.replaceRecoveryCodes(["r3"], cause))).toBe("REFUSED")
  })

  test("a closed account lets nobody wait, and what waited opens nothing", async () => {
    const world = await newWorld()
    await protect(world, totp("factor_g"))
    const waiting = await wait(world)
    const account = { version: 1, roles: [], status: "disabled" }
    await world.user.apply("command_3", { kind: "setAccount", account }, cause)
    expect(refusal(await world.user.reserveFactor({ ticket: waiting.ticket }, cause))).toBe("REFUSED")
    expect(refusal(await world.user.enter(waitingSession("t9"), cause))).toBe("REFUSED")
  })

  test("survive a restart, and the alarm clears what is over", async () => {
    const world = await newWorld()
    await protect(world, totp("factor_h"))
    const waiting = await wait(world)
    await world.restart()
    expect((await give(world, waiting, code("factor_h", 200)))?.grant).not.toBeNull()
    await wait(world)
    world.pass(2 * 60 * minute)
    await world.alarm()
    for (const table of ["pending", "challenges", "tickets"])
      expect(await world.rows(`select * from "${table}"`), table).toEqual([])
    expect(granted(await world.user.listFactors()).factors).toHaveLength(1)
  })
})
