/** Jobs that fail: tried again with patience, given up at the right moment, and put where an administrator finds them; nothing else is held up. */
import { env } from "cloudflare:workers"
import { beforeAll, describe, expect, test } from "vitest"
import { codes } from "../../src/core/code.ts"
import { Problem } from "../../src/core/problem.ts"
import { administrator } from "../support/administrators.ts"
import { hour, type JobsWorld, jobsWorld, makeEffects, second } from "./world.ts"

beforeAll(makeEffects)

/** Dead letters of messages. */
async function buried(ids: readonly string[]): Promise<Record<string, unknown>[]> {
  const sql = 'select * from "dead_letters" where "messageId" in (select value from json_each(?)) order by "id"'
  return (await env.DB.prepare(sql).bind(JSON.stringify(ids)).all()).results
}

const idsOf = async (world: JobsWorld) => (await world.own.rows()).map(({ id }) => id)
const toldOf = (world: JobsWorld) => world.served.observations.filter((one) => one.kind === "undelivered")

describe("the pause before the next attempt", () => {
  test("grows in steps up to the longest, by chance between nothing and the step", async () => {
    const world = await jobsWorld({ retry: { attempts: 9, firstSeconds: 4, maxSeconds: 60 } })
    world.act = () => {
      throw new Problem("UNAVAILABLE", "not now")
    }
    await world.order("effects.make", { name: world.name("patient") })
    const steps: number[] = []
    for (const chance of [1, 1, 1, 0.5, 1, 1, 0.25]) {
      world.chance = chance
      await world.served.settled()
      const due = Date.parse((await world.own.rows())[0]?.dueAt ?? "")
      steps.push((due - world.now().getTime()) / second)
      const before = world.begun.length
      world.pass(due - world.now().getTime() - 1)
      await world.served.settled()
      expect(world.begun, "not before it is due").toHaveLength(before)
      world.pass(1)
    }
    expect(steps).toEqual([4, 8, 16, 16, 60, 60, 15])
    expect(toldOf(world)).toHaveLength(7)
    expect(toldOf(world)[0]).toMatchObject({ topic: "job", job: "effects.make", attempts: 1, givenUp: false })
  })

  test("is as long as the fault asks for", async () => {
    const world = await jobsWorld()
    world.act = () => {
      throw new Problem("RESOURCE_EXHAUSTED", "slower", { retryAfterSeconds: 600 })
    }
    await world.order("effects.make", { name: world.name("asked") })
    await world.served.settled()
    const [row] = await world.own.rows()
    expect(Date.parse(row?.dueAt ?? "") - world.now().getTime()).toBe(600 * second)
  })
})

describe("a fault", () => {
  const passing = [
    "UNAVAILABLE",
    "DEADLINE_EXCEEDED",
    "ABORTED",
    "RESOURCE_EXHAUSTED",
    "UNKNOWN",
    "INTERNAL",
    "CANCELLED",
  ]

  test.each(codes)("%s is tried again when it may pass, and buried at once when it never will", async (code) => {
    const world = await jobsWorld()
    world.act = () => {
      throw new Problem(code, "so it is")
    }
    await world.order("effects.make", { name: world.name(code) })
    const ids = await idsOf(world)
    await world.served.settled()
    const [rows, dead] = [await world.own.rows(), await buried(ids)]
    expect([rows.length, dead.length]).toEqual(passing.includes(code) ? [1, 0] : [0, 1])
    if (dead.length > 0)
      expect(dead).toMatchObject([{ code, attempts: 1, job: "effects.make", onBehalfOf: world.ada.id }])
    expect(await world.made()).toEqual([])
  })

  test("that nobody foresaw is tried again; after the last attempt the job is buried, with the reason and without addresses", async () => {
    const world = await jobsWorld({ retry: { attempts: 3 } })
    world.act = () => {
      throw new TypeError("no answer for ada@example.com at https://x.example/?token=abc sv_ml_0123")
    }
    await world.order("effects.make", { name: world.name("thrown") })
    const ids = await idsOf(world)
    for (let n = 0; n < 3; n++) {
      await world.served.settled()
      world.pass(hour)
    }
    expect(world.begun.map(([, attempt]) => attempt)).toEqual([1, 2, 3])
    const [dead, ...more] = await buried(ids)
    expect(more).toEqual([])
    expect(dead).toMatchObject({ code: "INTERNAL", attempts: 3, messageId: ids[0], replayedAt: null })
    expect(dead?.lastError).toMatch(/TypeError: no answer/)
    expect(dead?.lastError).not.toMatch(/ada|example\.com|token=|sv_ml/)
    expect(dead?.payload).toMatch(/^s1\./)
    expect(await world.own.rows()).toEqual([])
    expect(toldOf(world).map((one) => one.kind === "undelivered" && one.givenUp)).toEqual([false, false, true])
    await world.served.settled()
    expect(world.begun).toHaveLength(3)
  })
})

describe("poison", () => {
  test("that does not open is buried at once, and what waited with it goes on", async () => {
    const world = await jobsWorld()
    await world.order("effects.line", { name: world.name("poison") })
    const ids = await idsOf(world)
    await world.own.alter(`"payload" = 's1.k9.AAAA'`)
    await world.order("effects.line", { name: world.name("behind") })
    await world.served.settled()
    expect(await buried(ids)).toMatchObject([{ code: "DATA_LOSS", attempts: 1, onBehalfOf: null }])
    expect(await world.made()).toEqual(["behind"])
  })

  test("whose runtime it takes with it each time is buried after its attempts, without another", async () => {
    const world = await jobsWorld({ retry: { attempts: 2 } })
    await world.order("effects.make", { name: world.name("killer") })
    const ids = await idsOf(world)
    await world.own.alter(`"attempts" = 2`)
    await world.served.settled()
    expect(world.begun).toEqual([])
    expect(await buried(ids)).toMatchObject([{ code: "DEADLINE_EXCEEDED", attempts: 3 }])
  })

  test("that hangs ends with its time; others did not wait for it, and the batch of the local queue is answered before", async () => {
    const world = await jobsWorld({ retry: { attempts: 1 } })
    world.act = ({ input }) => (input.name.endsWith("hangs") ? new Promise(() => undefined) : undefined)
    await world.order("effects.brief", { name: world.name("hangs") })
    await world.order("effects.make", { name: world.name("goes on") })
    const ids = await idsOf(world)
    await world.served.feed.pump.run(world.now())
    const batch = world.served.consume(world.own.queued.splice(0))
    await scheduler.wait(300)
    expect(await world.made()).toEqual(["goes on"])
    await batch
    await world.served.settled()
    expect(await buried(ids)).toMatchObject([{ code: "DEADLINE_EXCEEDED", attempts: 1 }])
  })

  test("or one that is merely long: the local queue gets its answer after a moment, the queue of production when all is done", async () => {
    const world = await jobsWorld()
    for (const production of [false, true]) {
      const { promise, resolve } = Promise.withResolvers<void>()
      world.act = () => promise
      await world.order("effects.make", { name: world.name(`long ${production}`) })
      await world.served.feed.pump.run(world.now())
      let isAnswered = false
      const isolate = production ? world.isolate({ production: true }) : world.served
      const batch = isolate.consume(world.own.queued.splice(0)).then(() => {
        isAnswered = true
      })
      await scheduler.wait(1500)
      expect(isAnswered).toBe(!production)
      resolve()
      await batch
      await isolate.settled()
    }
    expect(await world.made()).toEqual(["long false", "long true"])
  })

  test("of a job that this program does not know waits for one that does, and is told of", async () => {
    const world = await jobsWorld()
    await world.order("effects.make", { name: world.name("strange") })
    const older = world.isolate({ without: true })
    await older.settled()
    expect(older.observations).toContainEqual(
      expect.objectContaining({ kind: "undelivered", job: "effects.make", givenUp: false }),
    )
    expect(await world.own.rows()).toHaveLength(1)
    world.pass(hour)
    await world.served.settled()
    expect(await world.made()).toEqual(["strange"])
  })

  test("of a job that nobody knows any more is buried in the end", async () => {
    const world = await jobsWorld()
    await world.order("effects.make", { name: world.name("forgotten") })
    const ids = await idsOf(world)
    const older = world.isolate({ without: true })
    for (let n = 0; n < 8; n++) {
      await older.settled()
      world.pass(hour)
    }
    expect(await buried(ids)).toMatchObject([{ code: "UNIMPLEMENTED", attempts: 8 }])
  })
})

describe("dead letters", () => {
  const dead = async (name: string) => {
    const world = await jobsWorld()
    world.act = () => {
      throw new Problem("NOT_FOUND", "gone")
    }
    await world.order("effects.make", { name: world.name(name) })
    const ids = await idsOf(world)
    await world.served.settled()
    const [row] = await buried(ids)
    const root = await administrator()
    return { world, root, ids, id: String(row?.id) }
  }

  test("are an administrator's to see, without what the job was to be run with; to others they are not there", async () => {
    const { world, root, id } = await dead("seen")
    const seen = await world.served.call(root, `GET /v1/dead_letters/${id}`)
    expect(seen).toMatchObject({ status: 200, body: { id, job: "effects.make", code: "NOT_FOUND" } })
    expect(seen.body).not.toHaveProperty("payload")
    const listed = await world.served.call(root, "GET /v1/dead_letters?job=effects.make&sort=-createdAt")
    expect(listed.body.items.map((one: { id: string }) => one.id)).toContain(id)
    for (const who of [world.ada, null]) {
      expect((await world.served.call(who, `GET /v1/dead_letters/${id}`)).status).toBe(who ? 403 : 401)
      expect((await world.served.call(who, "GET /v1/dead_letters")).status).toBe(who ? 403 : 401)
      expect((await world.served.call(who, `POST /v1/dead_letters/${id}/replay`, { body: {} })).status).toBe(
        who ? 403 : 401,
      )
      expect((await world.served.call(who, `DELETE /v1/dead_letters/${id}`)).status).toBe(who ? 403 : 401)
    }
  })

  test("are tried again once, under the same id and with all attempts before them", async () => {
    const { world, root, ids, id } = await dead("replayed")
    world.act = () => undefined
    const line = `POST /v1/dead_letters/${id}/replay`
    const both = await Promise.all([1, 2].map(() => world.served.call(root, line, { body: {} })))
    expect(both.map(({ status }) => status).sort()).toEqual([202, expect.any(Number)])
    expect(both.filter(({ status }) => status === 202)).toHaveLength(1)
    expect((await world.own.rows()).map((row) => [row.id, row.attempts])).toEqual([[ids[0], 0]])
    await world.served.settled()
    expect(await world.made()).toEqual(["replayed"])
    expect(await world.served.call(root, line, { body: {} })).toMatchObject({
      status: 400,
      body: { code: "FAILED_PRECONDITION" },
    })
    expect(await world.own.rows()).toEqual([])
  })

  test("are forgotten when an administrator says so", async () => {
    const { world, root, id } = await dead("forgotten")
    expect((await world.served.call(root, `DELETE /v1/dead_letters/${id}`)).status).toBe(204)
    expect((await world.served.call(root, `GET /v1/dead_letters/${id}`)).status).toBe(404)
  })
})
