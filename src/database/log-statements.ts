/**
 * The statements that read the log for people: pages by filters, and the right to them in the same batch. What is read is bounded whatever the
 * filters are: instants become sequences by halving, and filters that no index serves look at a window of events a call.
 */
import { allows, type Predicate } from "../authorization/sql.ts"
import { bind, type Parameters, parameters, quote, type SqlValue, usedSlots } from "../authorization/statement.ts"
import type { EventQuery, TenantRule } from "../core/log.ts"
import { type Model, type Models, modelOf } from "../core/model.ts"
import type { Reading } from "../core/ports.ts"
import { hasRole } from "../core/principal.ts"
import type { Statement } from "./client.ts"
import { eventColumns } from "./log.ts"
import { jsonImage } from "./projection.ts"

/** Events that a call looks at when no index serves its filters. */
export const windowRows = 2000

/** Isolates' clocks differ: so far is an event's instant from what its neighbours say, at most. */
const clockSkewMs = 300_000

/** What all statements of the log are made with. */
export interface LogWorld {
  readonly models: Models
  readonly rule: TenantRule
}

interface Draft {
  readonly own: Parameters
  /** A placeholder of a value. */
  value(value: SqlValue): string
  /** The statement with its values. */
  finish(sql: string, reading: Reading): Statement
}

function draft(): Draft {
  const own = parameters()
  const values: SqlValue[] = []
  return {
    own,
    value: (value) => own.add({ from: "value", index: values.push(value) - 1 }),
    finish: (sql, { principal, now }) => ({
      sql,
      binds: bind(usedSlots(sql, own.slots), { principal, now, values }),
    }),
  }
}

const sqlOf = (predicate: Predicate): string => (predicate === true ? "1" : predicate === false ? "0" : predicate)

/** True for whoever reads the whole log. */
export function readsEverything({ principal }: Reading): boolean {
  return hasRole(principal, "admin")
}

/** SQL that is true when the reader may read the log of the tenant whose id `tenant` gives. */
function ownsSql({ models, rule }: LogWorld, { own }: Draft, tenant: string, reading: Reading): string {
  if (readsEverything(reading)) return "1"
  if (rule === null) return "0"
  const model = modelOf(models, rule.resource)
  const scope = { models, model, alias: "$tenant", parameters: own, principal: reading.principal, one: true }
  const right = sqlOf(allows(model.policy[rule.action], scope))
  return `exists (select 1 from ${quote(model.table)} as "$tenant" where "$tenant"."id" = ${tenant} and ${right})`
}

/** The right to a tenant's log: `sees` the tenant's record, `owns` its log. */
export function tenantRight(world: LogWorld, tenant: string, reading: Reading): Statement {
  const made = draft()
  const id = made.value(tenant)
  const sees = world.rule === null ? "0" : seesSql(modelOf(world.models, world.rule.resource), world, made, id, reading)
  const owns = ownsSql(world, made, id, reading)
  return made.finish(`select ${sees} as "sees", ${owns} as "owns", ${id} as "tenant"`, reading)
}

function seesSql(model: Model, { models }: LogWorld, { own }: Draft, id: string, { principal }: Reading): string {
  const visible = allows(model.policy.read, { models, model, alias: "$seen", parameters: own, principal, one: true })
  return `exists (select 1 from ${quote(model.table)} as "$seen" where "$seen"."id" = ${id} and ${sqlOf(visible)})`
}

/**
 * The right to a record's history, and the row as it is now.
 * @param whose the record; its tenant is that of its last event
 */
export function recordRight(
  world: LogWorld,
  whose: { readonly resource: string; readonly id: string },
  reading: Reading,
): Statement {
  const model = modelOf(world.models, whose.resource)
  const made = draft()
  const id = made.value(whose.id)
  const tenant = `(select "tenant" from "events" where "resource" = ${made.value(model.name)} and "record" = ${id} order by "sequence" desc limit 1)`
  const image = `(select ${jsonImage(model, '"$row"', { personal: false })} from ${quote(model.table)} as "$row" where "$row"."id" = ${id})`
  return made.finish(
    `select ${seesSql(model, world, made, id, reading)} as "sees", ${ownsSql(world, made, tenant, reading)} as "owns", ` +
      `${tenant} as "tenant", ${image} as "now"`,
    reading,
  )
}

/** A page of the log, and how far the window looked. */
export interface PageStatements {
  readonly page: Statement
  /** Gives `lower`, the last sequence that was looked at, and `seen`, how many; null when the page looked at all there was. */
  readonly window: Statement | null
}

/** Equality filters by which an index finds events; the first that is given serves. */
const served = [
  ["resource", "record"],
  ["tenant"],
  ["actor"],
] as const satisfies readonly (readonly (keyof EventQuery)[])[]
const equals = ["resource", "record", "tenant", "actor", "operation", "change"] as const

/**
 * Statements of a page, newest first, one more than asked for.
 * @param before sequence below which the page begins; null at the newest
 */
export function pageStatements(
  world: LogWorld,
  query: EventQuery,
  before: number | null,
  reading: Reading,
): PageStatements {
  const given = equals.filter((key) => query[key] !== undefined)
  const base = served.find((keys) => keys.every((key) => query[key] !== undefined)) ?? []
  const isServed = given.length === base.length
  const inner = (made: Draft, keys: readonly (typeof equals)[number][]): string[] => [
    // The plus keeps SQLite from an index that finds the value and not the order: it would read all that there is of it.
    ...keys.map((key) => `${isOf(base, key) ? "" : "+"}"${key}" = ${made.value(query[key] ?? null)}`),
    ...boundsOf(made, query, before),
  ]
  const lowest = (made: Draft): string =>
    `select "sequence" from "events" where ${every(inner(made, [...base]))} order by "sequence" desc limit ${windowRows}`
  const page = draft()
  const where = inner(page, given)
  // Nothing leaves the database for whoever has no right to it.
  if (!readsEverything(reading))
    where.push(query.tenant === undefined ? "0" : ownsSql(world, page, page.value(query.tenant), reading))
  if (!isServed) where.push(`"sequence" >= coalesce((select min("sequence") from (${lowest(page)})), 0)`)
  const rows = `cast(${page.value(query.limit + 1)} as integer)`
  const sql = `select ${eventColumns} from "events" where ${every(where)} order by "sequence" desc limit ${rows}`
  const window = draft()
  return {
    page: page.finish(sql, reading),
    window: isServed
      ? null
      : window.finish(`select min("sequence") as "lower", count(*) as "seen" from (${lowest(window)})`, reading),
  }
}

/** The events of one record, newest first, one more than asked for. The right to them stands beside it in the batch. */
export function historyStatement(
  query: { readonly resource: string; readonly id: string; readonly limit: number },
  before: number | null,
  reading: Reading,
): Statement {
  const made = draft()
  const where = [`"resource" = ${made.value(query.resource)}`, `"record" = ${made.value(query.id)}`]
  if (before !== null) where.push(`"sequence" < cast(${made.value(before)} as integer)`)
  const rows = `cast(${made.value(query.limit + 1)} as integer)`
  return made.finish(
    `select ${eventColumns} from "events" where ${every(where)} order by "sequence" desc limit ${rows}`,
    reading,
  )
}

/** A security event of a person says what happened and is no image of the row. */
const isImage = `not ("change" = 'updated' and "before" is null)`

/** Two rows at most: the record's last change until an instant (`side` "until"), and the first one after it ("next"). */
export function momentStatement(
  query: { readonly resource: string; readonly id: string; readonly at: string },
  reading: Reading,
): Statement {
  const made = draft()
  const whose = `"resource" = ${made.value(query.resource)} and "record" = ${made.value(query.id)} and ${isImage}`
  const until = `select * from "events" where ${whose} and "at" <= ${made.value(query.at)} order by "sequence" desc limit 1`
  const after = `coalesce((select "sequence" from (${until})), 0)`
  const next = `select * from "events" where ${whose} and "sequence" > ${after} order by "sequence" limit 1`
  return made.finish(
    `select 'until' as "side", ${eventColumns} from (${until}) union all select 'next', ${eventColumns} from (${next})`,
    reading,
  )
}

function isOf(keys: readonly string[], key: string): boolean {
  return keys.includes(key)
}

function every(terms: readonly string[]): string {
  return terms.length === 0 ? "1" : terms.join(" and ")
}

function boundsOf(made: Draft, { from, to }: EventQuery, before: number | null): string[] {
  const terms: string[] = []
  if (before !== null) terms.push(`"sequence" < cast(${made.value(before)} as integer)`)
  if (from !== undefined) {
    terms.push(`"at" >= ${made.value(from)}`, `"sequence" >= ${halved(made, shifted(from, -clockSkewMs), "lo")}`)
  }
  if (to !== undefined) {
    terms.push(`"at" < ${made.value(to)}`, `"sequence" < ${halved(made, shifted(to, clockSkewMs), "hi")}`)
  }
  return terms
}

function shifted(instant: string, byMs: number): string {
  return new Date(Date.parse(instant) + byMs).toISOString()
}

/** SQL of the sequence at which instants pass `instant`: found by halving, some twenty look-ups in a million events. */
function halved(made: Draft, instant: string, side: "lo" | "hi"): string {
  const middle = '("lo" + "hi") / 2'
  const isBefore = `(select "at" from "events" where "sequence" >= ${middle} order by "sequence" limit 1) < ${made.value(instant)}`
  return (
    '(with recursive "b" ("lo", "hi") as (select 0, coalesce((select max("sequence") from "events"), 0) + 1 union all ' +
    `select case when ${isBefore} then ${middle} else "lo" end, case when ${isBefore} then "hi" else ${middle} end from "b" ` +
    `where "hi" - "lo" > 1) select ${quote(side)} from "b" where "hi" - "lo" <= 1)`
  )
}
