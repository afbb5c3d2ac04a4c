/** The place in the log that an answer claims to know: that of the oldest of its reads, asked in the same trip. */
import { env } from "cloudflare:workers"
import { expect, test } from "vitest"
import { openClient } from "../../src/database/client.ts"

const append = () =>
  env.DB.prepare(
    `insert into "events" ("id", "at", "actor", "operation", "resource", "record", "change", "changed", "requestId")
       values (?1, ?2, 'system', 'test', 'nothing', ?1, 'created', '[]', 'r') returning "sequence"`,
  )
    .bind(`event_${crypto.randomUUID()}`, new Date().toISOString())
    .first<number>("sequence")

const nothing = { sql: "select 1 as one", binds: [] }

test("is that of the first read, whatever comes between the reads, and each read stays one trip", async () => {
  const client = openClient(env.DB, { bookmark: null, fresh: false, positioned: true })
  expect(client.position()).toBeNull()
  const first = await append()
  expect(await client.all(nothing)).toEqual([{ one: 1 }])
  expect(client.position()).toBe(first)
  await append()
  await client.all(nothing)
  expect([client.position(), client.cost.trips]).toEqual([first, 2])
})

test("is not asked for where nobody wants it", async () => {
  const client = openClient(env.DB, { bookmark: null, fresh: false })
  await client.all(nothing)
  expect([client.position(), client.cost.rowsRead]).toEqual([null, 0])
})
