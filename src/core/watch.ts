/**
 * What a watch follows: the words of a caller checked against the resource. Refuses a watch that names no tenant where there is one, since every
 * write of every tenant would wake it, and whatever cannot be judged from one event: relations, computed fields, words.
 */

import { faults, quoted } from "./faults.ts"
import type { JsonObject } from "./json.ts"
import type { Model } from "./model.ts"
import type { Filter } from "./plan.ts"
import type { Row } from "./ports.ts"
import type { Problem } from "./problem.ts"
import { parseFilter } from "./selection.ts"

/** The validated input of a watch. */
export interface WatchInput {
  readonly fields?: readonly string[]
  readonly filter?: JsonObject
  readonly id?: string
  readonly after?: number
}

/** A watch as it is kept. */
export interface WatchPlan {
  readonly resource: string
  /** The record's id stands in it, too. */
  readonly filter: Filter | null
  /** Property names of columns, always with the id. */
  readonly fields: readonly string[]
  /** The one record that is watched; null: all that the filter lets through. */
  readonly record: string | null
  /** null for one record, and for a resource without a tenant. */
  readonly tenant: string | null
}

/** Why a watch is told everything again. */
export type ResetReason = "start" | "facts_changed" | "after_too_old" | "after_unknown"

/** One thing that a watch tells. `sequence` is the place in the log up to which the caller knows all once it has taken this. */
export type Told =
  /** Forget what you have: the records follow, each as `changed`, and then `ready`. Until then there is no place to resume from. */
  | { readonly kind: "reset"; readonly sequence: number; readonly reason: ResetReason }
  | { readonly kind: "changed"; readonly sequence: number; readonly record: Row }
  /** It was visible and is no more. */
  | { readonly kind: "removed"; readonly sequence: number; readonly id: string }
  | { readonly kind: "ready"; readonly sequence: number }

/** A watch under way, as a door that streams reads it. */
export interface WatchStream {
  /**
   * What comes next. What was taken before counts as delivered: whoever does not come for more is closed as too slow.
   * @returns null when the watch is over: the caller comes back with its place
   */
  next(): Promise<Told | null>
  /** Why it is over, once `next` has said so: UNAVAILABLE for a connection that was lost; null when it was closed from this side. */
  why(): Problem | null
  /** Ends the watch. Does not reject. */
  close(): void
}

/** The tenant that a filter holds the resource to: an `eq` that every record must fulfil. */
export function pinnedTenant(model: Pick<Model, "tenant">, filter: Filter | null): string | null {
  if (filter === null || model.tenant === null) return null
  if (filter.op === "and") {
    for (const one of filter.of) {
      const found = pinnedTenant(model, one)
      if (found !== null) return found
    }
    return null
  }
  return filter.op === "eq" && filter.field === model.tenant && typeof filter.value === "string" ? filter.value : null
}

function fieldsOf(model: Model, names: readonly string[] | undefined, add: ReturnType<typeof faults>["add"]) {
  if (names === undefined) return [...model.columns.keys()]
  const wanted = new Set(["id"])
  for (const [n, name] of names.entries()) {
    if (model.columns.has(name)) wanted.add(name)
    else if (model.computed.has(name))
      add(`/fields/${n}`, "not_watchable", `${name} is computed from other records: read it with get`)
    else add(`/fields/${n}`, "unknown_field", `${model.name} has no field ${quoted(name)}`)
  }
  return [...model.columns.keys()].filter((key) => wanted.has(key))
}

/**
 * The plan of a watch.
 * @throws Problem INVALID_ARGUMENT with every fault, each at its path
 */
export function watchPlan(model: Model, input: WatchInput): WatchPlan {
  const found = faults()
  const given = parseFilter(model, input.filter, found)
  const fields = fieldsOf(model, input.fields, found.add)
  const record = input.id ?? null
  const tenant = record === null ? pinnedTenant(model, given) : null
  if (record === null && model.tenant !== null && tenant === null)
    found.add(
      `/filter/${model.tenant}`,
      "required",
      `A watch follows one tenant: say ${model.tenant} in the filter, or the id of one record`,
    )
  found.throwIfAny()
  const own: Filter | null = record === null ? null : { op: "eq", field: "id", value: record }
  const filter = own === null ? given : given === null ? own : ({ op: "and", of: [own, given] } as const)
  return { resource: model.name, filter, fields, record, tenant }
}
