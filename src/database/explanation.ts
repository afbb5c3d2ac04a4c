/**
 * Explanations: which rule decides about a record, with the SQL, the indexes and the rows read. The facts that the trace asks for are
 * fetched until it asks for nothing new. Refuses a record that does not exist.
 */
import { trace } from "../authorization/explain.ts"
import type { Facts } from "../authorization/memory.ts"
import { bind, quote } from "../authorization/statement.ts"
import { columnOf, membersOf, sharesOf } from "../authorization/vocabulary.ts"
import type { Json, JsonObject } from "../core/json.ts"
import { type Models, modelOf } from "../core/model.ts"
import type { Action } from "../core/policy.ts"
import type { Reading, Row } from "../core/ports.ts"
import { principalId } from "../core/principal.ts"
import { notFound } from "../core/problem.ts"
import type { Client, Statement } from "./client.ts"
import { compilePermission } from "./permission.ts"
import { jsonImage } from "./projection.ts"

/** Inheritance and grants are asked for step by step; a policy that asks deeper than this is not explained further. */
const roundsMax = 8

/**
 * Explains one decision.
 * @returns resource, id, action, allowed, outcome, rule, condition, tree, sql, queryPlan (lines), rowsRead
 * @throws Problem NOT_FOUND when there is no such record
 */
export async function explainDecision(
  { client, models }: { readonly client: Client; readonly models: Models },
  resource: string,
  id: string,
  action: Action,
  reading: Reading,
): Promise<JsonObject> {
  const model = modelOf(models, resource)
  const found = await fetchRow(client, models, resource, id)
  if (found === null) throw notFound(resource)
  const explained = await explainRow(client, models, resource, found, action, reading)
  const statement = compilePermission(resource, action, reading.principal, models)
  let queryPlan: Json = []
  let rowsRead = 0
  let allowed = false
  if (statement !== null) {
    const binds = bind(statement.slots, { principal: reading.principal, now: reading.now, values: [id] })
    const before = client.cost.rowsRead
    allowed = (await client.all({ sql: statement.sql, binds })).length > 0
    rowsRead = client.cost.rowsRead - before
    queryPlan = (await client.all({ sql: `explain query plan ${statement.sql}`, binds })).map((line) =>
      String(line.detail),
    )
  }
  return {
    resource: model.name,
    id,
    action,
    // What the SQL says decides; the trace explains it, and a difference between the two would show here.
    allowed,
    outcome: explained.outcome,
    rule: explained.rule,
    condition: explained.condition,
    tree: explained.tree as unknown as JsonObject,
    sql: String(statement?.predicate ?? false),
    queryPlan,
    rowsRead,
  }
}

async function fetchRow(client: Client, models: Models, resource: string, id: string): Promise<Row | null> {
  const rows = await client.all(rowStatement(models, resource, id))
  return rows[0] === undefined ? null : (JSON.parse(rows[0].image as string) as Row)
}

function rowStatement(models: Models, resource: string, id: string): Statement {
  const model = modelOf(models, resource)
  return {
    sql: `select ${jsonImage(model, "t", { personal: true })} as image from ${quote(model.table)} as t where t."id" = ?1`,
    binds: [id],
  }
}

async function explainRow(
  client: Client,
  models: Models,
  resource: string,
  row: Row,
  action: Action,
  reading: Reading,
) {
  const model = modelOf(models, resource)
  const known = new Map<string, unknown>()
  for (let round = 0; ; round++) {
    const wanted = new Map<string, Statement>()
    const look = <T>(key: string, statement: () => Statement): T | null => {
      if (known.has(key)) return known.get(key) as T | null
      wanted.set(key, statement())
      return null
    }
    const facts: Facts = {
      models,
      model,
      principal: reading.principal,
      now: reading.now,
      row,
      parent: (name, id) => look(`row ${name} ${id}`, () => rowStatement(models, name, id)),
      grants: (kind, name, id) => look(`${kind} ${name} ${id}`, () => grantStatement(models, kind, name, id, reading)),
    }
    const explained = trace(model.policy[action], facts)
    if (wanted.size === 0 || round === roundsMax) return explained
    const answers = await client.batch([...wanted.values()])
    for (const [n, key] of [...wanted.keys()].entries()) known.set(key, factOf(key, answers[n] ?? [], models))
  }
}

function grantStatement(
  models: Models,
  kind: "members" | "shares",
  resource: string,
  id: string,
  reading: Reading,
): Statement {
  const grants = kind === "members" ? membersOf(models, resource) : sharesOf(modelOf(models, resource))
  const table = modelOf(models, grants.resource)
  const name = (key: string) => quote(columnOf(table, key).name)
  return {
    sql: `select ${name(grants.role)} as role from ${quote(table.table)} where ${name(grants.user)} = ?1 and ${name(grants.record)} = ?2`,
    binds: [principalId(reading.principal) ?? null, id],
  }
}

/** A row's image, or the highest of the roles that were found. */
function factOf(key: string, rows: readonly Record<string, unknown>[], models: Models): unknown {
  const [kind, resource] = key.split(" ") as [string, string]
  if (kind === "row") return rows[0] === undefined ? null : JSON.parse(rows[0].image as string)
  const { roles } = kind === "members" ? membersOf(models, resource) : sharesOf(modelOf(models, resource))
  const held = rows.map((row) => roles.indexOf(row.role as string))
  return roles[Math.max(-1, ...held)] ?? null
}
