/**
 * The log as people read it: each question is one batch, with the right to the answer, the events, and the facts to judge them by. Answers are
 * not masked here. Refuses a cursor of another question or another reader.
 */
import { quote } from "../authorization/statement.ts"
import type { Event } from "../core/event.ts"
import type { LogReads, LogRight } from "../core/log.ts"
import { type Model, modelOf } from "../core/model.ts"
import type { Reading, Row } from "../core/ports.ts"
import { principalId } from "../core/principal.ts"
import type { Client, RawRow, Statement } from "./client.ts"
import { cursorSeal } from "./cursor.ts"
import { literal } from "./event-statements.ts"
import { eventColumns, keptSinceSql, openEvent } from "./log.ts"
import { type FactsPlan, fieldRules, type Images, planFacts } from "./log-facts.ts"
import {
  historyStatement,
  type LogWorld,
  momentStatement,
  pageStatements,
  readsEverything,
  recordRight,
  tenantRight,
  windowRows,
} from "./log-statements.ts"
import { jsonImage } from "./projection.ts"
import { readProblem } from "./reader.ts"

/** What the reads of the log are opened with. */
export interface LogReadsOptions extends LogWorld {
  readonly client: Client
  readonly cursorSecret: CryptoKey | string
}

const kept: Statement = { sql: keptSinceSql, binds: [] }

/** Opens the reads of one call. */
export function openLogReads(options: LogReadsOptions): LogReads {
  return {
    events: (query, reading) => readEvents(options, query, reading),
    history: (query, reading) => readHistory(options, query, reading),
    moment: (query, reading) => readMoment(options, query, reading),
    event: (id) => readEvent(options, id),
    standing: (event, reading) => readStanding(options, event, reading),
  }
}

async function batched(client: Client, statements: readonly Statement[]): Promise<readonly (readonly RawRow[])[]> {
  try {
    return await client.batch(statements)
  } catch (thrown) {
    throw readProblem(thrown)
  }
}

/** The place after which the next page begins, bound to the question and the reader. */
function placeOf({ cursorSecret }: LogReadsOptions, question: object, { principal }: Reading) {
  const seal = cursorSeal(cursorSecret)
  const context = JSON.stringify(["log", question, principal.kind, principalId(principal) ?? null])
  return {
    open: async (cursor: string | undefined) =>
      cursor === undefined ? null : Number((await seal.open(cursor, context, 1))[0]),
    seal: (sequence: number) => seal.seal([sequence], context),
  }
}

function rightOf(row: RawRow | undefined, reading: Reading): LogRight {
  return {
    sees: row?.sees === 1,
    everything: readsEverything(reading),
    tenant: row?.owns === 1 && typeof row.tenant === "string" ? row.tenant : null,
  }
}

function sinceOf(rows: readonly RawRow[] | undefined): string | null {
  const since = rows?.[0]?.since
  return typeof since === "string" ? since : null
}

function imagesOf({ sql, binds }: Statement): Images {
  return { sql, binds }
}

/** Facts for the masks of whatever resources the page may hold. */
function maskFacts({ models }: LogReadsOptions, page: Statement, reading: Reading): FactsPlan {
  const asked = [...models.values()].map((model) => ({ model, conditions: fieldRules(model) }))
  return planFacts(models, asked, imagesOf(page), reading.principal)
}

/** Facts for the policy and the masks of one resource. */
function modelFacts({ models }: LogReadsOptions, model: Model, images: Images, reading: Reading): FactsPlan {
  const conditions = [model.policy.read, ...fieldRules(model)]
  return planFacts(models, [{ model, conditions }], images, reading.principal)
}

async function readEvents(options: LogReadsOptions, query: Parameters<LogReads["events"]>[0], reading: Reading) {
  const { cursor, limit, ...question } = query
  const place = placeOf(options, question, reading)
  const { page, window } = pageStatements(options, query, await place.open(cursor), reading)
  const facts = maskFacts(options, page, reading)
  const right = query.tenant === undefined ? kept : tenantRight(options, query.tenant, reading)
  const statements = [right, page, kept, window ?? kept, ...facts.statements]
  const [rights, rows = [], since, looked, ...known] = await batched(options.client, statements)
  const events = rows.slice(0, limit).map(openEvent)
  const last = events.at(-1)
  const lower = looked?.[0]?.lower
  // A window that was looked through without filling the page goes on below it.
  const isCut = window !== null && looked?.[0]?.seen === windowRows && typeof lower === "number"
  const next = rows.length > limit && last ? last.sequence : isCut ? Number(lower) : null
  return {
    right: rightOf(query.tenant === undefined ? undefined : rights?.[0], reading),
    events,
    nextCursor: next === null ? null : await place.seal(next),
    known: facts.read(known),
    keptSince: sinceOf(since),
  }
}

async function readHistory(options: LogReadsOptions, query: Parameters<LogReads["history"]>[0], reading: Reading) {
  const { cursor, limit, ...question } = query
  const place = placeOf(options, { history: question }, reading)
  const page = historyStatement(query, await place.open(cursor), reading)
  const facts = modelFacts(options, modelOf(options.models, query.resource), imagesOf(page), reading)
  const statements = [recordRight(options, query, reading), page, kept, ...facts.statements]
  const [rights, rows = [], since, ...known] = await batched(options.client, statements)
  const events = rows.slice(0, limit).map(openEvent)
  const last = events.at(-1)
  return {
    right: rightOf(rights?.[0], reading),
    events,
    nextCursor: rows.length > limit && last ? await place.seal(last.sequence) : null,
    known: facts.read(known),
    keptSince: sinceOf(since),
  }
}

async function readMoment(options: LogReadsOptions, query: Parameters<LogReads["moment"]>[0], reading: Reading) {
  const model = modelOf(options.models, query.resource)
  const found = momentStatement(query, reading)
  const facts = modelFacts(options, model, withRow(model, query.id, found), reading)
  const statements = [recordRight(options, query, reading), found, kept, ...facts.statements]
  const [rights, rows = [], since, ...known] = await batched(options.client, statements)
  const sideOf = (name: string): Event | null => {
    const row = rows.find(({ side }) => side === name)
    if (row === undefined) return null
    const { side: _, ...event } = row
    return openEvent(event)
  }
  return {
    right: rightOf(rights?.[0], reading),
    until: sideOf("until"),
    next: sideOf("next"),
    now: rowOf(rights?.[0]),
    known: facts.read(known),
    keptSince: sinceOf(since),
  }
}

function rowOf(raw: RawRow | undefined): Row | null {
  return typeof raw?.now === "string" ? (JSON.parse(raw.now) as Row) : null
}

/** The events of a statement and the row as it is now, as images. */
function withRow(model: Model, id: string, { sql, binds }: Statement): Images {
  const image = jsonImage(model, '"$row"', { personal: false })
  const row = `select ${literal(model.name)} as "resource", null as "before", ${image} as "after" from ${quote(model.table)} as "$row" where "$row"."id" = ?${binds.length + 1}`
  return {
    sql: `select "resource", "before", "after" from (${sql}) union all select * from (${row})`,
    binds: [...binds, id],
  }
}

async function readEvent({ client }: LogReadsOptions, id: string): Promise<Event | null> {
  try {
    const [row] = await client.all({ sql: `select ${eventColumns} from "events" where "id" = ?1`, binds: [id] })
    return row === undefined ? null : openEvent(row)
  } catch (thrown) {
    throw readProblem(thrown)
  }
}

async function readStanding(options: LogReadsOptions, event: Event, reading: Reading) {
  const model = modelOf(options.models, event.resource)
  const one: Statement = { sql: `select ${eventColumns} from "events" where "id" = ?1`, binds: [event.id] }
  const facts = modelFacts(options, model, withRow(model, event.record, one), reading)
  const whose = { resource: event.resource, id: event.record }
  const [rights, ...known] = await batched(options.client, [recordRight(options, whose, reading), ...facts.statements])
  return { right: rightOf(rights?.[0], reading), now: rowOf(rights?.[0]), known: facts.read(known) }
}
