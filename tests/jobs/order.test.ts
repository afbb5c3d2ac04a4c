/** Jobs of one key run one after another, in the order of their enqueuing; jobs of other keys do not wait for them, whatever becomes of them. */
import { beforeAll, expect, test } from "vitest"
import { Problem } from "../../src/core/problem.ts"
import { jobsWorld, makeEffects, second } from "./world.ts"

beforeAll(makeEffects)

const down = () => new Problem("UNAVAILABLE", "not now")

test("those of a key run in order and never two at once, also with several consumers; of two keys, both run", async () => {
  const world = await jobsWorld()
  const running = new Map<string, number>()
  let most = 0
  let together = 0
  world.act = async ({ input: { key = "one" } }) => {
    running.set(key, (running.get(key) ?? 0) + 1)
    most = Math.max(most, running.get(key) ?? 0)
    together = Math.max(
      together,
      [...running.values()].reduce((sum, n) => sum + n, 0),
    )
    await scheduler.wait(10)
    running.set(key, (running.get(key) ?? 0) - 1)
  }
  for (let n = 0; n < 5; n++)
    for (const key of ["a", "b"]) await world.order("effects.line", { name: world.name(`${key}${n}`), key })
  await world.served.feed.pump.run(world.now())
  const tickets = world.own.queued.splice(0)
  // One message a key, however many wait.
  expect(tickets.map(({ subject }) => subject).sort()).toEqual(["effects.line/a", "effects.line/b"])
  await Promise.all([world.isolate(), world.isolate(), world.isolate()].map((isolate) => isolate.consume(tickets)))
  const names = await world.made()
  for (const key of ["a", "b"])
    expect(names.filter((name) => name.startsWith(key))).toEqual([0, 1, 2, 3, 4].map((n) => `${key}${n}`))
  expect([most, together]).toEqual([1, 2])
})

test("one that fails holds up those behind it in its key, and no other key", async () => {
  const world = await jobsWorld()
  let isDown = true
  world.act = ({ input }) => {
    if (isDown && input.name.endsWith("a0")) throw down()
  }
  for (const [name, key] of [
    ["a0", "a"],
    ["a1", "a"],
    ["b0", "b"],
  ] as const)
    await world.order("effects.line", { name: world.name(name), key })
  await world.served.settled()
  expect(await world.made()).toEqual(["b0"])
  expect((await world.own.rows()).map(({ attempts }) => attempts)).toEqual([1, 0])
  isDown = false
  world.pass(6 * second)
  await world.served.settled()
  expect(await world.made()).toEqual(["b0", "a0", "a1"])
})

test("one that is given up lets those behind it go on", async () => {
  const world = await jobsWorld({ retry: { attempts: 1 } })
  world.act = ({ input }) => {
    if (input.name.endsWith("bad")) throw down()
  }
  for (const name of ["bad", "good"]) await world.order("effects.line", { name: world.name(name) })
  await world.served.settled()
  expect(await world.made()).toEqual(["good"])
  expect(await world.own.rows()).toEqual([])
})

test("one for later stands in nobody's way, and does not begin beside one of its key that is under way when its time comes", async () => {
  const world = await jobsWorld()
  await world.order("effects.line", { name: world.name("later") }, new Date(world.now().getTime() + 10 * second))
  await world.order("effects.line", { name: world.name("now") })
  let running = 0
  let most = 0
  world.act = async ({ input }) => {
    most = Math.max(most, ++running)
    if (input.name.endsWith("now")) {
      world.pass(10 * second)
      const other = world.isolate()
      await other.consume([{ subject: "effects.line/one", ticket: "" }])
      expect(world.begun).toHaveLength(1)
    }
    running--
  }
  await world.served.settled()
  expect(await world.made()).toEqual(["now", "later"])
  expect(most).toBe(1)
})
