/**
 * Columns: the builders that a table is declared with, and what the engine knows of a column. Every stored form is chosen so that a
 * value travels from the row to the wire unchanged: instants are RFC 3339 UTC text, bytes base64 text. Drizzle columns whose domain
 * value is not JSON (Date, bigint, Buffer) are refused, with the builder to use instead.
 */
import { type Column, is, SQL } from "drizzle-orm"
import { type AnySQLiteColumn, customType, integer, text } from "drizzle-orm/sqlite-core"
import type * as z from "zod"

/** What a column holds, as every door sees it. */
export type ColumnKind =
  | { readonly type: "id"; readonly prefix: string }
  | { readonly type: "text"; readonly maxLength: number | null }
  | { readonly type: "enum"; readonly values: readonly string[] }
  | { readonly type: "int32" | "safeint" | "int64" | "double" | "bool" | "instant" | "date" | "bytes" }
  | { readonly type: "json"; readonly schema: z.ZodType | null }

/** A column as the planner, the writer and the schema compiler read it. */
export interface ColumnFacts {
  /** Property name in the Drizzle table, which is the name on the wire. */
  readonly key: string
  /** Name in SQL, unquoted. */
  readonly name: string
  readonly kind: ColumnKind
  readonly nullable: boolean
  readonly hasDefault: boolean
  /** Recorded in events as changed, without its value, so that a person can be forgotten. */
  readonly personal: boolean
  /** Enters no answer, event, log, cache or stored answer. */
  readonly secret: boolean
  /** The engine's own (the integer key): not part of the resource. */
  readonly internal: boolean
}

type Marks = { kind?: ColumnKind; personal?: true; secret?: true; internal?: true }
type Marked = { selvage?: Marks }

const textColumn = customType<{ data: string; driverData: string }>({ dataType: () => "text" })
const integerColumn = customType<{ data: string; driverData: number }>({ dataType: () => "integer" })
const jsonColumn = customType<{ data: unknown; driverData: string }>({ dataType: () => "text" })

function mark<B>(builder: B, marks: Marks): B {
  const config = (builder as unknown as { config: Marked }).config
  config.selvage = { ...config.selvage, ...marks }
  return builder
}

/** The id of this table's records: TypeID text, `prefix_` + 26 base32 characters, sortable by time. */
export function id(prefix: string) {
  return mark(textColumn().notNull().unique(), { kind: { type: "id", prefix } })
}

/**
 * The id of another table's record.
 * @param to its id column, for the foreign key: `reference("project", () => projectTable.id)`
 */
export function reference(prefix: string, to?: () => AnySQLiteColumn) {
  const column = mark(textColumn(), { kind: { type: "id", prefix } })
  return to === undefined ? column : column.references(to)
}

/** A moment, RFC 3339 UTC with milliseconds, stored as that text (so it sorts as it reads). */
export function instant() {
  return mark(textColumn(), { kind: { type: "instant" } })
}

/** A calendar date (RFC 3339 full-date). */
export function date() {
  return mark(textColumn(), { kind: { type: "date" } })
}

/** True or false, stored as 1 or 0. */
export function boolean() {
  return mark(integer({ mode: "boolean" }), { kind: { type: "bool" } })
}

/** One of a closed list of words. */
export function enumeration<const V extends readonly [string, ...string[]]>(values: V) {
  return mark(text({ enum: values as unknown as [V[number], ...V[number][]] }), { kind: { type: "enum", values } })
}

/** A 32-bit whole number. */
export function int32() {
  return mark(integer({ mode: "number" }), { kind: { type: "int32" } })
}

/** A 64-bit whole number: decimal text on the wire, INTEGER in the row. */
export function int64() {
  return mark(integerColumn(), { kind: { type: "int64" } })
}

/** Bytes, base64 on the wire and in the row. */
export function bytes() {
  return mark(textColumn(), { kind: { type: "bytes" } })
}

/** Any JSON value, checked by a schema when one is given. */
export function json<S extends z.ZodType>(schema?: S) {
  return mark(jsonColumn().$type<z.output<S>>(), { kind: { type: "json", schema: schema ?? null } })
}

/** Marks a column as personal data: events record that it changed, never its value. */
export function personal<B>(builder: B): B {
  return mark(builder, { personal: true })
}

/** Marks a column as secret: it enters no answer, event, log or cache, and cannot be filtered, sorted or searched. */
export function secret<B>(builder: B): B {
  return mark(builder, { secret: true })
}

/**
 * The columns that every record has: the integer key that keeps full-text rowids true, the TypeID, the version that ETags and stale
 * decisions go by, and the instants of creation and last change.
 */
export function record(prefix: string) {
  return {
    rowKey: mark(integer("row_key").primaryKey(), { internal: true }),
    id: id(prefix),
    version: mark(integer({ mode: "number" }).notNull().default(1), { kind: { type: "safeint" } }),
    createdAt: instant().notNull(),
    updatedAt: instant().notNull(),
  }
}

const refusals: Record<string, string> = {
  SQLiteTimestamp: "instant()",
  SQLiteBigInt: "int64()",
  SQLiteBlobBuffer: "bytes()",
  SQLiteBlobJson: "json()",
  SQLiteNumeric: "int64() or real()",
  SQLiteNumericNumber: "int64() or real()",
  SQLiteNumericBigInt: "int64()",
}

function kindOf(column: Column, marks: Marks | undefined): ColumnKind {
  if (marks?.kind) return marks.kind
  switch (column.columnType) {
    case "SQLiteText": {
      const values = column.enumValues
      if (values && values.length > 0) return { type: "enum", values }
      return { type: "text", maxLength: (column as unknown as { length?: number }).length ?? null }
    }
    case "SQLiteInteger":
      return { type: "safeint" }
    case "SQLiteBoolean":
      return { type: "bool" }
    case "SQLiteReal":
      return { type: "double" }
    case "SQLiteTextJson":
      return { type: "json", schema: null }
    default: {
      const cure = refusals[column.columnType]
      throw new Error(
        `Column ${column.name}: ${column.columnType} does not travel as JSON${cure ? `; use ${cure}` : ""}`,
      )
    }
  }
}

/** What the engine knows of one column. Throws when the column's type does not travel as JSON. */
export function columnFacts(key: string, column: Column): ColumnFacts {
  const marks = (column as unknown as { config: Marked }).config.selvage
  if (is(column.default, SQL) || column.defaultFn !== undefined || column.onUpdateFn !== undefined) {
    throw new Error(
      `Column ${column.name}: only constant defaults are known before the write; use default(value) or a stamp`,
    )
  }
  return {
    key,
    name: column.name,
    kind: kindOf(column, marks),
    nullable: !column.notNull,
    hasDefault: column.hasDefault,
    personal: marks?.personal === true,
    secret: marks?.secret === true,
    internal: marks?.internal === true,
  }
}
