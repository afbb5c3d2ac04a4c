/**
 * The planner: the shape of a plan becomes one SQL statement. Three forms of list, all with the same answer:
 * - a plain scan, when everything is visible, when full text drives it, or when the policy cannot be taken apart;
 * - the merge, when nothing in the filter narrows the list down (`merge.ts`);
 * - a scan of the pinned index that looks at no more than four times the page, and goes on with the merge where that did not fill it.
 * Refuses fields that do not exist or may not be read in every row, where they would decide which rows come.
 */
import { allows, fieldReadable, type PredicateScope } from "../authorization/sql.ts"
import { parameters, quote, type SqlValue } from "../authorization/statement.ts"
import { columnOf, parentOf } from "../authorization/vocabulary.ts"
import { limits } from "../core/limits.ts"
import type { Models } from "../core/model.ts"
import type { Filter, ListPlan } from "../core/plan.ts"
import type { Principal } from "../core/principal.ts"
import { type Branch, branchesOf } from "./branches.ts"
import type { RawRow } from "./client.ts"
import { compiled, rootScope } from "./compiled.ts"
import { expandPieces } from "./expand.ts"
import { type CompiledFilter, compileFilter, decidingColumn } from "./filter.ts"
import { columnFilter, type RowSource, rowSource } from "./fulltext.ts"
import type { CompiledGet } from "./get.ts"
import { leads, servingColumns } from "./index-choice.ts"
import { after, isUniform, type Key, keysOf, orderBy } from "./keyset.ts"
import { mergeSql } from "./merge.ts"
import { assemble, columnPieces, type Piece, type Projection } from "./projection.ts"
import { columnSql, joined, operand, rowTest, selected } from "./wire.ts"

/** A page. After the filter's values come the limit (plus one), the words, and the cursor's values. */
export interface CompiledList extends CompiledGet {
  readonly keys: readonly Key[]
  /** Column filter of the full-text expression; empty without words. */
  readonly searched: string
  /** The place of a row in the order. */
  place(row: RawRow): SqlValue[]
}

/** A candidate scan looks at this many times the page before it gives way to the merge. */
const scanFactor = 4

interface ListParts {
  readonly plan: ListPlan
  readonly scope: PredicateScope
  readonly keys: readonly Key[]
  readonly filter: CompiledFilter
  /** The columns that the filter pins and an index in the order of the list is entered by; null when there is none. */
  readonly entry: ReadonlySet<string> | null
  readonly projection: Projection
  /** Names of the projection's columns, quoted. */
  readonly names: readonly string[]
  readonly source: RowSource
  /** SQL of the cursor's values; null without a cursor. */
  readonly start: readonly (string | null)[] | null
  readonly limit: string
}

/**
 * The statement of a list, or null when the principal may read no row of the resource.
 * @param filterValues how many values the filter takes
 * @param cursor which of the cursor's values are NULL; null without a cursor
 */
export function compileList(
  plan: ListPlan,
  principal: Principal,
  models: Models,
  filterValues: number,
  cursor: readonly boolean[] | null,
): CompiledList | null {
  const scope = rootScope(plan.resource, principal, models)
  const { model } = scope
  if (allows(model.policy.read, { ...scope, parameters: parameters() }) === false) return null
  for (const [n, key] of plan.sort.entries()) decidingColumn(key.field, scope, `/sort/${n}`)
  const keys = keysOf(model, plan.sort)
  const searchable = model.search.filter((column) => fieldReadable(column, scope) === true)
  if (plan.q !== null && searchable.length === 0) decidingColumn("", scope, "/q")
  const { hidden, names } = placeColumns(plan, keys, scope)
  const pieces = [...columnPieces(plan.fields, scope), ...expandPieces(plan.expand, scope)]
  const beside = hidden.map((piece) => `${piece.sql} as ${quote(piece.key)}`)
  const projection = assemble(pieces, beside)
  const value = (index: number) => scope.parameters.add({ from: "value", index: filterValues + index })
  const { pins } = narrowed(plan.filter, scope, keys)
  const serving = pins.size > 0 ? servingColumns(model, [], keys, pins.keys()) : null
  // An index of the order alone would be walked past everything that the filter does not want.
  const entry = serving?.size === 0 ? null : serving
  const filter = narrowed(plan.filter, scope, keys, plan.q === null ? (entry ?? undefined) : undefined)
  const parts: ListParts = {
    plan,
    scope,
    keys,
    filter,
    entry,
    projection,
    names: [...pieces, ...hidden].map((piece) => quote(piece.key)),
    source: rowSource(model.table, plan.q === null ? null : value(1)),
    start: cursor && keys.map((key, n) => (cursor[n] ? null : operand(key.column.kind, value(2 + n)))),
    limit: `cast(${value(0)} as integer)${plan.offset === undefined ? "" : ` offset cast(${value(2)} as integer)`}`,
  }
  return {
    ...compiled(listSql(parts), scope.parameters.slots),
    decode: plan.count ? ({ $count: _, ...row }) => projection.decode(row) : projection.decode,
    keys,
    searched: plan.q === null ? "" : columnFilter(searchable),
    place: (row) => names.map((name) => row[name] as SqlValue),
  }
}

/**
 * The filter, with the tenant named where it follows and an index needs it: a row whose tenant is stamped from the record that a pinned
 * column names is of that record's tenant. So `projectId = …` alone finds an index that the tenant leads, for one row read.
 * @param entry the columns by which an index is to be entered; left to SQLite when left out
 */
export function narrowed(
  wanted: Filter | null,
  scope: PredicateScope,
  keys: readonly Key[],
  entry?: ReadonlySet<string>,
): CompiledFilter {
  const driving = entry && new Set([...entry, ...keys.map((key) => key.column.key)])
  const filter = compileFilter(wanted, scope, driving)
  const { model, models } = scope
  const stamp = model.tenant === null ? undefined : model.fields[model.tenant]?.stamp
  if (model.tenant === null || stamp?.from !== "parent" || filter.pins.has(model.tenant)) return filter
  const pin = filter.pins.get(stamp.column)
  if (pin === undefined || servingColumns(model, [stamp.column], keys, filter.pins.keys())) return filter
  const record = parentOf(models, model, stamp.column)
  const tenant = `(select "p".${quote(columnOf(record, stamp.field).name)} from ${quote(record.table)} as "p" where "p"."id" = ${pin})`
  const sql = joined([filter.sql, `${columnSql(scope.alias, columnOf(model, model.tenant))} = ${tenant}`], "and")
  return { sql, pins: new Map([...filter.pins, [model.tenant, tenant]]) }
}

/** The sort keys among the selected columns; those that are not selected as they are stand beside the row. */
function placeColumns(
  plan: ListPlan,
  keys: readonly Key[],
  scope: PredicateScope,
): { hidden: Pick<Piece, "key" | "sql">[]; names: string[] } {
  const hidden: Pick<Piece, "key" | "sql">[] = []
  const names = keys.map(({ column }, n) => {
    const plain =
      column.kind.type !== "bool" && fieldReadable(column.key, scope) === true && plan.fields.includes(column.key)
    if (plain) return column.key
    hidden.push({ key: `$${n}`, sql: selected(column.kind, columnSql("t", column)) })
    return `$${n}`
  })
  return { hidden, names }
}

function listSql(parts: ListParts): string {
  const { scope, plan, keys, filter } = parts
  const policy = scope.model.policy.read
  const probe = { ...scope, parameters: parameters() }
  const mergeable =
    plan.q === null &&
    plan.offset === undefined &&
    isUniform(keys) &&
    keys.every((key) => key.column.kind.type !== "double")
  const branches = mergeable && allows(policy, probe) !== true ? branchesOf(policy, probe, keys, filter.pins) : null
  const body =
    branches === null ? plainBody(parts) : parts.entry ? windowBody(parts, branches) : mergedBody(parts, branches)
  const head = body.tables === "" ? "" : `with recursive ${body.tables} `
  if (!plan.count) return head + body.rows
  const empty = parts.names.map((name) => `null as ${name}`).join(", ")
  // The count is a row before the others, so that an empty page has one too, and no row has to be stored to be counted.
  return `${head}select ${empty}, ${countSql(parts)} as "$count" union all select *, null from (${body.rows})`
}

interface Body {
  /** Common table expressions, or empty. */
  readonly tables: string
  readonly rows: string
}

/** The policy as a term of WHERE that chooses no index; the columns that the filter pins are their values in it, so more of it is constant. */
function policyTest(parts: ListParts): string | null {
  const { scope, filter } = parts
  const visible = allows(scope.model.policy.read, { ...scope, substitute: filter.pins })
  return typeof visible === "string" ? rowTest(visible) : visible ? null : "0"
}

/** True when words or an index of what the filter pins lead to the rows. */
function isLed(parts: ListParts): boolean {
  return parts.source.match !== null || leads(parts.scope.model, parts.filter.pins)
}

/** The policy as a term of WHERE: where nothing else leads to the rows, it may choose the index. */
function policyTerm(parts: ListParts): string | null {
  if (isLed(parts)) return policyTest(parts)
  const visible = allows(parts.scope.model.policy.read, parts.scope)
  return visible === true ? null : String(visible)
}

function tests(parts: ListParts, ...more: readonly (string | null)[]): string {
  return joined(
    [parts.filter.sql, parts.source.match, ...more].filter((term) => term !== null && term !== "1") as string[],
    "and",
  )
}

function plainBody(parts: ListParts): Body {
  const { keys, start } = parts
  const policy = policyTerm(parts)
  const beyond = start && after(keys, "t", start)
  // Where the policy leads to the rows, a place told as a disjunction must not: SQLite looks up its arms, one of them by a scan.
  const apart = beyond !== null && policy !== null && !isLed(parts) && !isUniform(keys)
  const where = tests(parts, policy, apart ? rowTest(beyond) : beyond)
  const rows = `select ${parts.projection.select} from ${parts.source.from} where ${where} order by ${orderBy(keys, "t")} limit ${parts.limit}`
  return { tables: "", rows }
}

/** The rows of the queue by id: the keys come from a covering index, so only rows of the page are looked up. */
function mergedRows(parts: ListParts): string {
  const id = `k${parts.keys.length - 1}`
  const page = `select distinct ${id} as "id" from q limit ${parts.limit}`
  return `select ${parts.projection.select} from (${page}) as p cross join ${quote(parts.scope.model.table)} as t on t."id" = p."id"`
}

function mergeParts(parts: ListParts) {
  return {
    keys: parts.keys,
    pins: parts.filter.pins,
    filter: (entry: ReadonlySet<string>) =>
      narrowed(parts.plan.filter, { ...parts.scope, alias: "x" }, parts.keys, entry).sql,
  }
}

function mergedBody(parts: ListParts, branches: readonly Branch[]): Body {
  const start = parts.start as readonly string[] | null
  return {
    tables: mergeSql(branches, parts.scope, { ...mergeParts(parts), start, gate: null }),
    rows: mergedRows(parts),
  }
}

/**
 * A bounded scan, then the merge from where the scan stopped. The second arm is not begun when the first filled the page, since the LIMIT
 * stands over both; the window's last place is null when the scan came to the end, and then the merge has nothing to begin with.
 */
function windowBody(parts: ListParts, branches: readonly Branch[]): Body {
  const { scope, keys, start } = parts
  const table = quote(scope.model.table)
  const order = orderBy(keys, "t")
  const where = tests(parts, start && after(keys, "t", start))
  const all = [...scope.model.columns.values(), ...scope.model.secrets.values()]
    .map((column) => columnSql("t", column))
    .join(", ")
  const window = `select ${all}, ${policyTest(parts) ?? "1"} as "$ok" from ${table} as t where ${where} order by ${order} limit ${parts.limit} * ${scanFactor}`
  const places = keys.map((key, n) => `${columnSql("t", key.column)} as k${n}`).join(", ")
  const last = `select ${places} from ${table} as t where ${where} order by ${order} limit 1 offset ${parts.limit} * ${scanFactor} - 1`
  const merge = mergeSql(branches, scope, { ...mergeParts(parts), start: keys.map((_, n) => `w.k${n}`), gate: "w" })
  const scanned = `select ${parts.projection.select} from (${window}) as t where t."$ok"`
  return {
    tables: `w as materialized (${last}), ${merge}`,
    rows: `${scanned} union all ${mergedRows(parts)} limit ${parts.limit}`,
  }
}

function countSql(parts: ListParts): string {
  const policy = policyTerm(parts)
  const bound = parts.plan.count === "exact" ? "" : ` limit ${limits.countMax + 1}`
  return `(select count(*) from (select 1 from ${parts.source.from} where ${tests(parts, policy)}${bound}))`
}
