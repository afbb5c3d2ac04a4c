/** Jobs commit with what wants them, run after it on behalf of who caused it, and leave what they write exactly once, however often they run. */
import { env } from "cloudflare:workers"
import { beforeAll, describe, expect, test } from "vitest"
import { Problem } from "../../src/core/problem.ts"
import { claimNext } from "../../src/database/leases.ts"
import { letterTo, newAddress, signUp } from "../support/people.ts"
import { hour, jobsWorld, makeEffects, second } from "./world.ts"

beforeAll(makeEffects)

const eventsOf = async (name: string) =>
  (
    await env.DB.prepare(
      `select "actor", "reason", "operation", "requestId" from "events" where "resource" = 'effects' and "after" ->> 'name' = ?`,
    )
      .bind(name)
      .all()
  ).results

describe("a job", () => {
  test("commits with the change that wants it, or not at all", async () => {
    const world = await jobsWorld()
    const body = (beside: string, name: string) => ({ job: "effects.make", input: { name }, beside })
    const first = await world.served.call(world.ada, "POST /v1/orders", {
      body: body(world.name("taken"), world.name("job 1")),
    })
    expect(first.status).toBe(200)
    expect(await world.own.rows()).toHaveLength(1)
    const second = await world.served.call(world.ada, "POST /v1/orders", {
      body: body(world.name("taken"), world.name("job 2")),
    })
    expect(second.status).toBe(409)
    expect(await world.own.rows()).toHaveLength(1)
    await world.served.settled()
    expect(await world.made()).toEqual(["taken", "job 1"])
    expect(await world.own.rows()).toEqual([])
  })

  test("is refused at once with an input that it does not take, and nothing is kept", async () => {
    const world = await jobsWorld()
    const body = { job: "effects.make", input: { name: 7 }, beside: world.name("beside") }
    expect((await world.served.call(world.ada, "POST /v1/orders", { body })).status).toBe(400)
    expect([await world.own.rows(), await world.made()]).toEqual([[], []])
  })

  test("stands sealed, and is run by nobody in the call that wants it", async () => {
    const world = await jobsWorld()
    const name = world.name("hidden")
    await world.order("effects.make", { name })
    expect(world.begun).toEqual([])
    const [row] = await world.own.rows()
    expect(row).toMatchObject({ topic: "job", attempts: 0, notBefore: null })
    expect(JSON.stringify(row)).not.toContain(name)
    expect(world.own.pokes()).toBeGreaterThan(0)
  })

  test("acts as the system on behalf of who caused it: the log says who, why and in which call", async () => {
    const world = await jobsWorld()
    const name = world.name("told")
    const requestId = `r-${crypto.randomUUID()}`
    const body = { job: "effects.make", input: { name } }
    await world.served.call(world.ada, "POST /v1/orders", { body, headers: { "X-Request-Id": requestId } })
    await world.served.settled()
    expect(await eventsOf(name)).toEqual([
      { actor: world.ada.id, reason: "job effects.make", operation: "effects.make", requestId },
    ])
  })

  test("enqueues jobs, which act for the same person", async () => {
    const world = await jobsWorld()
    await world.order("effects.chain", { name: world.name("first") })
    await world.served.settled()
    expect(await world.made()).toEqual(["first next"])
    expect(await eventsOf(world.name("first next"))).toMatchObject([{ actor: world.ada.id, operation: "effects.make" }])
  })

  test("for later runs when its time has come, and not before", async () => {
    const world = await jobsWorld()
    await world.order("effects.make", { name: world.name("later") }, new Date(world.now().getTime() + hour))
    await world.served.settled()
    world.pass(hour - 1)
    await world.served.settled()
    expect(world.begun).toEqual([])
    world.pass(1)
    await world.served.settled()
    expect(await world.made()).toEqual(["later"])
  })

  test("cannot be called by any door: no path, no name", async () => {
    const world = await jobsWorld()
    expect(world.served.registry.operations.has("effects.make")).toBe(false)
    for (const line of ["POST /v1/effects/make", "POST /v1/effects.make", "POST /v1/jobs/effects.make"])
      expect((await world.served.call(world.ada, line, { body: {} })).status).toBeGreaterThanOrEqual(404)
    expect(world.begun).toEqual([])
  })

  test("calls out and sends through the ports that it is given, and never after its time", async () => {
    const world = await jobsWorld({ retry: { attempts: 1 } })
    const called: string[] = []
    const isolate = world.isolate({
      outbound: async (url) => {
        called.push(url)
        return new Response("there")
      },
    })
    let late: Promise<unknown> = Promise.resolve()
    world.act = async ({ outbound, input, signal, send, progress }) => {
      if (input.name.endsWith("late")) {
        await new Promise((end) => signal.addEventListener("abort", end))
        late = Promise.allSettled([send({ to: "a@example.com", subject: "x", paragraphs: [] }), progress(1)])
        await scheduler.wait(20)
        return
      }
      expect(await (await outbound.fetch("https://example.com/")).text()).toBe("there")
    }
    await world.order("effects.make", { name: world.name("out") })
    await world.order("effects.brief", { name: world.name("late") })
    await isolate.settled()
    expect(called).toEqual(["https://example.com/"])
    expect(await world.made()).toEqual(["out"])
    expect(await late).toMatchObject([{ status: "rejected" }, { status: "rejected" }])
  })
})

describe("what a job writes is written once", () => {
  test("when two consumers get the same message at the same moment", async () => {
    const world = await jobsWorld()
    const other = world.isolate()
    const names = Array.from({ length: 10 }, (_, n) => `twice ${n}`)
    for (const name of names) await world.order("effects.make", { name: world.name(name) })
    await world.served.feed.pump.run(world.now())
    const tickets = world.own.queued.splice(0)
    expect(tickets).toHaveLength(10)
    await Promise.all([world.served.consume(tickets), other.consume(tickets), other.consume(tickets)])
    expect([...(await world.made())].sort()).toEqual(names)
    expect(world.begun).toHaveLength(10)
    expect(await world.own.rows()).toEqual([])
  })

  test("when the lease was lost while it ran: the second run commits, the first commits nothing", async () => {
    const world = await jobsWorld()
    const name = world.name("slow")
    let release: () => void = () => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const attempts: number[] = []
    world.act = async ({ attempt }) => {
      attempts.push(attempt)
      if (attempt === 1) await held
    }
    await world.order("effects.note", { name })
    await world.served.feed.pump.run(world.now())
    const slow = world.served.consume(world.own.queued.splice(0))
    while (attempts.length === 0) await scheduler.wait(5)
    // Its lease is over: 60 seconds and a margin.
    world.pass(91 * second)
    const other = world.isolate()
    await other.settled()
    expect(attempts).toEqual([1, 2])
    expect(await world.made()).toEqual(["slow 2"])
    release()
    await slow
    await world.served.settled()
    expect(await world.made()).toEqual(["slow 2"])
    expect(await eventsOf(`${name} 1`)).toEqual([])
    expect(await eventsOf(`${name} 2`)).toHaveLength(1)
    expect(await world.own.rows()).toEqual([])
  })

  test("when who has lost the lease fails: it puts nothing back, and tells nobody", async () => {
    const world = await jobsWorld()
    const [first, next] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    world.act = async ({ attempt }) => {
      await (attempt === 1 ? first : next).promise
      if (attempt === 1) throw new Problem("UNAVAILABLE", "not now")
    }
    await world.order("effects.note", { name: world.name("overtaken") })
    await world.served.feed.pump.run(world.now())
    const slow = world.served.consume(world.own.queued.splice(0))
    while (world.begun.length < 1) await scheduler.wait(5)
    world.pass(91 * second)
    const other = world.isolate()
    await other.feed.pump.run(world.now())
    const quick = other.consume(world.own.queued.splice(0))
    while (world.begun.length < 2) await scheduler.wait(5)
    const [held] = await world.own.rows()
    first.resolve()
    await slow
    await scheduler.wait(20)
    expect(await world.own.rows()).toEqual([held])
    next.resolve()
    await quick
    expect(await world.made()).toEqual(["overtaken 2"])
    expect(world.served.observations.filter(({ kind }) => kind === "undelivered")).toEqual([])
  })

  test("when the runtime died after the lease was taken: another takes the job when the lease is over", async () => {
    const world = await jobsWorld()
    await world.order("effects.make", { name: world.name("left") })
    const [row] = await world.own.rows()
    const until = new Date(world.now().getTime() + 90 * second)
    const leased = { subject: row?.subject ?? "", ticket: null, now: world.now(), until }
    expect(await claimNext(world.own.change.DB, leased)).toMatchObject({ attempts: 1 })
    world.pass(90 * second - 1)
    await world.served.settled()
    expect(world.begun).toEqual([])
    world.pass(1)
    await world.served.settled()
    expect(world.begun).toEqual([[world.name("left"), 2]])
    expect(await world.made()).toEqual(["left"])
  })

  test("when the handler fails after it has recorded changes: none of them", async () => {
    const world = await jobsWorld({ retry: { attempts: 2 } })
    let failures = 1
    world.act = ({ changes, input }) => {
      if (failures-- <= 0) return
      changes.mail({ to: `${input.name.replaceAll(" ", "")}@example.com`, subject: "x", paragraphs: [] })
      throw new Problem("UNAVAILABLE", "not now")
    }
    await world.order("effects.make", { name: world.name("again") })
    await world.served.settled()
    expect(await world.made()).toEqual([])
    expect(await world.own.rows()).toHaveLength(1)
    world.pass(hour)
    await world.served.settled()
    expect(await world.made()).toEqual(["again"])
  })
})

test("through the real queue: a letter that a call wants leaves within seconds, and nobody but the queue brings it", async () => {
  const who = newAddress("Queue")
  const started = performance.now()
  await signUp(who)
  expect((await letterTo(who.email, "Confirm")).to).toBe(who.email)
  expect(performance.now() - started).toBeLessThan(3000)
})
