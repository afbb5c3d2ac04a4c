/**
 * The merge: "everything that I may see" in order, without looking at what lies behind the page. A recursive CTE is a queue that SQLite
 * takes rows from in the order of the list. It begins with the first row of each grant; each row taken is followed by the next one of the
 * same grant, found by a seek in an index. So the rows read are the grants and about one seek a row of the page, however many rows are
 * visible. A row seen by two grants comes twice, side by side, and is made one by DISTINCT. Measured in tests/database/reads-merge.test.ts.
 */

import { rolesAtLeast } from "../authorization/roles.ts"
import { allows, type PredicateScope } from "../authorization/sql.ts"
import { quote } from "../authorization/statement.ts"
import { comparandOf, storedValue } from "../authorization/value.ts"
import { columnOf } from "../authorization/vocabulary.ts"
import { modelOf } from "../core/model.ts"
import type { Branch } from "./branches.ts"
import { after, type Key, orderBy } from "./keyset.ts"
import { columnSql, joined, rowTest } from "./wire.ts"

/** What is merged. */
export interface MergeQuery {
  readonly keys: readonly Key[]
  /** The list's filter for the rows under the alias `x`, which are looked for by an index entered by these columns. */
  filter(entry: ReadonlySet<string>): string
  /** Columns that the filter holds equal to one value, with the SQL of that value. */
  readonly pins: ReadonlyMap<string, string>
  /** SQL of the place after which the rows begin, one expression a key; null to begin at the first. */
  readonly start: readonly string[] | null
  /** A table of one row that `start` names, or null. When it is empty nothing is merged. */
  readonly gate: string | null
}

/**
 * The common table expression `q`, whose rows in order are the keys of the visible rows (columns k0, k1, …; the last is the id). To be put
 * into WITH RECURSIVE.
 */
export function mergeSql(branches: readonly Branch[], scope: PredicateScope, query: MergeQuery): string {
  const columns = query.keys.map((_, n) => `k${n}`)
  const seeds = branches.map((branch, n) => seed(branch, n, scope, query))
  const steps = branches.flatMap((branch, n) => (branch.column === "id" ? [] : [step(branch, n, scope, query)]))
  const direction = query.keys[0]?.descending ? "desc" : "asc"
  const order = query.keys.map((_, n) => `${n + 4} ${direction}`).join(", ")
  const queue = seeds.length === 1 ? seeds[0] : `select * from (${seeds.join(" union all ")})`
  return `q(b, o, g, ${columns.join(", ")}) as (${[queue, ...steps].join(" union all ")} order by ${order})`
}

/** The first row of each of a branch's grants. */
function seed(branch: Branch, n: number, scope: PredicateScope, query: MergeQuery): string {
  const source = sourceOf(branch, scope, query)
  const tables = [...(query.gate === null ? [] : [query.gate]), ...(source.table === null ? [] : [source.table])]
  const begin = query.start === null ? [] : [after(query.keys, "x", query.start)]
  if (branch.column === "id") {
    // Single rows: a look-up by id and a test, nothing to go on with.
    const values = query.keys.map((key) => columnSql("x", key.column))
    const rows = [...tables, `${quote(scope.model.table)} as x`].join(" cross join ")
    return `select ${n}, null, null, ${values.join(", ")} from ${rows} where ${joined([`x."id" = ${source.value}`, ...source.tests, ...rowTests(branch, scope, query), ...begin], "and")}`
  }
  const tests = [
    `${driven(branch, scope)} = ${source.value}`,
    ...tenantTest(branch, scope, source.tenant),
    ...rowTests(branch, scope, query),
    ...begin,
  ]
  const rows = [...tables, `json_each((${nextRow(scope, query, tests)})) as j`].join(" cross join ")
  const where = source.tests.length === 0 ? "" : ` where ${joined(source.tests, "and")}`
  return `select ${n}, ${source.tenant ?? "null"}, ${source.value}, ${keyValues(query)} from ${rows}${where}`
}

/** The row after the one taken, of the same grant. */
function step(branch: Branch, n: number, scope: PredicateScope, query: MergeQuery): string {
  const place = query.keys.map((_, m) => `q.k${m}`)
  const tests = [
    `${driven(branch, scope)} = q.g`,
    ...tenantTest(branch, scope, "q.o"),
    ...rowTests(branch, scope, query),
    after(query.keys, "x", place),
  ]
  return `select q.b, q.o, q.g, ${keyValues(query)} from q cross join json_each((${nextRow(scope, query, tests)})) as j where q.b = ${n}`
}

/** One row's keys as a list in a list: json_each over it is a sub-select that may name the tables before it, evaluated once. */
function nextRow(scope: PredicateScope, query: MergeQuery, tests: readonly string[]): string {
  const values = query.keys.map((key) => columnSql("x", key.column)).join(", ")
  const from = `${quote(scope.model.table)} as x where ${joined(tests, "and")} order by ${orderBy(query.keys, "x")} limit 1`
  return `select json_array(json_array(${values})) from ${from}`
}

function keyValues(query: MergeQuery): string {
  return query.keys.map((_, n) => `j.value->>${n}`).join(", ")
}

function driven(branch: Branch, scope: PredicateScope): string {
  return columnSql("x", columnOf(scope.model, branch.column))
}

function tenantTest(branch: Branch, scope: PredicateScope, tenant: string | null): string[] {
  if (branch.tenantFrom === null || tenant === null || scope.model.tenant === null) return []
  return [`${columnSql("x", columnOf(scope.model, scope.model.tenant))} = ${tenant}`]
}

function rowTests(branch: Branch, scope: PredicateScope, query: MergeQuery): string[] {
  const residual = allows(branch.residual, { ...scope, alias: "x", substitute: query.pins })
  const filter = query.filter(branch.entry)
  return [
    ...(filter === "1" ? [] : [filter]),
    ...(residual === true ? [] : [residual === false ? "0" : rowTest(residual)]),
  ]
}

interface Source {
  readonly table: string | null
  readonly tests: readonly string[]
  readonly value: string
  readonly tenant: string | null
}

/** Where the values of a branch's column come from. A filter on the same column or on the tenant leaves out grants that cannot matter. */
function sourceOf(branch: Branch, scope: PredicateScope, query: MergeQuery): Source {
  const { driver } = branch
  const pin = query.pins.get(branch.column)
  if (driver.from === "condition") return conditionSource(driver.condition, scope)
  const table = modelOf(scope.models, driver.grants.resource)
  const column = (key: string) => columnSql("m", columnOf(table, key))
  const me = scope.parameters.add({ from: "principal", attribute: "id" })
  const roles = scope.parameters.add({
    from: "literal",
    value: JSON.stringify(rolesAtLeast(driver.grants, driver.role)),
  })
  const tests = [
    `${column(driver.grants.user)} = ${me}`,
    `${column(driver.grants.role)} in (select value from json_each(${roles}))`,
  ]
  if (pin !== undefined) tests.push(`${column(driver.grants.record)} = ${pin}`)
  const tenantPin = scope.model.tenant === null ? undefined : query.pins.get(scope.model.tenant)
  if (tenantPin !== undefined && branch.grantTenant !== null) tests.push(`${column(branch.grantTenant)} = ${tenantPin}`)
  return {
    table: `${quote(table.table)} as m`,
    tests,
    value: column(driver.grants.record),
    tenant: branch.tenantFrom === null ? null : column(branch.tenantFrom),
  }
}

function conditionSource(
  condition: Extract<Branch["driver"], { from: "condition" }>["condition"],
  scope: PredicateScope,
): Source {
  const { kind } = columnOf(scope.model, condition.column)
  const as = comparandOf(kind) ?? "text"
  const whole = kind.type === "int64"
  if (condition.kind === "in") {
    const values = condition.values.map((value) => storedValue(as, value)).filter((value) => value !== null)
    const list = scope.parameters.add({ from: "literal", value: JSON.stringify(values) })
    return {
      table: `json_each(${list}) as m`,
      tests: [],
      value: whole ? "cast(m.value as integer)" : "m.value",
      tenant: null,
    }
  }
  const { value } = condition
  const place =
    value.from === "principal"
      ? scope.parameters.add(value.attribute === "id" && as === "text" ? value : { ...value, as })
      : value.from === "now"
        ? scope.parameters.add(value)
        : scope.parameters.add({ from: "literal", value: storedValue(as, value.value) })
  return { table: null, tests: [], value: whole ? `cast(${place} as integer)` : place, tenant: null }
}
