/**
 * Bound parameters of a statement whose text is kept: the text holds `?n`, the slots say what stands there in each call. Text never holds
 * a value of a caller; a statement with more parameters than D1 takes is refused.
 */

import type { Principal } from "../core/principal.ts"
import { invalid } from "../core/problem.ts"
import { type Comparand, storedValue } from "./value.ts"
import { attributeOf } from "./vocabulary.ts"

/** What D1 binds. Numbers arrive as REAL: cast where an integer is needed, bind text as text. */
export type SqlValue = string | number | null

/** What a bound parameter holds; the text of a statement is kept, its slots are evaluated again in each call. */
export type Slot =
  | { readonly from: "literal"; readonly value: SqlValue }
  /** `as`: the form of the column that it is compared with; bound as NULL when the attribute has no such form. */
  | { readonly from: "principal"; readonly attribute: string; readonly as?: Comparand }
  /** Instant of the call, RFC 3339 UTC text with milliseconds. */
  | { readonly from: "now" }
  /** The caller's n-th value (filter values, row values), given when binding. */
  | { readonly from: "value"; readonly index: number }

/** Parameters of a statement in the making. */
export interface Parameters {
  /** The placeholder of a slot (`?3`); an equal slot gets the same. Throws INVALID_ARGUMENT beyond D1's 100. */
  add(slot: Slot): string
  readonly slots: readonly Slot[]
}

/** D1's limit of bound parameters a statement. */
const slotsMax = 100

/** No parameters yet. */
export function parameters(): Parameters {
  return collect((position) => `?${position}`, slotsMax)
}

/** Parameters of text that may yet be folded away: only what is left of it gets a place in a statement. */
export interface Draft extends Parameters {
  /** The text with its marks replaced by places in `into`. */
  settle(text: string, into: Parameters): string
}

/** A draft without slots. Its marks stand in no SQL that we write. */
export function draft(): Draft {
  const marks = collect((position) => `⟨${position}⟩`, Number.POSITIVE_INFINITY)
  const settle = (text: string, into: Parameters): string =>
    text.replace(/⟨(\d+)⟩/g, (_, position) => into.add(marks.slots[Number(position) - 1] as Slot))
  return { ...marks, settle }
}

/**
 * The slots that a finished text needs: D1 refuses values beyond its highest `?n`, and a predicate that folded away in `every` or `some`
 * after it was compiled leaves such slots behind.
 */
export function usedSlots(text: string, slots: readonly Slot[]): readonly Slot[] {
  const highest = Math.max(0, ...Array.from(text.matchAll(/\?(\d+)/g), ([, position]) => Number(position)))
  return slots.slice(0, highest)
}

function collect(placeOf: (position: number) => string, max: number): Parameters {
  const slots: Slot[] = []
  const places = new Map<string, string>()
  return {
    slots,
    add(slot) {
      const key = keyOf(slot)
      const known = places.get(key)
      if (known !== undefined) return known
      if (slots.length >= max) {
        throw invalid("", "too_complex", `The request needs more than ${max} values in one statement`)
      }
      const place = placeOf(slots.push(slot))
      places.set(key, place)
      return place
    },
  }
}

function keyOf(slot: Slot): string {
  switch (slot.from) {
    case "literal":
      return JSON.stringify([slot.value])
    case "principal":
      return JSON.stringify([slot.from, slot.attribute, slot.as ?? null])
    case "now":
      return slot.from
    case "value":
      return `${slot.from} ${slot.index}`
  }
}

/** What a slot is filled from. */
export interface Binding {
  readonly principal: Principal
  readonly now: Date
  readonly values: readonly SqlValue[]
}

/** The values to bind in one call, in the order of the slots. Throws an Error when the call gives fewer values than the text needs. */
export function bind(slots: readonly Slot[], call: Binding): SqlValue[] {
  return slots.map((slot) => fill(slot, call))
}

function fill(slot: Slot, call: Binding): SqlValue {
  switch (slot.from) {
    case "literal":
      return slot.value
    case "principal": {
      const value = attributeOf(call.principal, slot.attribute)
      const own = typeof value === "number" ? "number" : typeof value === "boolean" ? "bool" : "text"
      return storedValue(slot.as ?? own, value)
    }
    case "now":
      return call.now.toISOString()
    case "value": {
      const value = call.values[slot.index]
      if (value === undefined) throw new Error(`The text needs value ${slot.index} of ${call.values.length} given`)
      return value
    }
  }
}

/** An SQL identifier in quotes. */
export function quote(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`
}

/**
 * Everything of a principal that folding depends on: its kind, its roles, the names of the attributes that it has. Principals of one
 * shape share a statement's text. Roles come from tokens: a cache that is keyed by shapes needs a bound.
 */
export function principalShape(principal: Principal): string {
  if (principal.kind !== "user") return principal.kind
  const present = Object.entries(principal.attributes ?? {}).filter(([, value]) => value !== undefined)
  return JSON.stringify([principal.kind, [...new Set(principal.roles)].sort(), present.map(([name]) => name).sort()])
}
