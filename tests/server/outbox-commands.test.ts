/** Commands of the outbox to users' objects: in order, waited for, and not held up by one that is refused for good. */
import { describe, expect, test } from "vitest"
import { deliverCommand } from "../../src/server/commands.ts"
import { Refused } from "../../src/server/outbox.ts"
import { command, hour, letter, newOutbox, second, sidOf } from "./outbox-world.ts"

/** For so long only the one who committed delivers; see server/outbox.ts. */
const firstLease = 30 * second

describe("commands", () => {
  test("of one subject keep their order; another subject does not wait for them", async () => {
    const world = await newOutbox()
    await world.commit(command("user_a", "a1"), command("user_a", "a2"), command("user_b", "b1"))
    world.pass(firstLease)
    world.fault = ({ subject }) => (subject === "user_a" ? new Error("down") : null)
    const outbox = world.isolate()
    await outbox.sweep()
    await outbox.sweep()
    expect(world.commands.map(sidOf)).toEqual(["b1"])
    // The first of user_a has failed once; the second was not even tried.
    expect(world.told).toHaveLength(1)
    expect((await world.rows()).map(({ attempts }) => attempts)).toEqual([2, 1])
    world.fault = () => null
    world.pass(hour)
    // One sweep brings all that waited behind one another.
    expect(await outbox.sweep()).toBe(2)
    expect(world.commands.map(sidOf)).toEqual(["b1", "a1", "a2"])
    expect(await world.rows()).toEqual([])
  })

  test("are waited for, in order; one that is not acknowledged is UNAVAILABLE and stays", async () => {
    const world = await newOutbox()
    const rows = await world.commit(letter(), command("user_a", "a1"), command("user_a", "a2"), command("user_a", "a3"))
    world.fault = ({ payload }) => (JSON.stringify(payload).includes("a2") ? new Error("down") : null)
    const outbox = world.isolate()
    await expect(outbox.dispatch(rows)).rejects.toMatchObject({
      code: "UNAVAILABLE",
      options: { retryAfterSeconds: expect.any(Number) },
    })
    // a3 must not overtake a2.
    expect(world.commands.map(sidOf)).toEqual(["a1"])
    await world.settled()
    world.fault = () => null
    for (let n = 0; n < 3; n++) {
      world.pass(hour)
      await outbox.sweep()
    }
    // The letter is a job.
    expect(await world.rows()).toMatchObject([{ topic: "job" }])
    const seen = world.commands.map(sidOf)
    // The receiver knows a1 by its id.
    expect(seen.filter((sid, n) => seen.indexOf(sid) === n)).toEqual(["a1", "a2", "a3"])
  })
})

describe("a command that its object refuses at a bound", () => {
  const receivers = (answer: object) => {
    const object = { apply: async () => answer }
    return { user: () => object, ghost: () => object } as never
  }
  const deliver = (answer: object) =>
    deliverCommand(receivers(answer), { id: "message_1", subject: "user_a", payload: { command: {}, cause: {} } })

  test("is told from one that could not be delivered", async () => {
    await expect(deliver({ repeated: false })).resolves.toBeUndefined()
    await expect(deliver({ error: "LIMIT" })).rejects.toBeInstanceOf(Refused)
    await expect(deliver({ error: "UNAVAILABLE" })).rejects.not.toBeInstanceOf(Refused)
  })

  test("is given up and told, and those behind it go on", async () => {
    const world = await newOutbox()
    await world.commit(command("user_a", "a1"), command("user_a", "a2"))
    world.pass(firstLease)
    world.fault = (delivery) => (sidOf(delivery) === "a1" ? new Refused("a hundred keys") : null)
    const outbox = world.isolate()
    await outbox.sweep()
    await outbox.sweep()
    expect(world.told).toMatchObject([{ topic: "user", givenUp: true }])
    expect(world.commands.map(sidOf)).toEqual(["a2"])
    expect(await world.rows()).toEqual([])
  })
})
