/**
 * What goes with a record that is deleted: every relation of kind many is followed, children first, each row with its own event. Refuses
 * (by guard) a deletion while a relation with onDelete "refuse" has rows, and one that would take more rows of a relation than the bound.
 */
import { type Parameters, parameters, quote } from "../authorization/statement.ts"
import { limits } from "../core/limits.ts"
import { type Model, type Models, modelOf } from "../core/model.ts"
import type { Relation } from "../core/resource.ts"
import { column, eventImage, insertEvents, literal } from "./event-statements.ts"
import { at, element, type Prepared, prepared, valueSlot } from "./writer-source.ts"

/** A relation to records that hold my id. */
type Many = Extract<Relation, { kind: "many" }>

/** SQL of a list of ids, made anew in each statement since it may use parameters. */
type Ids = (own: Parameters) => string

/** True when deleting a record of this resource touches others. */
export function hasCascade(model: Model): boolean {
  for (const relation of model.relations.values()) if (relation.kind === "many") return true
  return false
}

/** The ids in the payload of a set. */
export function payloadIds(own: Parameters): string {
  return `select "value" ->> ${element.id} from json_each(${valueSlot(own, at.payload)})`
}

/** Statements and how many event ids they take from the values, from `at.first` on. */
export interface Cascade {
  readonly statements: Prepared[]
  eventIds: number
}

/** Everything that must happen before the rows of a set are deleted. */
export function cascadeOf(models: Models, model: Model): Cascade {
  const cascade: Cascade = { statements: [], eventIds: 0 }
  expand(models, model, payloadIds, [model.name], cascade)
  return cascade
}

function expand(models: Models, model: Model, ids: Ids, path: readonly string[], cascade: Cascade): void {
  const relations = [...model.relations.values()].filter((relation): relation is Many => relation.kind === "many")
  const selves = relations.filter((relation) => relation.resource === model.name && relation.onDelete === "delete")
  const all = selves.length === 0 ? ids : closure(model, selves, ids)
  // Refusals come first: nothing is written for a deletion that cannot be.
  for (const relation of relations) {
    if (relation.onDelete === "refuse")
      cascade.statements.push(refuse(modelOf(models, relation.resource), relation, model, all))
  }
  for (const relation of relations) {
    if (relation.onDelete === "refuse" || selves.includes(relation)) continue
    const child = modelOf(models, relation.resource)
    if (relation.onDelete === "clear") {
      clear(child, relation, model, all, cascade)
      continue
    }
    if (path.includes(child.name)) throw new Error(`Deletions go in a circle: ${[...path, child.name].join(", ")}`)
    const where = held(child, relation, model, all)
    expand(
      models,
      child,
      (own) => `select ${column(child, "id")} from ${quote(child.table)} where ${where(own)}`,
      [...path, child.name],
      cascade,
    )
    remove(child, where, cascade)
  }
  if (selves.length > 0)
    remove(
      model,
      (own) => `${column(model, "id")} in (${all(own)}) and ${column(model, "id")} not in (${ids(own)})`,
      cascade,
    )
}

/** The records and everything below them in their own table. */
function closure(model: Model, selves: readonly Many[], ids: Ids): Ids {
  return (own) => {
    const steps = selves.map(
      (relation) =>
        `union select "$child"."id" from ${quote(model.table)} as "$child" join "$tree" on "$child".${quote(relation.column)} = "$tree"."id"`,
    )
    return `with recursive "$tree"("id") as (${ids(own)} ${steps.join(" ")}) select "id" from "$tree"`
  }
}

/** The child rows of the records; those that are deleted anyway are left out. */
function held(child: Model, relation: Many, model: Model, ids: Ids): Ids {
  return (own) => {
    const list = ids(own)
    const mine = `${column(child, relation.column)} in (${list})`
    return child.name === model.name ? `${mine} and ${column(child, "id")} not in (${list})` : mine
  }
}

function refuse(child: Model, relation: Many, model: Model, ids: Ids): Prepared {
  const own = parameters()
  const where = held(child, relation, model, ids)(own)
  const name = literal(`guard:refuse:${child.name}`)
  return prepared(
    `insert into "guard" ("name") select ${name} where exists (select 1 from ${quote(child.table)} where ${where})`,
    own,
  )
}

/** The children, numbered, one more than the bound at most: they stand for the table in the event's statement. */
function numbered(child: Model, where: string): string {
  const table = quote(child.table)
  const rows = `select ${table}.*, row_number() over (order by ${column(child, "id")}) as "$n" from ${table} where ${where}`
  return `(${rows} limit ${limits.cascadeRowsMax + 1}) as ${table}`
}

/**
 * An id for each numbered row out of one minted id: 20 of its random bits are replaced by the number, which leaves 54, and the form of a
 * TypeID stays. (How many rows there are is known to SQL alone.)
 */
function numberedId(minted: string, n: string): string {
  const digit = (shift: number): string =>
    `substr('0123456789abcdefghjkmnpqrstvwxyz', ((${n} >> ${shift}) & 31) + 1, 1)`
  return `substr(${minted}, 1, 20) || ${digit(15)} || ${digit(10)} || ${digit(5)} || ${digit(0)} || substr(${minted}, 25)`
}

function bound(child: Model): Prepared {
  const name = literal(`guard:cascade:${child.name}`)
  return prepared(
    `insert into "guard" ("name") select ${name} where changes() > ${limits.cascadeRowsMax}`,
    parameters(),
  )
}

function remove(child: Model, where: Ids, cascade: Cascade): void {
  const own = parameters()
  const minted = valueSlot(own, at.first + cascade.eventIds++)
  const events = insertEvents(own, {
    model: child,
    change: "deleted",
    id: numberedId(minted, `${quote(child.table)}."$n"`),
    changed: "'[]'",
    before: eventImage(child),
    after: "null",
    from: numbered(child, where(own)),
    where: "1",
  })
  const last = parameters()
  const deletion = prepared(`delete from ${quote(child.table)} where ${where(last)}`, last)
  cascade.statements.push(prepared(events, own), bound(child), deletion)
}

/** The children lose the reference; what was stamped from it stays, for it says where they belong. */
function clear(child: Model, relation: Many, model: Model, ids: Ids, cascade: Cascade): void {
  const where = held(child, relation, model, ids)
  const own = parameters()
  const minted = valueSlot(own, at.first + cascade.eventIds++)
  const changes = (from: Parameters): Map<string, string> =>
    new Map([
      [relation.column, "null"],
      ["version", `${column(child, "version")} + 1`],
      ["updatedAt", from.add({ from: "now" })],
    ])
  const after = changes(own)
  const events = insertEvents(own, {
    model: child,
    change: "updated",
    id: numberedId(minted, `${quote(child.table)}."$n"`),
    changed: literal(JSON.stringify([relation.column])),
    before: eventImage(child),
    after: eventImage(child, after),
    from: numbered(child, where(own)),
    where: "1",
    substitute: after,
  })
  const last = parameters()
  const sets = [...changes(last)].map(([key, sql]) => `${quote(key)} = ${sql}`)
  const update = prepared(`update ${quote(child.table)} set ${sets.join(", ")} where ${where(last)}`, last)
  cascade.statements.push(prepared(events, own), bound(child), update)
}
