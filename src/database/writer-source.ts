/**
 * Where the statements of a write find its values: in bound parameters (one record) or in the elements of one JSON parameter (a set).
 * A builder written against `Source` makes both forms from one text. Refuses nothing; it only names places.
 */
import type { PredicateScope } from "../authorization/sql.ts"
import { bind, type Parameters, parameters, type Slot, type SqlValue, usedSlots } from "../authorization/statement.ts"
import type { Model, Models } from "../core/model.ts"
import type { Principal } from "../core/principal.ts"
import type { Statement } from "./client.ts"
import { shapeOf } from "./statement-cache.ts"

/** Positions in the value list that a statement is bound with. */
export const at = {
  actor: 0,
  impersonator: 1,
  reason: 2,
  operation: 3,
  requestId: 4,
  payload: 5,
  event: 6,
  changed: 7,
  version: 8,
  base: 9,
  first: 10,
} as const

/** For a set: how many records it has. Stands where a single write has its event's id. */
export const countAt = at.event

/** Positions in an element of a set's payload. */
export const element = { id: 0, event: 1, changed: 2, version: 3, first: 4 } as const

/** A statement whose text is kept and whose parameters are bound a call. */
export interface Prepared {
  readonly sql: string
  readonly slots: readonly Slot[]
  /** Parameters that hold an attribute of the caller where the write itself is guarded by another principal. */
  readonly caller: readonly { readonly position: number; readonly slot: Slot }[]
}

/** The two principals of a write and the instant: everything that binding needs beside the values. */
export interface Binding {
  readonly as: Principal
  readonly caller: Principal
  readonly now: Date
}

const callerMark = "\u0000caller:"

/** Closes a statement's text with the parameters that it used. */
export function prepared(sql: string, from: Parameters): Prepared {
  const caller: { position: number; slot: Slot }[] = []
  from.slots.forEach((slot, position) => {
    if (slot.from !== "principal" || !slot.attribute.startsWith(callerMark)) return
    caller.push({ position, slot: { ...slot, attribute: slot.attribute.slice(callerMark.length) } })
  })
  // Folding may have added values that no text names, and D1 wants exactly as many as the text names.
  const slots = usedSlots(sql, from.slots)
  return { sql, slots, caller: caller.filter(({ position }) => position < slots.length) }
}

/** Binds a kept statement for one call. */
export function bound(statement: Prepared, binding: Binding, values: readonly SqlValue[]): Statement {
  const binds = bind(statement.slots, { principal: binding.as, now: binding.now, values })
  for (const { position, slot } of statement.caller) {
    binds[position] = bind([slot], { principal: binding.caller, now: binding.now, values: [] })[0] ?? null
  }
  return { sql: statement.sql, binds }
}

/** Slots of one statement that speak of the caller, though the statement is bound for the principal that guards the write. */
export function callerParameters(own: Parameters): Parameters {
  return {
    add: (slot) => own.add(slot.from === "principal" ? { ...slot, attribute: callerMark + slot.attribute } : slot),
    get slots() {
      return own.slots
    },
  }
}

/** Everything that decides the text of a write's statements. */
export interface Outline {
  readonly models: Models
  readonly model: Model
  readonly as: Principal
  readonly caller: Principal
  /** Given property names, in the table's order; for a set, those that any record gives. */
  readonly given: readonly string[]
  /** Of these, the ones that some records of the set leave out. */
  readonly partial: readonly string[]
  readonly set: boolean
  /** At least one record must have a stated version. */
  readonly versioned: boolean
  /** A guard aborts the batch when the write is refused; without it an empty answer tells. */
  readonly guarded: boolean
  /** The write answers its row itself (RETURNING): nothing is written after it. */
  readonly returning: boolean
}

/** The cache key of an outline's statements. */
export function outlineKey(kind: string, outline: Outline): string {
  const flags = `${outline.set ? "s" : ""}${outline.versioned ? "v" : ""}${outline.guarded ? "g" : ""}${outline.returning ? "r" : ""}`
  const who = shapeOf(outline.as) + (outline.as === outline.caller ? "" : `\n${shapeOf(outline.caller)}`)
  return `${kind}\n${outline.model.name}\n${flags}\n${outline.given.join()}\n${outline.partial.join()}\n${who}`
}

/** Scope of a predicate about the row of this write, for the principal that guards it. */
export function writeScope(
  outline: Outline,
  own: Parameters,
  substitute?: ReadonlyMap<string, string>,
): PredicateScope {
  const scope = {
    models: outline.models,
    model: outline.model,
    alias: outline.model.table,
    parameters: own,
    principal: outline.as,
    one: !outline.set,
  }
  return substitute ? { ...scope, substitute } : scope
}

/** Scope of the answer about the row of this write: what the caller may see of it. */
export function answerScope(outline: Outline, own: Parameters): PredicateScope {
  const { models, model, as, caller } = outline
  return {
    models,
    model,
    alias: model.table,
    parameters: as === caller ? own : callerParameters(own),
    principal: caller,
    one: !outline.set,
  }
}

/** Names of the places where one write's values stand, as SQL. */
export interface Source {
  /** What to select from, or null when the values are parameters. */
  readonly from: string | null
  readonly id: string
  readonly event: string
  readonly changed: string
  readonly version: string
  /** Text of the write's position in the batch. */
  readonly position: string
  /** The n-th value, raw. */
  value(index: number): string
  /** SQL that is 1 when the n-th partial value is given. */
  given(index: number): string
}

/** A parameter that holds the value at a position of the list. */
export function valueSlot(own: Parameters, index: number): string {
  return own.add({ from: "value", index })
}

/**
 * The source of an outline's values inside one statement.
 * @param width how many column values a record carries; the flags of partial columns follow them
 */
export function sourceOf(outline: Pick<Outline, "set">, own: Parameters, width: number): Source {
  return outline.set ? setSource(own, width) : singleSource(own)
}

/** Places are asked for when they are needed, so that a statement has no parameter that its text lacks. */
function singleSource(own: Parameters): Source {
  return {
    from: null,
    get id() {
      return valueSlot(own, at.payload)
    },
    get event() {
      return valueSlot(own, at.event)
    },
    get changed() {
      return valueSlot(own, at.changed)
    },
    get version() {
      return valueSlot(own, at.version)
    },
    get position() {
      return valueSlot(own, at.base)
    },
    value: (index) => valueSlot(own, at.first + index),
    given: () => "1",
  }
}

function setSource(own: Parameters, width: number): Source {
  const take = (index: number): string => `("$given"."value" ->> ${index})`
  return {
    from: `json_each(${valueSlot(own, at.payload)}) as "$given"`,
    id: take(element.id),
    event: take(element.event),
    changed: take(element.changed),
    version: take(element.version),
    get position() {
      return `(cast(${valueSlot(own, at.base)} as integer) + "$given"."key")`
    },
    value: (index) => take(element.first + index),
    given: (index) => take(element.first + width + index),
  }
}

/** A fresh list of parameters with the source that uses it. */
export function openStatement(outline: Pick<Outline, "set">, width: number): { own: Parameters; source: Source } {
  const own = parameters()
  return { own, source: sourceOf(outline, own, width) }
}
