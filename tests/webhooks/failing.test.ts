/** Endpoints that do not take what they are sent: each is bounded, told apart from the others, left alone for a while, and given up in the end. */
import { describe, expect, test } from "vitest"
import { lettersTo } from "../support/people.ts"
import { day, type Endpoint, type HookWorld, hookWorld, hour, minute, second, toldAt } from "./world.ts"

const hostOf = ({ url }: { readonly url: string }) => new URL(url).host
const answering = (world: HookWorld, endpoint: Endpoint, status: number, body: string | null = null) =>
  world.at(hostOf(endpoint), () => new Response(body, { status }))

/** Lets time pass in steps, with what becomes due in each. */
async function live(world: HookWorld, milliseconds: number, step: number): Promise<void> {
  for (let passed = 0; passed < milliseconds; passed += step) {
    world.pass(step)
    await world.run()
  }
}

describe("an endpoint that does not behave", () => {
  test("hangs, answers without end, redirects, or resolves to a private address: bounded, told, and holding up nobody", async () => {
    const world = await hookWorld()
    const made = await Promise.all(Array.from({ length: 7 }, () => world.endpoint(world.owner)))
    const [hanging, dripping, huge, moved, inside, metadata, well] = made as [Endpoint, ...Endpoint[]] & Endpoint[]
    const never = () => new Promise<Response>(() => undefined)
    world.at(hostOf(hanging), never)
    world.at(
      hostOf(dripping as Endpoint),
      () => new Response(new ReadableStream({ start: (c) => c.enqueue(new Uint8Array(1)) })),
    )
    let pulled = 0
    const chunk = new Uint8Array(64 * 1024).fill(120)
    world.at(hostOf(huge as Endpoint), () => {
      const body = new ReadableStream({ pull: (c) => (pulled++ < 32 ? c.enqueue(chunk) : c.close()) })
      return new Response(body, { status: 200 })
    })
    const location = "http://169.254.169.254/latest/meta-data"
    world.at(hostOf(moved as Endpoint), () => new Response("over there", { status: 307, headers: { location } }))
    world.lead(hostOf(inside as Endpoint), "93.184.215.14", "10.0.0.7")
    world.lead(hostOf(metadata as Endpoint), "169.254.169.254")
    await world.task()
    const started = performance.now()
    await world.read()
    const arrived = async () => {
      while (toldAt(world, well as Endpoint).length === 0) await scheduler.wait(20)
      return performance.now() - started
    }
    const [first] = await Promise.all([arrived(), world.run()])
    expect(first).toBeLessThan(5 * second)
    // Ten seconds in the wild, half of one here: the clock of `AbortSignal.timeout` cannot be held.
    expect(new Set(world.timeouts)).toEqual(new Set([10 * second]))
    expect(performance.now() - started).toBeLessThan(10 * second)
    const outcome = async (endpoint: Endpoint | undefined) => {
      const [row] = await world.deliveries(endpoint?.id)
      return [row?.status, row?.attempts, row?.responseStatus, row?.fault]
    }
    const inTime = "The address did not answer in time"
    const isPrivate = "The address leads to a private network or to this machine"
    expect(await outcome(hanging)).toEqual(["pending", 1, null, inTime])
    expect(await outcome(dripping)).toEqual(["pending", 1, null, inTime])
    expect(await outcome(huge)).toEqual(["delivered", 1, 200, null])
    expect(await outcome(moved)).toEqual([
      "pending",
      1,
      null,
      "The address answers with a redirect, and none is followed",
    ])
    expect(await outcome(inside)).toEqual(["pending", 1, null, isPrivate])
    expect(await outcome(metadata)).toEqual(["pending", 1, null, isPrivate])
    expect(await outcome(well)).toEqual(["delivered", 1, 204, null])
    // Of two megabytes four kilobytes were kept, and not much more was read.
    expect(String((await world.deliveries(huge?.id))[0]?.response)).toHaveLength(4096)
    expect(pulled).toBeLessThan(8)
    const called = world.received.map(({ url }) => url)
    for (const endpoint of [inside, metadata]) expect(called).not.toContain(endpoint?.url)
    expect(called).not.toContain(location)
  })

  test("is tried again for a day, in growing pauses, then given up; what comes after it is told", async () => {
    const world = await hookWorld()
    const endpoint = await world.endpoint(world.owner)
    answering(world, endpoint, 503, "out of order")
    const task = await world.task("First")
    await world.tell()
    expect(await world.deliveries(endpoint.id)).toMatchObject([
      { status: "pending", attempts: 1, responseStatus: 503, response: "out of order" },
    ])
    await live(world, 12 * hour, 30 * minute)
    await world.retitle(task.id, "Second")
    await world.read()
    await live(world, 11 * hour, 30 * minute)
    const before = toldAt(world, endpoint)
    expect(before.length).toBeGreaterThan(10)
    expect(before.length).toBeLessThan(60)
    // The second change waits behind the first.
    expect(new Set(before.map(({ headers }) => headers["webhook-id"])).size).toBe(1)
    expect((await world.deliveries(endpoint.id)).map(({ status }) => status)).toEqual(["pending", "pending"])
    await live(world, 3 * hour, 30 * minute)
    const [first] = await world.deliveries(endpoint.id)
    expect(first).toMatchObject({ status: "failed", responseStatus: 503, finishedAt: expect.any(String) })
    answering(world, endpoint, 200)
    await live(world, 3 * hour, 30 * minute)
    const [, then] = await world.deliveries(endpoint.id)
    expect(then).toMatchObject({ status: "delivered" })
    // It is no dead letter of the operator's: it stands where its owner sees it, and can be sent again from there.
    expect(await world.apart.rows()).toEqual([])
    expect((await world.call(world.owner, `POST /v1/webhook_deliveries/${first?.id}/replay`, {})).status).toBe(202)
    await world.run()
    expect((await world.deliveries(endpoint.id)).map(({ status }) => status)).toEqual(["delivered", "delivered"])
  })
})

describe("the circuit of an endpoint", () => {
  /** Five tasks that all fail at an endpoint. */
  async function opened() {
    const world = await hookWorld()
    const [bad, good] = [await world.endpoint(world.owner), await world.endpoint(world.owner)]
    answering(world, bad, 500)
    for (let n = 0; n < 5; n++) await world.task(`Task ${n}`)
    await world.tell()
    return { world, bad, good }
  }

  test("opens after five failures in a row: what comes then is not even tried, and others are told", async () => {
    const { world, bad, good } = await opened()
    expect(toldAt(world, bad)).toHaveLength(5)
    expect(await world.row(bad.id)).toMatchObject({ failures: 5, openUntil: expect.any(String) })
    await world.task("Later")
    await world.tell()
    expect(toldAt(world, bad)).toHaveLength(5)
    expect(toldAt(world, good)).toHaveLength(6)
    expect((await world.deliveries(bad.id)).at(-1)).toMatchObject({ status: "pending", attempts: 0 })
    expect(await world.row(good.id)).toMatchObject({ failures: 0, openUntil: null })
  })

  test("is tried out by one call when its time is over; when that fails it stays open for longer", async () => {
    const { world, bad } = await opened()
    const pauses: number[] = []
    for (let round = 0; round < 5; round++) {
      const until = Date.parse(String((await world.row(bad.id)).openUntil))
      pauses.push(Math.round((until - world.now().getTime()) / second))
      const calls = toldAt(world, bad).length
      world.pass(until - world.now().getTime() - second)
      await world.run()
      expect(toldAt(world, bad)).toHaveLength(calls)
      // All five are due by then, and one is let through.
      world.pass(hour)
      await world.run()
      expect(toldAt(world, bad)).toHaveLength(calls + 1)
    }
    expect(pauses[0]).toBe(30)
    expect(pauses).toEqual([...pauses].sort((a, b) => a - b))
    expect(Math.max(...pauses)).toBe(3600)
  })

  test("closes with the first that arrives, and all that waited arrives", async () => {
    const { world, bad } = await opened()
    answering(world, bad, 200)
    world.pass(hour)
    await world.run()
    expect(await world.row(bad.id)).toMatchObject({ failures: 0, failingSince: null, openUntil: null })
    await live(world, 2 * hour, 30 * minute)
    expect((await world.deliveries(bad.id)).map(({ status }) => status)).toEqual(Array(5).fill("delivered"))
  })

  test("does not hold a ping back, which closes it", async () => {
    const { world, bad } = await opened()
    answering(world, bad, 200)
    const { body } = await world.call(world.owner, `POST /v1/webhook_endpoints/${bad.id}/test`, {})
    await world.run()
    const ping = toldAt(world, bad).at(-1)
    expect(ping?.json).toEqual({ type: "webhooks.ping", timestamp: expect.any(String), data: { endpointId: bad.id } })
    expect((await world.deliveries(bad.id)).find(({ id }) => id === body.id)).toMatchObject({ status: "delivered" })
    expect(await world.row(bad.id)).toMatchObject({ failures: 0, openUntil: null })
  })
})

describe("an endpoint is disabled", () => {
  /** Letters about a disabled endpoint. */
  const notices = async (world: HookWorld) =>
    (await lettersTo(`${world.owner.id}@example.com`)).filter(({ subject }) => subject.includes("was disabled"))

  test("by 410 at once, however many are told at that moment; its owner gets one letter", async () => {
    const world = await hookWorld()
    const endpoint = await world.endpoint(world.owner)
    answering(world, endpoint, 410)
    for (let n = 0; n < 4; n++) await world.task(`Task ${n}`)
    await world.tell()
    expect(await world.row(endpoint.id)).toMatchObject({ status: "disabled", disabledReason: "It answered 410 Gone" })
    expect(new Set((await world.deliveries(endpoint.id)).map(({ status }) => status))).toEqual(new Set(["failed"]))
    const letters = await notices(world)
    expect(letters).toHaveLength(1)
    expect(JSON.stringify(letters)).toContain(
      `${hostOf(endpoint)} is not told of changes any more. It answered 410 Gone.`,
    )
    const calls = toldAt(world, endpoint).length
    await world.task("After")
    await world.tell()
    expect(toldAt(world, endpoint)).toHaveLength(calls)
  })

  test("when nothing arrived for three days: the others are as they were", async () => {
    const world = await hookWorld()
    const [bad, good] = [await world.endpoint(world.owner), await world.endpoint(world.owner)]
    answering(world, bad, 500)
    for (let n = 0; n < 4; n++) {
      await world.task(`Day ${n}`)
      await world.tell()
      if (n === 2) expect(await world.row(bad.id)).toMatchObject({ status: "enabled" })
      await live(world, day + hour, 2 * hour)
    }
    expect(await world.row(bad.id)).toMatchObject({ status: "disabled", disabledReason: "Nothing arrived for 3 days" })
    expect(await world.row(good.id)).toMatchObject({ status: "enabled", failures: 0 })
    expect(await notices(world)).toHaveLength(1)
  })

  test("when a hundred in a row failed", async () => {
    const world = await hookWorld()
    const endpoint = await world.endpoint(world.owner)
    answering(world, endpoint, 500)
    await world.fail(endpoint.id, 98)
    await world.task("The ninety-ninth")
    await world.tell()
    expect(await world.row(endpoint.id)).toMatchObject({ status: "enabled", failures: 99 })
    world.pass(hour)
    await world.run()
    expect(await world.row(endpoint.id)).toMatchObject({
      status: "disabled",
      disabledReason: "100 deliveries in a row failed",
    })
    expect(await notices(world)).toHaveLength(1)
  })

  test("and enabled again: what it missed can be sent again, and what comes is told", async () => {
    const world = await hookWorld()
    const endpoint = await world.endpoint(world.owner)
    answering(world, endpoint, 410)
    const task = await world.task("Missed")
    await world.tell()
    const [missed] = await world.deliveries(endpoint.id)
    const replay = `POST /v1/webhook_deliveries/${missed?.id}/replay`
    expect((await world.call(world.owner, replay, {})).body.code).toBe("FAILED_PRECONDITION")
    answering(world, endpoint, 200)
    const enabled = await world.call(world.owner, `POST /v1/webhook_endpoints/${endpoint.id}/enable`, {})
    expect(enabled.body).toMatchObject({ status: "enabled", disabledReason: null, failures: 0 })
    expect((await world.call(world.owner, replay, {})).status).toBe(202)
    await world.retitle(task.id, "Again")
    await world.tell()
    expect((await world.deliveries(endpoint.id)).map(({ status }) => status)).toEqual(["delivered", "delivered"])
  })
})
