/**
 * Checks that every read and write that the resources declare finds an index: the engine's own statements are explained by D1 (EXPLAIN QUERY
 * PLAN on the migrated, empty database), and a table that would be read from end to end is named with the index that is missing.
 * What may scan, and why, stands in `allowed`.
 */
import { convertV4MiniflareOptions, Miniflare } from "miniflare"
import { registryOf } from "../src/app.ts"
import { allows } from "../src/authorization/sql.ts"
import { parameters } from "../src/authorization/statement.ts"
import { type Model, type Models, modelOf } from "../src/core/model.ts"
import { type Condition, walk } from "../src/core/policy.ts"
import type { Principal } from "../src/core/principal.ts"
import { applyMigrations } from "./database.ts"
import { declaration } from "./declared.ts"
import { type Case, casesOf, principals } from "./index-cases.ts"
import { run, Stop, wranglerSetting } from "./local.ts"

/** A line of a query plan. */
interface Line {
  readonly id: number
  readonly parent: number
  readonly detail: string
}

/** A scan that the design takes into account. */
interface Allowance {
  readonly reason: string
  covers(one: Case, model: Model): boolean
}

const allowed: readonly Allowance[] = [
  {
    reason:
      "an inherited right begins with no grant of the reader; a filter by the parent or the tenant narrows the list",
    covers: (one, model) => isRead(one) && one.pins.length === 0 && inherits(model.policy.read),
  },
  {
    reason: "whoever sees everything reads in the order of the list, or counts everything",
    covers: (one, model) => isRead(one) && one.pins.length === 0 && seesAll(one, model),
  },
]

/** True when the policy folds to "everything" for the reader, before any row is known. */
function seesAll(one: Case, model: Model): boolean {
  const principal = principals[one.principal] as Principal
  const scope = { models: new Map([[model.name, model]]), model, alias: "t", parameters: parameters(), principal }
  return !needsGrants(model.policy.read) && allows(model.policy.read, scope) === true
}

function needsGrants(policy: Condition): boolean {
  return [...walk(policy)].some(({ kind }) => kind === "member" || kind === "shared" || kind === "can")
}

function isRead(one: Case): boolean {
  return one.verb === "list" || one.verb === "aggregate"
}

function inherits(policy: Condition): boolean {
  return [...walk(policy)].some((condition) => condition.kind === "can")
}

/** Which tables stand under which alias in a statement. */
function aliasesOf(sql: string, tables: ReadonlySet<string>): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>()
  for (const [, table, alias] of sql.matchAll(/"(\w+)"(?: as "?(\w+)"?)?/g)) {
    if (table === undefined || !tables.has(table)) continue
    for (const name of [table, ...(alias === undefined ? [] : [alias])])
      found.set(name, (found.get(name) ?? new Set()).add(table))
  }
  return found
}

/** The scans of tables in a plan: `SCAN t`, `SCAN t USING INDEX i`, and indexes that SQLite would build for one statement. */
function scansOf(one: Case, lines: readonly Line[], tables: ReadonlySet<string>): { table: string; line: Line }[] {
  const aliases = aliasesOf(one.sql, tables)
  return lines.flatMap((line) => {
    const name =
      /^SCAN (\S+)(?! VIRTUAL)/.exec(line.detail)?.[1] ?? /^SEARCH (\S+) USING AUTOMATIC/.exec(line.detail)?.[1]
    const table =
      name === undefined || / VIRTUAL TABLE /.test(line.detail) ? undefined : [...(aliases.get(name) ?? [])].join("|")
    if (!name || !table) return []
    // A subquery may have the alias of a table; it is announced beside its scan.
    const isSubquery = lines.some(
      (other) => other.parent === line.parent && [`CO-ROUTINE ${name}`, `MATERIALIZE ${name}`].includes(other.detail),
    )
    return isSubquery ? [] : [{ table, line }]
  })
}

/** The index that would serve. */
function cureOf(model: Model, first: readonly string[], sort: readonly string[]): string {
  const columns = [...new Set([...first, ...sort, "id"])]
  return `index("${model.table}_by_${columns.slice(0, -1).join("_")}").on(${columns.map((column) => `table.${column}`).join(", ")})`
}

/**
 * Each sort that a resource declares must come from an index at least where the list is narrowed down to one parent: else every page sorts
 * all records of the parent.
 */
function unservedSorts(models: Models, cases: readonly Case[], plans: readonly Line[][]): string[] {
  return [...models.values()].flatMap((model) =>
    [...model.sort].flatMap((field) => {
      const isNarrowed = (one: Case) => one.pins.length === 1 && one.pins[0] !== field && one.sort.join() === field
      const lists = [...cases.entries()].filter(
        ([, one]) => one.resource === model.name && one.verb === "list" && isNarrowed(one),
      )
      const isServed = lists.some(
        ([n]) => !plans[n]?.some((line) => /^USE TEMP B-TREE FOR .*ORDER BY/.test(line.detail)),
      )
      // Without a filter by a parent there are only lists of the reader's own grants, which are few.
      const parent = [...model.filter].find((key) => model.columns.get(key)?.kind.type === "id" && key !== model.tenant)
      if (isServed || parent === undefined) return []
      return [
        `${model.name}: no list sorted by ${field} comes from an index\n  cure: ${cureOf(model, [parent], [field])}`,
      ]
    }),
  )
}

async function explain(database: D1Database, cases: readonly Case[]): Promise<Line[][]> {
  const plans: Line[][] = []
  for (let start = 0; start < cases.length; start += 100) {
    const statements = cases.slice(start, start + 100).map(({ sql, binds }) => {
      const statement = database.prepare(`explain query plan ${sql}`)
      return binds.length === 0 ? statement : statement.bind(...binds)
    })
    for (const { results } of await database.batch<Line>(statements)) plans.push(results)
  }
  return plans
}

async function check(database: D1Database): Promise<void> {
  await applyMigrations(database)
  const { models } = registryOf(declaration, { development: true })
  const cases = await casesOf(models)
  const plans = await explain(database, cases)
  const { results } = await database
    .prepare("select name from sqlite_schema where type = 'table'")
    .all<{ name: string }>()
  const tables = new Set(results.map((row) => row.name))
  const faults = unservedSorts(models, cases, plans)
  const scans = new Map<string, { readonly told: string; others: number }>()
  let permitted = 0
  for (const [n, one] of cases.entries()) {
    const plan = plans[n] ?? []
    for (const { table, line } of scansOf(one, plan, tables)) {
      const model = modelOf(models, one.resource)
      if (allowed.some((allowance) => allowance.covers(one, model))) permitted++
      else {
        const own = cureOf(model, one.pins, one.sort)
        const cure = table === model.table ? own : `an index of ${table} that begins with the column that leads to it`
        const alike = scans.get(cure)
        if (alike) alike.others++
        else scans.set(cure, { told: `${one.resource}: ${one.what}\n  ${line.detail} (${table})`, others: 0 })
      }
    }
  }
  for (const [cure, { told, others }] of scans)
    faults.push(`${told}${others === 0 ? "" : `, and ${others} more`}\n  cure: ${cure}`)
  console.log(`${cases.length} statements of ${models.size} resources explained; ${permitted} scans are allowed.`)
  if (faults.length > 0) throw new Stop(`${faults.length} indexes are missing:\n\n${faults.join("\n\n")}`)
}

await run(async () => {
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      script: "export default {}",
      compatibilityDate: wranglerSetting("compatibility_date"),
      cf: false,
      d1Databases: { DB: "indexes" },
    }),
  )
  try {
    await check((await miniflare.getD1Database("DB")) as unknown as D1Database)
  } finally {
    await miniflare.dispose()
  }
})
