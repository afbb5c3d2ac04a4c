/**
 * The lock: which number each field and value has, for ever. It is committed, only ever appended to, and what is removed stays reserved; a type that
 * changes under its number is drift, refused by name.
 */
import type { ProtoLock } from "../../core/proto-lock.ts"
import type { Description, FieldType, MessageField } from "./messages.ts"

/** A lock of nothing. */
export const emptyLock: ProtoLock = { messages: {}, enums: {} }

/** The type of a field as the lock remembers it. */
export function typeText({ type, repeated }: Pick<MessageField, "type" | "repeated">): string {
  const text = (one: FieldType): string => (one.kind === "map" ? `map<string,${text(one.value)}>` : one.name)
  return repeated ? `repeated ${text(type)}` : text(type)
}

/** Numbers that Protocol Buffers keeps for itself. */
const firstKept = 19_000
const lastKept = 19_999

function nextNumber(taken: Iterable<number>): number {
  const next = Math.max(0, ...taken) + 1
  return next >= firstKept && next <= lastKept ? lastKept + 1 : next
}

/** Where a description and its lock differ; empty when they agree. */
export function driftOf(lock: ProtoLock, description: Description): string[] {
  const found: string[] = []
  for (const [name, fields] of description.messages) {
    for (const field of fields) {
      const known = lock.messages[name]?.fields[field.name]
      if (!known) found.push(`${name}.${field.name} has no number`)
      else if (known.type !== typeText(field))
        found.push(`${name}.${field.name} was ${known.type} and is ${typeText(field)}`)
    }
  }
  for (const [name, values] of description.enums)
    for (const value of values)
      if (lock.enums[name]?.values[value] === undefined) found.push(`${name}.${value} has no number`)
  return found
}

type Numbers = Record<string, number>

/** Numbers for names: the known ones, and new ones for what is new. A name that comes back gets a new number: its old one is spent. */
function appended(known: Readonly<Numbers>, reserved: Readonly<Numbers>, names: readonly string[]) {
  const kept: Numbers = {}
  const spent: Numbers = { ...reserved }
  for (const [name, number] of Object.entries(known)) {
    if (names.includes(name)) kept[name] = number
    else spent[`${name}${Object.hasOwn(spent, name) ? `#${number}` : ""}`] = number
  }
  for (const name of names) kept[name] ??= nextNumber([...Object.values(kept), ...Object.values(spent)])
  return { kept, spent }
}

/**
 * The lock with numbers for what is new and reservations for what is gone.
 * @throws Error naming every field whose type has changed: give it another name, so that old programs do not misread it
 */
export function extended(lock: ProtoLock, description: Description): ProtoLock {
  const changed = driftOf(lock, description).filter((sentence) => sentence.includes(" was "))
  if (changed.length > 0)
    throw new Error(`A field keeps its type under its number: ${changed.join("; ")}. Give what changed another name`)
  const messages: Record<string, ProtoLock["messages"][string]> = { ...lock.messages }
  for (const [name, fields] of description.messages) {
    const { fields: known = {}, reserved = {} } = lock.messages[name] ?? {}
    const numbers = Object.fromEntries(Object.entries(known).map(([field, { number }]) => [field, number]))
    const { kept, spent } = appended(
      numbers,
      reserved,
      fields.map((field) => field.name),
    )
    const typed = fields.map(
      (field) => [field.name, { number: kept[field.name] as number, type: typeText(field) }] as const,
    )
    messages[name] = { fields: Object.fromEntries(typed), reserved: spent }
  }
  const enums: Record<string, ProtoLock["enums"][string]> = { ...lock.enums }
  for (const [name, values] of description.enums) {
    const { values: known = {}, reserved = {} } = lock.enums[name] ?? {}
    const { kept, spent } = appended(known, reserved, values)
    enums[name] = { values: kept, reserved: spent }
  }
  return { messages, enums }
}
