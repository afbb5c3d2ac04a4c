/** The pump: what is due goes to the queue once and again when it was lost there; due minutes of schedules become jobs exactly once. */
import { env } from "cloudflare:workers"
import { beforeAll, describe, expect, test } from "vitest"
import { nextDue, ticketDue } from "../../src/database/leases.ts"
import { claimDue } from "../../src/database/outbox.ts"
import { newActor } from "../support/actors.ts"
import { hour, type JobsWorld, jobsWorld, makeEffects, second } from "./world.ts"

beforeAll(makeEffects)

const pump = (world: JobsWorld) => world.served.feed.pump.run(world.now())
const minute = 60 * second

describe("a message to the queue", () => {
  test("is sent once, until it counts as lost: then again, whoever forgot it", async () => {
    const world = await jobsWorld()
    await world.order("effects.make", { name: world.name("lost") })
    await pump(world)
    await pump(world)
    expect(world.own.queued.splice(0)).toHaveLength(1)
    // The queue was killed: nobody got it. Another feed, as after a restart, knows no more than D1 does.
    world.pass(minute - 1)
    await world.isolate().feed.pump.run(world.now())
    expect(world.own.queued).toEqual([])
    world.pass(1)
    await world.isolate().feed.pump.run(world.now())
    const again = world.own.queued.splice(0)
    expect(again).toHaveLength(1)
    await world.served.consume(again)
    expect(await world.made()).toEqual(["lost"])
  })

  test("that comes late, after another was sent in its place, does nothing that the other does not", async () => {
    const world = await jobsWorld()
    await world.order("effects.make", { name: world.name("late") })
    await pump(world)
    const late = world.own.queued.splice(0)
    world.pass(minute)
    await pump(world)
    await world.served.consume(late)
    expect(world.begun).toEqual([])
    await world.served.consume(world.own.queued.splice(0))
    await world.served.consume(late)
    expect(world.begun).toHaveLength(1)
  })

  test("that the queue does not take is due as before, and the feed is told", async () => {
    const world = await jobsWorld()
    await world.order("effects.make", { name: world.name("refused") })
    const { sendBatch } = world.own.change.JOBS
    const broken = { ...world.own.change.JOBS, sendBatch: () => Promise.reject(new Error("the queue is down")) }
    Object.assign(world.own.change.JOBS, broken)
    await expect(pump(world)).rejects.toThrow("down")
    Object.assign(world.own.change.JOBS, { sendBatch })
    await pump(world)
    expect(world.own.queued).toHaveLength(1)
  })

  test("names a key once, however much waits there; 250 keys go in three batches", async () => {
    const world = await jobsWorld()
    await world.order("effects.make", { name: world.name("first") })
    const [row] = await world.own.rows()
    const columns = `"topic", "payload", "createdAt", "dueAt", "attempts"`
    const insert = `insert into "outbox" ("id", "subject", ${columns})
      select "outbox"."id" || '-' || value, 'effects.line/' || (value / 2), ${columns} from "outbox", json_each(?1) where "outbox"."id" = ?2`
    const numbers = JSON.stringify(Array.from({ length: 498 }, (_, n) => n))
    await world.own.change.DB.prepare(insert).bind(numbers, row?.id).run()
    await pump(world)
    expect(new Set(world.own.queued.map(({ subject }) => subject)).size).toBe(250)
    expect(world.own.queued).toHaveLength(250)
    expect(await world.served.feed.pump.due(world.now())).toBe(499)
  })
})

test("what the pump reads does not grow with the jobs that are for later", async () => {
  const world = await jobsWorld()
  await world.order("effects.make", { name: world.name("later") }, new Date(world.now().getTime() + hour))
  const columns = `"topic", "payload", "createdAt", "dueAt", "notBefore", "attempts"`
  const insert = `insert into "outbox" ("id", "subject", ${columns})
    select "outbox"."id" || '-' || value, "subject" || value, ${columns} from "outbox", json_each(?1)`
  const numbers = JSON.stringify(Array.from({ length: 2000 }, (_, n) => n))
  await world.own.change.DB.prepare(insert).bind(numbers).run()
  await world.order("effects.make", { name: world.name("now") })
  let read = 0
  const counting = {
    prepare: (sql: string) => ({
      bind: (...values: unknown[]) => {
        const run = async () => {
          const result = await world.own.change.DB.prepare(sql)
            .bind(...values)
            .all()
          read += result.meta.rows_read
          return result
        }
        return { all: run, first: async (column: string) => (await run()).results[0]?.[column] ?? null }
      },
    }),
  } as unknown as D1Database
  const until = new Date(world.now().getTime() + minute)
  expect(await ticketDue(counting, world.now(), until, 100)).toHaveLength(1)
  expect(await nextDue(counting, world.now())).toEqual(until)
  expect(read).toBeLessThan(20)
  // Nor does what the deliverer of commands reads, although it is the same table.
  world.pass(2 * hour)
  read = 0
  expect(await claimDue(counting, world.now(), until, 20)).toEqual([])
  expect(read).toBeLessThan(20)
})

describe("when the next is due", () => {
  test("is told to the feed, so that its alarm stands there; jobs for later are not counted as waiting", async () => {
    const world = await jobsWorld()
    expect(await pump(world)).toBeNull()
    const at = new Date(world.now().getTime() + hour)
    await world.order("effects.make", { name: world.name("later") }, at)
    expect(await pump(world)).toBe(at.getTime())
    expect(await world.served.feed.pump.due(world.now())).toBe(0)
    await world.order("effects.make", { name: world.name("now") })
    expect(await pump(world)).toBe(world.now().getTime() + minute)
    expect(await world.served.feed.pump.due(world.now())).toBe(1)
  })
})

describe("a schedule", () => {
  /** A world whose clock stands at a minute that is no multiple of five. */
  const scheduled = async () => {
    const mark = `cron-${crypto.randomUUID()}`
    const world = await jobsWorld({ crons: mark })
    const past = world.now().getTime() % (5 * minute)
    world.pass(5 * minute - past + minute)
    const swept = async () => {
      const sql = `select "name" from "reads_effects" where "name" like ?`
      return (await env.DB.prepare(sql).bind(`${mark}%`).all()).results.length
    }
    return { world, mark, swept }
  }

  test("that is new begins now; each due minute becomes one job, also when two feeds tick at once", async () => {
    const { world, mark, swept } = await scheduled()
    const other = world.isolate()
    const tick = () => Promise.all([pump(world), other.feed.pump.run(world.now()), pump(world)])
    await tick()
    expect(await world.own.rows()).toEqual([])
    for (let n = 1; n <= 3; n++) {
      world.pass(5 * minute - 1 - (n === 1 ? minute : 0))
      await tick()
      expect((await world.own.rows()).length, "not a moment before").toBe(0)
      world.pass(1)
      await tick()
      await tick()
      await world.served.settled()
      expect(await swept()).toBe(n)
    }
    const { results } = await env.DB.prepare(
      `select "actor", "reason", "operation" from "events" where "resource" = 'effects' and "after" ->> 'name' like ?`,
    )
      .bind(`${mark}%`)
      .all()
    expect(results).toEqual(
      Array.from({ length: 3 }, () => ({
        actor: "system",
        reason: "job cron.effects.sweep",
        operation: "effects.sweep",
      })),
    )
  })

  test("whose minutes were missed runs once for all of them", async () => {
    const { world, swept } = await scheduled()
    await pump(world)
    world.pass(24 * hour)
    await pump(world)
    await world.served.settled()
    expect(await swept()).toBe(1)
  })

  test("tells the feed when its next minute is, although nobody calls", async () => {
    const { world } = await scheduled()
    expect(await pump(world)).toBe(Math.ceil(world.now().getTime() / (5 * minute)) * 5 * minute)
  })

  test("runs an operation that nobody may call", async () => {
    const { world } = await scheduled()
    const root = await newActor("Root", ["admin"])
    expect(world.served.registry.operations.get("effects.sweep")?.rest).toBeUndefined()
    expect((await world.served.call(root, "POST /v1/effects/sweep", { body: {} })).status).toBeGreaterThanOrEqual(404)
  })
})
