/** The throttle in a real object: 200 guesses at once, waiting times, tickets that are never completed, ghosts, mail after a hundred failures. */
import { expect, test } from "vitest"
import { cause, day, granted, key, minute, newWorld, refusal, second, type World } from "./fixture.ts"

const stranger = { device: null }

async function fail(world: World, device: string | null = null): Promise<boolean> {
  const { ticket, confirmByMail } = granted(await world.user.reserve({ device }, cause))
  if (ticket === null) throw new Error("not admitted")
  granted(await world.user.complete({ ticket, ok: false }, cause))
  return confirmByMail
}

test("200 guesses at once: 5 are evaluated, the right one among the rest opens nothing, the known device signs in", async () => {
  const world = await newWorld()
  await world.signIn({ device: "laptop" })
  const guesses = Array.from({ length: 200 }, async (_, at) => {
    const answer = granted(await world.user.reserve({ device: at % 3 === 0 ? `invented-${at}` : null }, cause))
    if (answer.ticket === null) return "throttled"
    const session = { sid: `guess_${at}`, key, amr: ["pwd"] }
    const { grant } = granted(await world.user.complete({ ticket: answer.ticket, ok: at === 150, session }, cause))
    return grant === null ? "wrong" : "in"
  })
  const victim = granted(await world.user.reserve({ device: "laptop" }, cause))
  const outcomes = await Promise.all(guesses)
  expect(outcomes.filter((outcome) => outcome !== "throttled")).toEqual(Array(5).fill("wrong"))
  expect(victim).toMatchObject({ admitted: true, retryAfterSeconds: 0 })
  const session = { sid: "session_victim", key, amr: ["pwd"], device: "laptop" }
  const done = granted(await world.user.complete({ ticket: victim.ticket as string, ok: true, session }, cause))
  expect(done.grant).toMatchObject({ sid: "session_victim" })
  expect(granted(await world.user.reserve(stranger, cause)).admitted).toBe(false)
})

test("the wait: none for five failures, then 1 s doubling to 15 min, to the millisecond and never for good", async () => {
  const world = await newWorld()
  for (let n = 0; n < 5; n++) await fail(world)
  const waits: number[] = []
  for (let n = 0; n < 12; n++) {
    const { admitted, retryAfterSeconds } = granted(await world.user.reserve(stranger, cause))
    expect(admitted).toBe(false)
    waits.push(retryAfterSeconds)
    world.pass(retryAfterSeconds * second - 1)
    expect(granted(await world.user.reserve(stranger, cause))).toMatchObject({ admitted: false, retryAfterSeconds: 1 })
    world.pass(1)
    await fail(world)
  }
  expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900])
})

test("the user sees where a failed attempt came from, the log does not", async () => {
  const world = await newWorld()
  const { ticket } = granted(await world.user.reserve(stranger, cause))
  const from = { address: "203.0.113.0/24", userAgent: "curl" }
  granted(await world.user.complete({ ticket: ticket as string, ok: false, ...from }, cause))
  const said = { bucket: "unknown", failures: 1 }
  expect(granted(await world.user.recentEvents(1))).toMatchObject([
    { kind: "signin.failed", fields: { ...said, ...from } },
  ])
  expect(granted(await world.user.pendingEvents(1))).toMatchObject([
    { fields: said, changed: ["bucket", "failures", "address", "userAgent"] },
  ])
})

test("a success clears its own bucket only", async () => {
  const world = await newWorld()
  await world.signIn({ device: "laptop" })
  for (let n = 0; n < 5; n++) await fail(world)
  for (let n = 0; n < 5; n++) await fail(world, "laptop")
  world.pass(second)
  const { ticket } = granted(await world.user.reserve({ device: "laptop" }, cause))
  granted(await world.user.complete({ ticket: ticket as string, ok: true }, cause))
  await fail(world, "laptop")
  await fail(world, "laptop")
  await fail(world)
  expect(granted(await world.user.reserve(stranger, cause)).admitted).toBe(false)
})

test("a ticket that is never completed has failed; it opens nothing once it is over, nor twice", async () => {
  const world = await newWorld()
  const tickets = []
  for (let n = 0; n < 5; n++) tickets.push(granted(await world.user.reserve(stranger, cause)).ticket as string)
  const [spent, late] = tickets as [string, string]
  const session = { sid: "session_late", key, amr: ["pwd"] }
  granted(await world.user.complete({ ticket: spent, ok: false }, cause))
  expect(refusal(await world.user.complete({ ticket: spent, ok: true, session }, cause))).toBe("REFUSED")
  world.pass(minute)
  expect(refusal(await world.user.complete({ ticket: late, ok: true, session }, cause))).toBe("REFUSED")
  expect(refusal(await world.user.complete({ ticket: "invented", ok: true, session }, cause))).toBe("REFUSED")
  expect(granted(await world.user.listSessions())).toEqual([])
  await world.restart()
  await fail(world)
  expect(granted(await world.user.reserve(stranger, cause))).toMatchObject({ admitted: false, retryAfterSeconds: 2 })
})

test("after a hundred failures the right password from an unknown device opens nothing until a mail confirms", async () => {
  const world = await newWorld()
  await world.signIn({ device: "laptop" })
  for (let n = 0; n < 100; n++) {
    world.pass(15 * minute)
    expect(await fail(world)).toBe(false)
  }
  const session = { sid: "session_unknown", key, amr: ["pwd"] }
  for (let n = 0; n < 2; n++) {
    world.pass(15 * minute)
    const { ticket, confirmByMail } = granted(await world.user.reserve(stranger, cause))
    expect(confirmByMail).toBe(true)
    expect(granted(await world.user.complete({ ticket: ticket as string, ok: true, session }, cause))).toEqual({
      grant: null,
      pending: null,
      confirmByMail: true,
    })
  }
  expect(granted(await world.user.reserve({ device: "laptop" }, cause)).confirmByMail).toBe(false)
  await world.user.forgive()
  const { ticket, confirmByMail } = granted(await world.user.reserve(stranger, cause))
  expect(confirmByMail).toBe(false)
  const opened = granted(await world.user.complete({ ticket: ticket as string, ok: true, session }, cause))
  expect(opened.grant).toMatchObject({ sid: "session_unknown" })
}, 60_000)

test("the devices of other people's sign-ins are forgotten when the others are revoked, the own one stays known", async () => {
  const world = await newWorld()
  const own = await world.signIn({ device: "laptop" })
  await world.signIn({ device: "thief" })
  for (let n = 0; n < 5; n++) await fail(world)
  expect(granted(await world.user.reserve({ device: "thief" }, cause)).admitted).toBe(true)
  await world.user.revokeOthers(own.sid, cause)
  expect(granted(await world.user.reserve({ device: "thief" }, cause)).admitted).toBe(false)
  expect(granted(await world.user.reserve({ device: "laptop" }, cause)).admitted).toBe(true)
  await world.user.revokeAll(cause)
  expect(granted(await world.user.reserve({ device: "laptop" }, cause)).admitted).toBe(false)
})

test("ghosts: each absent address has a bucket like a user's, which is forgotten after a quiet day; no event is recorded", async () => {
  const world = await newWorld(`ghost/${crypto.randomUUID()}`)
  const attempt = async (ghost: string) => granted(await world.user.reserve({ device: null, ghost }, cause))
  for (let n = 0; n < 5; n++) {
    const { ticket } = await attempt("a")
    await world.user.complete({ ticket: ticket as string, ok: false }, cause)
  }
  expect((await attempt("a")).admitted).toBe(false)
  expect((await attempt("b")).admitted).toBe(true)
  world.pass(day + minute)
  await world.alarm()
  expect(await world.rows('select "name" from "buckets" where "name" = \'ghost/a\'')).toEqual([])
  expect(await world.rows('select * from "events"')).toEqual([])
})
