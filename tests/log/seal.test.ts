/** The seal: what is closed and when, that nothing can be changed behind it without being found, and that two who seal at once make one chain. */
import { env } from "cloudflare:workers"
import { beforeEach, describe, expect, test } from "vitest"
import { parseKeyRing } from "../../src/core/sealing.ts"
import { hashSegment, linesOf, logSeal, noHash, sealLog } from "../../src/log/seal.ts"
import { append, began, freshLog, quiet, ring, sealedLog, segmentsOf, unlocked, verify } from "./broken-log.ts"

const database = env.TEST_LOG
const run = (sql: string) => database.prepare(sql).run()
const bounds = async () => (await segmentsOf(database)).map(({ first, last, events }) => [first, last, events])

describe("closing", () => {
  beforeEach(() => freshLog(database))

  test("events younger than a minute wait, older ones are closed, and a second call finds nothing to do", async () => {
    await append(database, 10)
    // The fifth event is exactly a minute old.
    expect(await sealLog({ database, ring }, new Date(began + 64_000))).toBe(1)
    expect(await bounds()).toEqual([[1, 5, 5]])
    expect(await sealLog({ database, ring }, new Date(began + 64_000))).toBe(0)
    expect(await sealLog({ database, ring }, quiet(10))).toBe(1)
    expect(await bounds()).toEqual([
      [1, 5, 5],
      [6, 10, 5],
    ])
  })

  test("a full segment is closed at once, at 1,000 events", async () => {
    await append(database, 2100)
    expect(await sealLog({ database, ring }, new Date(began))).toBe(2)
    expect(await bounds()).toEqual([
      [1, 1000, 1000],
      [1001, 2000, 1000],
    ])
    expect(await verify(database)).toMatchObject({ segments: 2, events: 2000, unsealed: 100, fault: null })
  })

  test("large events make short segments: one call never holds more than some megabytes", async () => {
    for (const _ of [1, 2, 3, 4, 5]) await append(database, 9, 95_000)
    await sealLog({ database, ring }, quiet(100))
    const made = await bounds()
    expect(made.length).toBeGreaterThan(1)
    expect(made.reduce((sum, [, , events]) => sum + (events ?? 0), 0)).toBe(45)
    expect((await verify(database)).fault).toBeNull()
  })

  test("an empty log has nothing to seal and nothing wrong", async () => {
    expect(await sealLog({ database, ring }, quiet(0))).toBe(0)
    expect(await verify(database)).toEqual({
      segments: 0,
      events: 0,
      archived: 0,
      unsealed: 0,
      head: null,
      fault: null,
    })
  })

  test("of several who seal at once one wins each segment: the chain is one, and it holds", async () => {
    await append(database, 3500)
    const counts = await Promise.all([1, 2, 3, 4].map(() => sealLog({ database, ring }, quiet(3500))))
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(4)
    expect(await bounds()).toEqual([
      [1, 1000, 1000],
      [1001, 2000, 1000],
      [2001, 3000, 1000],
      [3001, 3500, 500],
    ])
    expect(await verify(database)).toMatchObject({ segments: 4, events: 3500, unsealed: 0, fault: null })
  })

  test("gaps in the sequence are no fault: a number that was given to nobody hides nothing", async () => {
    await append(database, 3)
    await run(`update "sqlite_sequence" set "seq" = 10 where "name" = 'events'`)
    await append(database, 3)
    await sealLog({ database, ring }, quiet(10))
    expect(await bounds()).toEqual([[1, 13, 6]])
    expect((await verify(database)).fault).toBeNull()
  })
})

describe("what the hash and the seal are made of", () => {
  test("as it is written down: SHA-256 over the hash before, the bounds and the NDJSON lines", async () => {
    await sealedLog(database, [2])
    const { results } = await database.prepare('select * from "events" order by "sequence"').all()
    const members = ["sequence", "id", "at", "actor", "impersonator", "reason", "operation", "resource", "record"]
    const more = ["change", "tenant", "before", "after", "changed", "requestId"]
    const lines = results
      .map((row) => `${JSON.stringify(Object.fromEntries([...members, ...more].map((name) => [name, row[name]])))}\n`)
      .join("")
    expect(linesOf(results as never)).toBe(lines)
    const bytes = new TextEncoder().encode(`selvage.log.1\n${"0".repeat(64)}\n1 2 2\n${lines}`)
    const [segment] = await segmentsOf(database)
    expect(segment?.hash).toBe(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex())
    expect(segment?.seal).toMatch(/^k1\.[0-9a-f]{64}$/)
  })

  test("a ring that was turned verifies what was sealed under the key of before; one without that key does not", async () => {
    await sealedLog(database, [2])
    const bytes = "A".repeat(43)
    const old = Object.fromEntries(
      [...ring.keys].map(([id, key]) => [id, key.toBase64({ alphabet: "base64url", omitPadding: true })]),
    )
    const turned = parseKeyRing(JSON.stringify({ current: "k2", keys: { ...old, k2: bytes } }))
    await append(database, 2)
    await sealLog({ database, ring: turned }, quiet(4))
    expect((await segmentsOf(database)).map(({ seal }) => seal.slice(0, 3))).toEqual(["k1.", "k2."])
    expect((await verify(database, null, turned)).fault).toBeNull()
    expect((await verify(database, null, ring)).fault?.segment).toBe("3-4")
    const other = parseKeyRing(JSON.stringify({ current: "k1", keys: { k1: bytes } }))
    expect((await verify(database, null, other)).fault).toMatchObject({ segment: "1-2", text: /seal does not hold/ })
  })
})

/** Each is what somebody does who writes to D1 as they like, and has no secret of the Worker. */
describe("whoever goes around the triggers is found", () => {
  beforeEach(() => sealedLog(database, [3, 3, 3, 3]))

  const broken = async (...statements: string[]) => {
    expect((await verify(database)).fault).toBeNull()
    await unlocked(database, async () => {
      for (const sql of statements) await run(sql)
    })
    const { fault } = await verify(database)
    return `${fault?.segment}: ${fault?.text}`
  }

  test("the triggers themselves refuse, so that it takes somebody who drops them", async () => {
    for (const sql of [
      `update "events" set "actor" = 'x' where "sequence" = 5`,
      'delete from "events" where "sequence" = 5',
    ])
      await expect(run(sql)).rejects.toThrow("append-only")
    for (const sql of ['update "log_segments" set "hash" = "seal"', 'delete from "log_segments"'])
      await expect(run(sql)).rejects.toThrow("sealed")
  })

  test("an edited event", async () => {
    expect(await broken(`update "events" set "actor" = 'user_b' where "sequence" = 5`)).toMatch(/^4-6: .*was changed/)
  })

  test("every column of an event counts", async () => {
    for (const change of [
      `"id" = 'x'`,
      `"at" = '2026-01-01T00:00:04.001Z'`,
      `"impersonator" = 'x'`,
      `"reason" = ''`,
      `"operation" = 'x'`,
      `"resource" = 'x'`,
      `"record" = 'x'`,
      `"change" = 'deleted'`,
      `"tenant" = 'x'`,
      `"before" = '{}'`,
      `"after" = null`,
      `"changed" = '[]'`,
      `"requestId" = 'x'`,
    ]) {
      await sealedLog(database, [3, 3])
      expect(await broken(`update "events" set ${change} where "sequence" = 5`), change).toMatch(/^4-6: /)
    }
  })

  test("a removed event, first, middle and last of its segment", async () => {
    for (const sequence of [4, 5, 6]) {
      await sealedLog(database, [3, 3, 3])
      const found = await broken(`delete from "events" where "sequence" = ${sequence}`)
      expect(found).toMatch(/^4-6: It was sealed with 3 events and has 2/)
    }
  })

  test("two events that changed places", async () => {
    const swap = (from: number, to: number) => `update "events" set "sequence" = ${to} where "sequence" = ${from}`
    expect(await broken(swap(4, 100), swap(5, 4), swap(100, 5))).toMatch(/^4-6: .*was changed/)
  })

  test("a removed segment, with and without its events", async () => {
    expect(await broken('delete from "log_segments" where "first" = 4')).toMatch(
      /^7-9: 3 events before it.*in no segment/,
    )
    await sealedLog(database, [3, 3, 3])
    const both = [
      'delete from "log_segments" where "first" = 4',
      'delete from "events" where "sequence" between 4 and 6',
    ]
    expect(await broken(...both)).toMatch(/^7-9: Its seal does not hold/)
  })

  test("the first segment with its events", async () => {
    const both = ['delete from "log_segments" where "first" = 1', 'delete from "events" where "sequence" <= 3']
    expect(await broken(...both)).toMatch(/^4-6: Its seal does not hold/)
  })

  test("swapped segments: hash and seal of one under the bounds of the other", async () => {
    const [, second, third] = await segmentsOf(database)
    const put = (first: number | undefined, from: typeof second) =>
      `update "log_segments" set "hash" = '${from?.hash}', "seal" = '${from?.seal}' where "first" = ${first}`
    expect(await broken(put(4, third), put(7, second))).toMatch(/^4-6: Its seal does not hold/)
  })

  test("a forged segment: the hashes made anew without the key", async () => {
    await unlocked(database, () => run(`update "events" set "actor" = 'user_b' where "sequence" = 11`))
    const segments = await segmentsOf(database)
    const { results } = await database
      .prepare('select * from "events" where "sequence" >= 10 order by "sequence"')
      .all()
    const hash = await hashSegment(
      segments[2]?.hash ?? noHash,
      { first: 10, last: 12, events: 3 },
      linesOf(results as never),
    )
    const forger = parseKeyRing(JSON.stringify({ current: "k1", keys: { k1: "B".repeat(43) } }))
    const seal = await logSeal(forger).seal(segments[2]?.hash ?? noHash, { first: 10, last: 12, events: 3, hash })
    await unlocked(database, () =>
      run(`update "log_segments" set "hash" = '${hash}', "seal" = '${seal}' where "first" = 10`),
    )
    expect((await verify(database)).fault).toMatchObject({ segment: "10-12", text: /seal does not hold/ })
    for (const text of ["", "k1.", "k1.zz", `k9.${"0".repeat(64)}`, seal.toUpperCase()]) {
      await unlocked(database, () => run(`update "log_segments" set "seal" = '${text}' where "first" = 10`))
      expect((await verify(database)).fault, text).toMatchObject({ segment: "10-12" })
    }
  })

  test("events that were put in, into a segment and between two", async () => {
    const put = (sequence: number) =>
      'insert into "events" ("sequence", "id", "at", "actor", "operation", "resource", "record", "change", "changed", "requestId") ' +
      `values (${sequence}, 'put', '2026-01-01T00:00:00.000Z', 'x', 'x', 'x', 'x', 'created', '[]', 'x')`
    // Numbers below the first are given to nobody either.
    for (const sequence of [0, -5]) {
      await sealedLog(database, [3, 3])
      expect(await broken(put(sequence))).toMatch(/^1-3: 1 events before it, from .* lie in no segment/)
    }
    await sealedLog(database, [3, 3])
    expect(await broken('delete from "events" where "sequence" = 2', put(2))).toMatch(/^1-3: .*was changed/)
    await sealedLog(database, [3, 3])
    expect(await broken('update "events" set "sequence" = 9 where "sequence" = 6', put(6))).toMatch(
      /^4-6: .*was changed/,
    )
  })

  test("an end that was cut off, by whoever noted it down before", async () => {
    const { head } = await verify(database)
    expect(head?.last).toBe(12)
    const cut = ['delete from "log_segments" where "first" >= 7', 'delete from "events" where "sequence" >= 7']
    await unlocked(database, async () => {
      for (const sql of cut) await run(sql)
    })
    // What is left is whole by itself.
    expect(await verify(database)).toMatchObject({ segments: 2, fault: null })
    expect((await verify(database, head)).fault?.text).toMatch(/cut off/)
    expect((await verify(database, { last: 6, hash: (await segmentsOf(database))[1]?.hash ?? "" })).fault).toBeNull()
  })
})
