/**
 * Facts for judging what stands in the log: the reader's grants and the parents of the rows in a page of events, fetched beside the page in one
 * batch. Only what a policy asks for is fetched, and only for records that the page names, so it does not grow with what a reader was granted.
 */
import { quote, type SqlValue } from "../authorization/statement.ts"
import { columnOf, membersOf, parentOf, sharesOf } from "../authorization/vocabulary.ts"
import type { KnownFacts } from "../core/log.ts"
import { type Model, type Models, modelOf } from "../core/model.ts"
import { type Condition, walk } from "../core/policy.ts"
import type { Row } from "../core/ports.ts"
import { type Principal, principalId } from "../core/principal.ts"
import type { Grants } from "../core/resource.ts"
import type { RawRow, Statement } from "./client.ts"
import { literal } from "./event-statements.ts"
import { jsonImage } from "./projection.ts"

/** Events as a sub-select with `resource`, `before` and `after`, and the values of its `?1`, `?2`, … */
export interface Images {
  readonly sql: string
  readonly binds: readonly SqlValue[]
}

/** Statements, and how their rows become facts. */
export interface FactsPlan {
  readonly statements: readonly Statement[]
  read(results: readonly (readonly RawRow[])[]): KnownFacts
}

interface Wanted {
  readonly kind: "members" | "shares" | "row"
  readonly resource: string
  /** SQL of the ids. */
  readonly ids: string
}

/**
 * What has to be known to judge these models' rows.
 * @param conditions of each model: its read policy, or the read rules of its fields
 */
export function planFacts(
  models: Models,
  asked: readonly { readonly model: Model; readonly conditions: readonly Condition[] }[],
  images: Images,
  principal: Principal,
): FactsPlan {
  const wanted = new Map<string, Wanted>()
  for (const { model, conditions } of asked) {
    const inImages = (column: string): string =>
      ["before", "after"]
        .map(
          (side) =>
            `select json_extract("$page".${quote(side)}, ${literal(`$.${quote(column)}`)}) from (${images.sql}) as "$page" where "$page"."resource" = ${literal(model.name)}`,
        )
        .join(" union ")
    for (const condition of conditions) collect({ models, model, idsOf: inImages, wanted }, condition)
  }
  const list = [...wanted.values()].filter(({ kind }) => kind === "row" || principalId(principal) !== undefined)
  return {
    statements: list.map((one) => statementOf(models, one, images, principal)),
    read: (results) => factsOf(models, list, results),
  }
}

interface Place {
  readonly models: Models
  readonly model: Model
  readonly idsOf: (column: string) => string
  readonly wanted: Map<string, Wanted>
}

function collect(place: Place, condition: Condition): void {
  const { models, model, idsOf, wanted } = place
  const want = (one: Wanted) => void wanted.set(`${one.kind} ${one.resource} ${one.ids}`, one)
  for (const node of walk(condition)) {
    if (node.kind === "member") want({ kind: "members", resource: node.resource, ids: idsOf(node.column) })
    if (node.kind === "shared") want({ kind: "shares", resource: model.name, ids: idsOf("id") })
    if (node.kind !== "can") continue
    const parent = parentOf(models, model, node.column)
    const ids = idsOf(node.column)
    want({ kind: "row", resource: parent.name, ids })
    const above = (column: string) =>
      `select "$up".${quote(columnOf(parent, column).name)} from ${quote(parent.table)} as "$up" where "$up"."id" in (${ids})`
    // The registry has refused circles.
    collect({ models, model: parent, idsOf: above, wanted }, parent.policy[node.action])
  }
}

function grantsOf(models: Models, { kind, resource }: Wanted): Grants {
  return kind === "members" ? membersOf(models, resource) : sharesOf(modelOf(models, resource))
}

function statementOf(models: Models, wanted: Wanted, images: Images, principal: Principal): Statement {
  const binds = usesImages(wanted.ids) ? images.binds : []
  if (wanted.kind === "row") {
    const model = modelOf(models, wanted.resource)
    const image = jsonImage(model, '"$row"', { personal: true })
    return {
      sql: `select ${image} as "image" from ${quote(model.table)} as "$row" where "$row"."id" in (${wanted.ids})`,
      binds,
    }
  }
  const grants = grantsOf(models, wanted)
  const table = modelOf(models, grants.resource)
  const name = (key: string) => `"$grant".${quote(columnOf(table, key).name)}`
  const me = `?${binds.length + 1}`
  return {
    sql:
      `select ${name(grants.record)} as "record", ${name(grants.role)} as "role" from ${quote(table.table)} as "$grant" ` +
      `where ${name(grants.user)} = ${me} and ${name(grants.record)} in (${wanted.ids})`,
    binds: [...binds, principalId(principal) ?? null],
  }
}

function usesImages(ids: string): boolean {
  return ids.includes('"$page"')
}

function factsOf(models: Models, list: readonly Wanted[], results: readonly (readonly RawRow[])[]): KnownFacts {
  const rows = new Map<string, Row>()
  const roles = new Map<string, number>()
  list.forEach((wanted, n) => {
    for (const raw of results[n] ?? []) {
      if (wanted.kind === "row") {
        const row = JSON.parse(String(raw.image)) as Row
        rows.set(`${wanted.resource} ${String(row.id)}`, row)
        continue
      }
      const key = `${wanted.kind} ${wanted.resource} ${String(raw.record)}`
      const rank = grantsOf(models, wanted).roles.indexOf(String(raw.role))
      roles.set(key, Math.max(rank, roles.get(key) ?? -1))
    }
  })
  return {
    parent: (resource, id) => rows.get(`${resource} ${id}`) ?? null,
    grants: (kind, resource, record) => {
      const rank = roles.get(`${kind} ${resource} ${record}`) ?? -1
      const { roles: names } = kind === "members" ? membersOf(models, resource) : sharesOf(modelOf(models, resource))
      return names[rank] ?? null
    },
  }
}

/** The read rules of a model's fields. Those that name no row and no grant cost nothing to judge. */
export function fieldRules(model: Model): readonly Condition[] {
  return Object.values(model.fields).flatMap(({ read }) => (read ? [read] : []))
}
