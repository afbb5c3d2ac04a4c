/** Retention: what is old enough goes to the archive whole, is proven there, and only then leaves; nothing else does, and readers are told. */
import { env } from "cloudflare:workers"
import { beforeAll, beforeEach, describe, expect, test } from "vitest"
import { ConfigError } from "../../src/config.ts"
import { oldestKept } from "../../src/database/log.ts"
import { archiveName, pruneLog, unpack } from "../../src/log/archive.ts"
import { linesOf, sealLog } from "../../src/log/seal.ts"
import { newActor } from "../support/actors.ts"
import { administrator } from "../support/administrators.ts"
import { call } from "../support/calls.ts"
import type { Person } from "../support/people.ts"
import { serving } from "../support/serving.ts"
import { newWorkspace } from "../support/workspace.ts"
import { append, began, quiet, ring, sealedLog, segmentsOf, unlocked, verify } from "./broken-log.ts"

const database = env.TEST_PRUNED
const archive = env.TEST_ARCHIVE
const day = 86_400_000

/** Names in the archive are by sequence, and every test begins at 1. */
const emptied = async () => {
  for (const { key } of (await archive.list()).objects) await archive.delete(key)
}
const prune = (after: number, more: object = {}) =>
  pruneLog({ database, ring, days: 30, archive, ...more }, new Date(began + 30 * day + after * 1000))
const sequences = async () =>
  (await database.prepare('select "sequence" as n from "events" order by 1').all<{ n: number }>()).results.map(
    ({ n }) => n,
  )

beforeEach(emptied)

describe("pruning", () => {
  test("takes whole segments whose every event is older, oldest first, and leaves the rest", async () => {
    await sealedLog(database, [3, 3, 3])
    // The first event of the second segment is old enough, its last is not.
    expect(await prune(4.5)).toBe(1)
    expect(await sequences()).toEqual([4, 5, 6, 7, 8, 9])
    expect(await oldestKept(database)).toBe(4)
    expect((await segmentsOf(database)).map(({ prunedAt }) => prunedAt !== null)).toEqual([true, false, false])
    expect(await prune(4.5)).toBe(0)
    expect(await prune(100)).toBe(2)
    expect(await sequences()).toEqual([])
    expect(await oldestKept(database)).toBe(10)
  })

  test("what is in the archive is what was in the log, line by line, and the chain goes through it", async () => {
    await sealedLog(database, [3, 2])
    const { results } = await database.prepare('select * from "events" where "sequence" <= 3 order by "sequence"').all()
    await prune(3.5)
    const stored = await archive.get("log/1-3.ndjson.gz")
    expect(stored && (await unpack(stored.body))).toBe(linesOf(results as never))
    expect(await verify(database)).toMatchObject({ segments: 2, events: 5, archived: 1, fault: null })
    await append(database, 4)
    await sealLog({ database, ring }, quiet(9))
    expect(await verify(database)).toMatchObject({ segments: 3, events: 9, archived: 1, fault: null })
  })

  test("nothing leaves that is not sealed, whatever its age", async () => {
    await sealedLog(database, [3])
    await append(database, 2)
    expect(await prune(1_000_000)).toBe(1)
    expect(await sequences()).toEqual([4, 5])
  })

  test("a young event in the midst of older ones holds its segment: isolates' clocks differ", async () => {
    await sealedLog(database, [3])
    await append(database, 2)
    await unlocked(database, () =>
      database.prepare('update "events" set "at" = ? where "sequence" = 4').bind(quiet(900).toISOString()).run(),
    )
    await sealLog({ database, ring }, quiet(1000))
    expect(await prune(100)).toBe(1)
    expect(await sequences()).toEqual([4, 5])
  })

  test("without a retention, or without an archive, everything stays", async () => {
    await sealedLog(database, [3])
    expect(await prune(1_000_000, { days: null })).toBe(0)
    expect(await prune(1_000_000, { archive: null })).toBe(0)
    expect(await sequences()).toEqual([1, 2, 3])
    expect((await archive.list()).objects).toEqual([])
  })

  test("an archive that gives back something else, or nothing, or fails: nothing leaves", async () => {
    await sealedLog(database, [3])
    const other = new Response("other").body?.pipeThrough(new CompressionStream("gzip"))
    for (const broken of [
      { put: async () => ({}), get: async () => null },
      { put: async () => ({}), get: async () => ({ body: other }) },
      { put: () => Promise.reject(new Error("R2 is away")), get: async () => null },
    ]) {
      await expect(prune(1000, { archive: broken })).rejects.toThrow(/archive|away/)
      expect(await sequences()).toEqual([1, 2, 3])
      expect((await segmentsOf(database))[0]?.prunedAt).toBeNull()
    }
    expect(await prune(1000)).toBe(1)
  })

  test("a segment that is not what was sealed is neither archived nor removed: it is evidence", async () => {
    await sealedLog(database, [3, 3])
    await unlocked(database, () => database.prepare(`update "events" set "actor" = 'x' where "sequence" = 2`).run())
    await expect(prune(1000)).rejects.toThrow("Segment 1-3 of the log is not what was sealed")
    expect(await sequences()).toEqual([1, 2, 3, 4, 5, 6])
    expect((await archive.list()).objects).toEqual([])
  })

  test("one that was interrupted after archiving is finished by the next call", async () => {
    await sealedLog(database, [3, 3])
    const dying = new Proxy(database, {
      get: (target, name) =>
        name !== "withSession"
          ? Reflect.get(target, name)
          : () => ({
              prepare: (sql: string) => target.prepare(sql),
              batch: () => Promise.reject(new Error("the isolate died")),
            }),
    })
    await expect(prune(1000, { database: dying })).rejects.toThrow("died")
    expect(await sequences()).toEqual([1, 2, 3, 4, 5, 6])
    expect(await prune(1000)).toBe(2)
    expect((await verify(database)).fault).toBeNull()
  })

  test("the trigger admits nothing else: not a part of a pruned log's neighbours, not an archived segment that is not marked", async () => {
    await sealedLog(database, [3, 3])
    await prune(3.5)
    const remove = 'delete from "events" where "sequence" = 4'
    await expect(database.prepare(remove).run()).rejects.toThrow("append-only")
    await database
      .prepare(`update "log_segments" set "archivedAt" = '2026-01-01T00:00:00.000Z' where "first" = 4`)
      .run()
    await expect(database.prepare(remove).run()).rejects.toThrow("append-only")
    expect(await sequences()).toEqual([4, 5, 6])
  })
})

describe("an archive is verified like the log", () => {
  beforeEach(async () => {
    await sealedLog(database, [3, 3])
    await prune(3.5)
  })

  test.each([
    ["is gone", null, /is not there/],
    ["was edited", (lines: string) => lines.replace("user_a", "user_b"), /was changed/],
    ["lost a line", (lines: string) => lines.split("\n").slice(1).join("\n"), /sealed with 3 events and has 2/],
  ])("one that %s is found", async (_, change, text) => {
    const name = archiveName({ first: 1, last: 3 })
    const stored = await archive.get(name)
    const lines = stored ? await unpack(stored.body) : ""
    if (change === null) await archive.delete(name)
    else
      await archive.put(
        name,
        await new Response(new Blob([change(lines)]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer(),
      )
    expect((await verify(database)).fault).toMatchObject({ segment: "1-3", text })
  })

  test("events put in where all were pruned are found", async () => {
    await database
      .prepare(
        'insert into "events" ("sequence", "id", "at", "actor", "operation", "resource", "record", "change", "changed", "requestId") ' +
          "values (2, 'put', '2026-01-01T00:00:00.000Z', 'x', 'x', 'x', 'x', 'created', '[]', 'x')",
      )
      .run()
    expect((await verify(database)).fault).toMatchObject({ segment: "1-3", text: /stand where all were pruned/ })
  })
})

describe("as it is configured and operated", () => {
  let admin: Person
  beforeAll(async () => {
    admin = await administrator()
  })

  test.each([["soon"], ["6"], ["30.5"], ["-1"]])("LOG_RETENTION_DAYS=%s is refused", (days) => {
    expect(() => serving({ LOG_RETENTION_DAYS: days, ARCHIVE: archive })).toThrow(ConfigError)
  })

  test("a retention without an archive is refused, by name", () => {
    expect(() => serving({ LOG_RETENTION_DAYS: "30", ARCHIVE: undefined })).toThrow(/binding ARCHIVE is missing/)
  })

  test("log.prune does it at once for administrators, and for nobody else", async () => {
    const { owner } = await newWorkspace()
    const { status, body } = await call(admin, "POST /v1/log/prune", { body: {} })
    expect(status).toBe(200)
    expect(body).toEqual({ sealed: expect.any(Number), pruned: 0 })
    expect((await call(owner, "POST /v1/log/prune", { body: {} })).status).toBe(403)
    expect((await call(null, "POST /v1/log/prune", { body: {} })).status).toBe(401)
  })

  test("the timer seals, and a past that was pruned is told by the instant since which the log is whole", async () => {
    await sealedLog(database, [3, 3])
    const served = serving({ DB: database, LOG_RETENTION_DAYS: "30", ARCHIVE: archive })
    await served.tend(new Date(began + 30 * day + 3500))
    expect(served.observations.filter(({ kind }) => kind === "fault")).toEqual([])
    expect(await sequences()).toEqual([4, 5, 6])
    const kept = new Date(began + 3000).toISOString()
    // An administrator as the tests' issuer vouches for one: this database knows nobody.
    const vouched = await newActor("administrator", ["admin"])
    const list = await served.call(vouched, "GET /v1/events?resource=tasks&record=task_x")
    expect(list.body).toMatchObject({ keptSince: kept, nextCursor: null })
    expect(list.body.items).toHaveLength(3)
    const past = await served.call(vouched, `GET /v1/history/tasks/task_x/record?at=${new Date(began).toISOString()}`)
    expect(past.body).toMatchObject({ code: "FAILED_PRECONDITION", detail: expect.stringContaining(kept) })
  })
})
