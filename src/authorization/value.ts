/**
 * Values as columns store them: the one place where a policy's value, a principal's attribute or a row's wire value becomes something
 * that can be compared. It refuses, with null, what has no form in the column; a comparison with it is UNKNOWN.
 */
import type { ColumnKind } from "../core/column.ts"

/** How a column's values compare. */
export type Comparand = "text" | "number" | "int64" | "bool"

const int64Max = 2n ** 63n - 1n
const int64Min = -(2n ** 63n)

/** How values of a column kind compare; null for JSON documents, which do not. Dates and instants compare as their text. */
export function comparandOf(kind: ColumnKind): Comparand | null {
  switch (kind.type) {
    case "int32":
    case "safeint":
    case "double":
      return "number"
    case "int64":
    case "bool":
      return kind.type
    case "json":
      return null
    default:
      return "text"
  }
}

/**
 * A value in the column's form: text well-formed (D1 cannot bind a lone surrogate), int64 canonical decimal text, booleans 1 or 0.
 * @returns null when the value is absent or has no such form (text for a number column, 2^63 for an int64, NaN)
 */
export function storedValue(as: Comparand, value: unknown): string | number | null {
  switch (as) {
    case "text":
      if (typeof value === "string") return value.toWellFormed()
      return typeof value === "boolean" || Number.isFinite(value) ? String(value) : null
    case "number":
      return typeof value === "number" && Number.isFinite(value) ? value : null
    case "int64":
      return storedInt64(value)
    case "bool":
      if (typeof value === "boolean") return value ? 1 : 0
      return value === 1 || value === 0 ? value : null
  }
}

function storedInt64(value: unknown): string | null {
  if (Number.isSafeInteger(value)) return String(value)
  if (typeof value !== "string" || !/^-?\d{1,19}$/.test(value)) return null
  const whole = BigInt(value)
  return whole >= int64Min && whole <= int64Max ? whole.toString() : null
}

/** Below zero, zero or above, as SQLite orders the two stored values: numbers by size, text by UTF-8 bytes. */
export function compareStored(as: Comparand, left: string | number, right: string | number): number {
  if (as === "text") return compareText(String(left), String(right))
  if (as === "int64") return order(BigInt(left), BigInt(right))
  return order(left, right)
}

function order<T extends string | number | bigint>(left: T, right: T): number {
  return left < right ? -1 : left > right ? 1 : 0
}

/** UTF-8 bytes order as code points do; JavaScript's units do not, since surrogates stand below U+E000. */
function compareText(left: string, right: string): number {
  const length = Math.min(left.length, right.length)
  for (let at = 0; at < length; at++) {
    const a = left.charCodeAt(at)
    const b = right.charCodeAt(at)
    if (a !== b) return order(byCodePoint(a), byCodePoint(b))
  }
  return order(left.length, right.length)
}

function byCodePoint(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}

const bits = new DataView(new ArrayBuffer(8))

/**
 * A finite double as whole numbers [m, e] with value = m × 2^e, exactly. SQLite reads decimal fractions of 16 and 17 digits to the
 * neighbouring double now and then (61 of 16,000 measured), so a list of doubles travels like this.
 */
export function dyadic(value: number): readonly [number, number] {
  bits.setFloat64(0, value)
  const word = bits.getBigUint64(0)
  const exponent = Number((word >> 52n) & 0x7ffn)
  const fraction = word & 0xfffffffffffffn
  const mantissa = Number(exponent === 0 ? fraction : fraction | 0x10000000000000n)
  return [value < 0 ? -mantissa : mantissa, Math.max(exponent, 1) - 1075]
}
