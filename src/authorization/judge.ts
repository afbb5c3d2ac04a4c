/**
 * Judges images of a record in memory, for one principal, over facts as they stood at one place of the log: what live delivery shows. The same
 * policy, masks and filter as a list's SQL; whoever follows the log loads the facts anew when an event changes them.
 */
import type { Model, Models } from "../core/model.ts"
import type { Filter } from "../core/plan.ts"
import type { Row } from "../core/ports.ts"
import type { Principal } from "../core/principal.ts"
import { filterOutcome } from "./filter.ts"
import { evaluate, type Facts } from "./memory.ts"

export { checkWatchFilter } from "./filter.ts"
export { type Dependencies, dependenciesOf, type GrantLookup, unwatchable } from "./reach.ts"

/** What is known of a principal at one place of the log. */
export interface Standing {
  /** Everything up to this event is in it. */
  readonly sequence: number
  /** The principal with the roles that it has now. */
  readonly principal: Principal
  /** False: the account is disabled or gone, or its key is. Nothing may be delivered. */
  readonly isActive: boolean
  /** The highest role by `grantKey`. */
  readonly grants: ReadonlyMap<string, string>
}

/** Records above, by `parentKey`. */
export type Parents = ReadonlyMap<string, Readonly<Row>>

/** Key of a grant in a standing. */
export function grantKey(kind: "members" | "shares", resource: string, recordId: string): string {
  return `${kind} ${resource} ${recordId}`
}

/** Key of a record among parents. */
export function parentKey(resource: string, id: string): string {
  return `${resource} ${id}`
}

/** What to judge with. */
export interface Judging {
  readonly models: Models
  readonly model: Model
  readonly now: Date
  readonly standing: Standing
  readonly parents: Parents
  readonly filter: Filter | null
  /** Property names of columns to show. */
  readonly fields: readonly string[]
}

/**
 * The record as the principal sees it: null when it is not there, may not be read or does not match the filter; unreadable fields are absent.
 * @param image all columns in wire form, as the log or a read has them
 */
export function judge(judging: Judging, image: Readonly<Row> | null): Row | null {
  const { models, model, now, standing, parents, filter, fields } = judging
  if (image === null || !standing.isActive) return null
  const facts: Facts = {
    models,
    model,
    principal: standing.principal,
    now,
    row: image,
    grants: (kind, resource, id) => standing.grants.get(grantKey(kind, resource, id)) ?? null,
    parent: (resource, id) => parents.get(parentKey(resource, id)) ?? null,
  }
  if (evaluate(model.policy.read, facts) !== true) return null
  if (filter !== null && filterOutcome(filter, model, image) !== true) return null
  const shown: Row = {}
  for (const field of fields) {
    const value = image[field]
    const rule = model.fields[field]?.read
    if (value !== undefined && (!rule || evaluate(rule, facts) === true)) shown[field] = value
  }
  return shown
}
