/** The limiter over several isolates at once, with the clock held: exactly as many calls are admitted as the limit has, and nobody waits for a call that is gone. */
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type Cluster, startCluster } from "./cluster.ts"

const workers = 4
let cluster: Cluster

beforeAll(async () => {
  cluster = await startCluster(workers)
}, 120_000)

afterAll(() => cluster?.stop())

/** A key of its own, and a clock that stands. */
const held = (rest: string) => `/draw?key=test/${crypto.randomUUID()}&now=${Date.now()}&${rest}`

describe("checklist 39: ten times as many as are allowed, over four isolates at once", () => {
  test.each([1, 10, 100])("%i at once: exactly so many are admitted", async (count) => {
    const answers = await cluster.fire(10 * count, held(`perMinute=${count}&burst=${count}`), 10 * count)
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(count)
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(9 * count)
    expect(new Set(answers.map(({ body }) => body.worker)).size).toBe(workers)
  })

  test.each([1, 10, 100])("%i a day: exactly so many are admitted", async (count) => {
    const answers = await cluster.fire(10 * count, held(`perDay=${count}`), 10 * count)
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(count)
  })
})

describe("calls that wait for the same key ask together", () => {
  /** Until so many wait. */
  async function wait(count: number): Promise<void> {
    for (;;) if ((await cluster.call(0, "/counts")).body.waiting === count) return
  }
  const statuses = async (path: string, count: number) =>
    (await Promise.all(Array.from({ length: count }, () => cluster.call(0, path)))).map(({ status }) => status)

  test("the client of the call that asked hangs up: the answer still comes for the others", async () => {
    const path = held("perMinute=6&burst=6")
    await cluster.call(0, "/delay?ms=500")
    const hangUp = new AbortController()
    const first = cluster.call(0, path, hangUp.signal)
    await wait(1)
    const others = statuses(path, 5)
    await wait(6)
    hangUp.abort()
    await expect(first).rejects.toThrow()
    expect(await others).toEqual(Array(5).fill(200))
    await cluster.call(0, "/delay?ms=0")
    // It was counted.
    expect(await statuses(path, 1)).toEqual([429])
  })

  test("the call that asked is gone with what it asked: the others do not hang, they ask themselves", async () => {
    const path = held("perMinute=6&burst=6")
    await cluster.call(0, "/delay?ms=500")
    await cluster.call(0, `${path}&away`)
    expect(await statuses(path, 5)).toEqual(Array(5).fill(200))
    await cluster.call(0, "/delay?ms=0")
    // It was never counted.
    expect(await statuses(path, 1)).toEqual([200])
    expect(await statuses(path, 1)).toEqual([429])
  })
})
