/**
 * Which writes of a batch travel together. Order is kept: only neighbours join, and only when one statement for all of them means the
 * same as one after the other. Refuses values that may not be given.
 */
import type { Write } from "../core/changes.ts"
import { type Model, type Models, modelOf } from "../core/model.ts"
import type { Batch } from "../core/ports.ts"
import { checkGiven, givenKeys } from "./write-values.ts"

/** Neighbouring writes that one set of statements serves. */
export interface Group {
  readonly kind: Write["kind"]
  readonly model: Model
  readonly as: Write["as"]
  readonly writes: Write[]
  /** Position of the first write in the batch. */
  readonly base: number
  readonly ids: Set<string>
  readonly given: readonly string[][]
}

/** JSON pointer of a write's record in the operation's input, and of its fields. */
export function inputPath(batch: Batch, index: number): { readonly record: string; readonly fields: string } {
  const write = batch.writes[index]
  const values = write?.kind === "update" ? "/patch" : "/values"
  if (write && batch.operation === `${write.resource}.batch`)
    return { record: `/records/${index}`, fields: `/records/${index}${values}` }
  return { record: "", fields: write && batch.operation === `${write.resource}.update` ? "/patch" : "" }
}

function samePrincipal(a: Write["as"], b: Write["as"]): boolean {
  return (
    a === b || (a.kind === "system" && b.kind === "system" && a.reason === b.reason && a.onBehalfOf === b.onBehalfOf)
  )
}

function stamped(model: Model, given: readonly string[]): string {
  return given.filter((key) => model.fields[key]?.stamp).join()
}

/** A write joins its neighbours when one statement for all means the same as one after the other. */
function joins(group: Group, write: Write, given: readonly string[]): boolean {
  if (
    group.kind !== write.kind ||
    group.model.name !== write.resource ||
    group.ids.has(write.id) ||
    !samePrincipal(group.as, write.as)
  )
    return false
  if (write.kind === "delete") return true
  if (stamped(group.model, group.given[0] ?? []) !== stamped(group.model, given)) return false
  // A record that refers to one of the same set must find it there.
  return !Object.values(write.values).some((value) => typeof value === "string" && group.ids.has(value))
}

/**
 * The writes of a batch in groups, in their order.
 * @throws INVALID_ARGUMENT for values that may not be given
 */
export function groupsOf(batch: Batch, models: Models): Group[] {
  const groups: Group[] = []
  batch.writes.forEach((write, index) => {
    const model = modelOf(models, write.resource)
    if (write.kind !== "delete") checkGiven(model, write, inputPath(batch, index).fields)
    const given = write.kind === "delete" ? [] : givenKeys(model, write)
    const last = groups.at(-1)
    if (last && joins(last, write, given)) {
      last.writes.push(write)
      last.ids.add(write.id)
      ;(last.given as string[][]).push(given)
    } else {
      groups.push({
        kind: write.kind,
        model,
        as: write.as,
        writes: [write],
        base: index,
        ids: new Set([write.id]),
        given: [given],
      })
    }
  })
  return groups
}
