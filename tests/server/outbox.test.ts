/** The outbox on real D1: what commits is delivered at least once, in order, and by nobody who should not; what fails stays and is tried again. */
import { describe, expect, test } from "vitest"
import application from "../../src/app/index.ts"
import { registryOf } from "../../src/app.ts"
import { system } from "../../src/core/principal.ts"
import { claimDue, postpone } from "../../src/database/outbox.ts"
import { openStore } from "../../src/database/store.ts"
import { ids } from "../../src/server/ids.ts"
import { newActor } from "../support/actors.ts"
import { command, hour, letter, newOutbox, second, sidOf } from "./outbox-world.ts"

/** For so long only the one who committed delivers; see server/outbox.ts. */
const firstLease = 30 * second
const lease = 60 * second

describe("a command", () => {
  test("that did not arrive stays, is tried again in growing steps up to an hour, and goes when it did; it is never given up", async () => {
    const world = await newOutbox()
    world.fault = () => new Error("the object is being moved")
    const outbox = world.isolate()
    await expect(outbox.dispatch(await world.commit(command("user_a", "session_1")))).rejects.toThrow()
    await world.settled()
    world.pass(firstLease - 1)
    expect(await outbox.sweep()).toBe(0)
    world.pass(1)
    const steps: number[] = []
    for (let n = 0; n < 40; n++) {
      expect(await outbox.sweep()).toBe(1)
      const due = Date.parse((await world.rows())[0]?.dueAt ?? "")
      steps.push((due - world.now()) / second)
      world.pass(due - world.now() - 1)
      expect(await outbox.sweep(), "not before it is due").toBe(0)
      world.pass(1)
    }
    expect(steps.slice(0, 10)).toEqual([20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600])
    expect(steps.reduce((sum, one) => sum + one, 0) * second).toBeGreaterThan(24 * hour)
    expect(world.commands).toEqual([])
    expect(world.told.every(({ givenUp }) => !givenUp)).toBe(true)
    expect(world.told.at(-1)).toMatchObject({ kind: "undelivered", topic: "user", attempts: 41 })

    world.fault = () => null
    expect(await outbox.sweep()).toBe(1)
    expect(world.commands.map(sidOf)).toEqual(["session_1"])
    expect(await world.rows()).toEqual([])
    world.pass(24 * hour)
    expect(await outbox.sweep()).toBe(0)
  })

  test.each(["pigeon", "admiral"])(
    "of a topic (%s) that this version of the program does not know stays for one that does",
    async (topic) => {
      const world = await newOutbox()
      const [row] = await world.commit(command("user_a", "session_1"))
      await world.change(row?.id, "topic", topic)
      world.pass(firstLease)
      expect(await world.isolate().sweep()).toBe(1)
      expect(world.commands).toEqual([])
      expect(world.told).toMatchObject([{ topic, givenUp: false }])
      expect(await world.rows()).toHaveLength(1)
    },
  )
})

test("a job is none of the deliverer's: it is neither delivered nor counted as tried", async () => {
  const world = await newOutbox()
  const rows = await world.commit(letter())
  await world.isolate().dispatch(rows)
  world.pass(hour)
  expect(await world.isolate().sweep()).toBe(0)
  await world.settled()
  expect(world.commands).toEqual([])
  expect(await world.rows()).toMatchObject([{ topic: "job", attempts: 0, lastError: null }])
})

test("a batch that rolled back sends nothing: its rows went with it", async () => {
  const world = await newOutbox()
  const ada = await newActor("Ada")
  const { models } = registryOf(application, { development: false })
  const store = openStore(
    { database: world.database, models, cursorSecret: "unused", ids },
    { bookmark: null, fresh: true },
  )
  const now = new Date(world.now())
  const outbox = world.isolate()
  const batch = async (email: string) => ({
    operation: "test",
    requestId: "r-1",
    principal: system("a test"),
    now,
    writes: [
      {
        kind: "create" as const,
        resource: "users",
        id: ids.mint("user"),
        values: { email, name: "Eve", roles: [] },
        as: system("a test"),
      },
    ],
    decidedOn: [],
    reads: [],
    required: [],
    idempotency: null,
    outbox: await outbox.prepare([letter(), command("user_a", "session_1")], now),
  })
  const taken = store.commit(await batch(`${ada.id}@example.com`))
  await expect(taken).rejects.toMatchObject({ code: "ALREADY_EXISTS" })
  expect(await world.rows()).toEqual([])
  world.pass(hour)
  expect(await outbox.sweep()).toBe(0)

  // The same batch with a free address: the change and its messages are there together.
  await store.commit(await batch(`${crypto.randomUUID()}@example.com`))
  expect((await world.rows()).map(({ topic }) => topic).sort()).toEqual(["job", "user"])
  expect(world.commands).toEqual([])
})

describe("deliverers", () => {
  test("one that dies with a row keeps it for its lease; then another takes it", async () => {
    const world = await newOutbox()
    await world.commit(command("user_a", "session_1"))
    world.pass(firstLease)
    const now = new Date(world.now())
    expect(await claimDue(world.database, now, new Date(world.now() + lease), 20)).toHaveLength(1)
    const other = world.isolate()
    world.pass(lease - 1)
    expect(await other.sweep()).toBe(0)
    expect(world.commands).toEqual([])
    world.pass(1)
    expect(await other.sweep()).toBe(1)
    expect(world.commands).toHaveLength(1)
  })

  test("several at once bring each message once, and together all of them", async () => {
    const world = await newOutbox()
    const rows = await world.commit(...Array.from({ length: 90 }, (_, n) => command(`user_${n}`, "session_1")))
    world.pass(firstLease)
    const taken = await Promise.all(Array.from({ length: 4 }, () => world.isolate().sweep()))
    expect(taken.reduce((sum, one) => sum + one, 0)).toBe(90)
    expect(world.commands.map(({ id }) => id).sort()).toEqual(rows.map(({ id }) => id).sort())
    expect(await world.rows()).toEqual([])
  })

  test("one that dies after the delivery and before the removal: it comes again, under the same id", async () => {
    const world = await newOutbox()
    const rows = await world.commit(command("user_a", "session_1"))
    const died = {
      ...world.database,
      prepare: (sql: string) => {
        if (sql.startsWith("delete")) throw new Error("the isolate is gone")
        return world.database.prepare(sql)
      },
    } as D1Database
    world.pass(firstLease)
    await expect(world.isolate({ database: died }).sweep()).rejects.toThrow("gone")
    world.pass(lease)
    expect(await world.isolate().sweep()).toBe(1)
    expect(world.commands.map(({ id }) => id)).toEqual([rows[0]?.id, rows[0]?.id])
    expect(await world.rows()).toEqual([])
  })

  test("a poke sweeps behind the answer, once in fifteen seconds an isolate", async () => {
    const world = await newOutbox()
    await world.commit(command("user_a", "session_1"))
    world.pass(firstLease)
    await world.commit(command("user_b", "session_2"))
    const outbox = world.isolate()
    outbox.poke()
    await world.settled()
    expect(world.commands).toHaveLength(1)
    await world.change((await world.rows())[0]?.id, "dueAt", new Date(world.now()).toISOString())
    world.pass(15 * second - 1)
    outbox.poke()
    await world.settled()
    expect(world.commands).toHaveLength(1)
    world.pass(1)
    outbox.poke()
    await world.settled()
    expect(world.commands).toHaveLength(2)
  })
})

test("no address, no token and no name stands in the rows in clear, also after a failure that names them", async () => {
  const world = await newOutbox()
  await world.commit(letter("grace@example.com"), command("user_a", "session_secret"), command("user_b", "session_x"))
  world.pass(firstLease)
  world.fault = ({ payload }) => new Error(`cannot deliver ${JSON.stringify(payload)} to <grace@example.com>`)
  await world.isolate().sweep()
  const rows = await world.rows()
  expect(rows).toHaveLength(3)
  for (const row of rows) {
    expect(row.payload).toMatch(/^s1\.k1\./)
    if (row.topic === "user") expect(row.lastError).toMatch(/^Error: cannot deliver/)
    const text = JSON.stringify(row)
    for (const secret of ["grace", "example.com", "sv_ml_", "0123456789abcdef"]) expect(text).not.toContain(secret)
  }
  await postpone(world.database, rows[0]?.id ?? "", new Date(world.now()), "x".repeat(10_000))
  expect((await world.rows())[0]?.lastError?.length).toBeLessThanOrEqual(500)
})
