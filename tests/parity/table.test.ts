/** One table of calls through every door, each by a client that others have written: the same value or code, events, limits, everywhere. */
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { Json, JsonObject } from "../../src/core/json.ts"
import type { CompiledOperation } from "../../src/core/registry.ts"
import { clients, registry, rows, tokenOf } from "./clients.ts"
import type { DoorClient, Ending } from "./doors/door.ts"
import { normal } from "./doors/normal.ts"
import { type DoorName, doorNames, personOf, strangerOf } from "./people.ts"
import { valueRows } from "./rows-values.ts"
import { workspaceRows } from "./rows-workspace.ts"
import { type Actor, type Row, resolved } from "./table.ts"

const byDoor = new Map<DoorName, DoorClient>()
const tokens = new Map<string, Promise<string>>()

beforeAll(async () => {
  for (const one of await clients(true)) byDoor.set(one.name, one)
})
afterAll(async () => {
  for (const one of byDoor.values()) await one.close()
})

function tokenFor(actor: Actor, door: DoorName): Promise<string> | null {
  if (actor === "nobody") return null
  const made = {
    owner: () => tokenOf(personOf(door)),
    stranger: () => tokenOf(strangerOf(door)),
    "owner, with an expired token": () => tokenOf(personOf(door), { expiresIn: -600 }),
    "owner, who may only read comments": () => tokenOf(personOf(door), { scope: "comments:read" }),
  }
  const key = `${actor} ${door}`
  const known = tokens.get(key) ?? made[actor]()
  tokens.set(key, known)
  return known
}

/** What the log has of a call, by resource and change. */
async function eventsOf(requestId: string): Promise<Record<string, number>> {
  const found = await rows<{ what: string; count: number }>(
    `select "resource" || ' ' || "change" as "what", count(*) as "count" from "events" where "requestId" = ? group by 1`,
    requestId,
  )
  return Object.fromEntries(found.map(({ what, count }) => [what, count]))
}

function expectEnding(client: DoorClient, operation: CompiledOperation, ending: Ending, row: Row, value: Json): void {
  if (!("value" in ending)) {
    expect([ending.code, ending.detail]).toEqual([row.code ?? "OK", expect.any(String)])
    if (row.paths) expect(ending.violations.map(({ path }) => path).sort()).toEqual(row.paths)
    return
  }
  expect(row.code ?? "OK").toBe("OK")
  // 204 has no body: that door tells no value.
  if (client.name === "rest" && ending.value === undefined && operation.rest?.status === 204) return
  const { shape } = operation.outputType
  if (client.isExact) expect(ending.value).toEqual(value)
  else expect(normal(shape, ending.value)).toEqual(normal(shape, value))
}

function expectTold({ told }: Ending, row: Row): void {
  expect(told.replayed).toBe(row.replayed ?? false)
  expect(told.retryAfter === null).toBe(row.retryAfter === undefined)
  if (row.retryAfter !== undefined) expect(Math.abs((told.retryAfter ?? 0) - row.retryAfter)).toBeLessThan(60)
  if (row.deprecated) expect(told.deprecated).toBe(true)
  if (row.remaining !== undefined) expect(told.limits[0]?.remaining).toBe(row.remaining)
}

describe.each(doorNames)("%s", (door) => {
  const kept: Record<string, string> = {}
  test.each([...valueRows, ...workspaceRows].map((row) => [row.name, row] as const))("%s", async (_, row) => {
    const client = byDoor.get(door) as DoorClient
    const operation = registry.operations.get(row.operation) as CompiledOperation
    const token = await tokenFor(row.actor ?? "owner", door)
    const input = resolved<JsonObject>(row.input, kept, door)
    const key = row.idempotencyKey === undefined ? {} : { idempotencyKey: `${row.idempotencyKey} ${door}` }
    const ending = await client.call({ token, operation, input, ...key })
    expectEnding(client, operation, ending, row, resolved<Json>(row.value ?? null, kept, door))
    expectTold(ending, row)
    const isLetIn = ending.told.limits.length > 0
    if (ending.code !== "UNAUTHENTICATED") {
      expect(ending.told.limits.map(({ name }) => name).sort()).toEqual(
        [...(row.limits ?? ["default/principal"])].sort(),
      )
      expect(isLetIn).toBe(true)
    }
    expect(ending.told.requestId).toEqual(expect.any(String))
    expect(await eventsOf(ending.told.requestId ?? "")).toEqual(row.events ?? {})
    if ("value" in ending && row.keep)
      for (const [name, property] of Object.entries(row.keep))
        kept[name] = String((ending.value as JsonObject)[property])
  })
})

test("every door runs the whole table", () => {
  expect([...byDoor.keys()]).toEqual([...doorNames])
})
