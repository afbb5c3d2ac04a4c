/**
 * Projection: the columns of a row as SQL selects them and as a caller gets them. A field whose `read` rule does not hold is absent; one
 * that no row of this principal could show is not even selected. Secret columns never come here: a model does not list them.
 */
import { fieldReadable, type PredicateScope } from "../authorization/sql.ts"
import { quote } from "../authorization/statement.ts"
import type { Json } from "../core/json.ts"
import type { Model } from "../core/model.ts"
import type { Row } from "../core/ports.ts"
import { invalid } from "../core/problem.ts"
import type { RawRow } from "./client.ts"
import { computedSql } from "./computed.ts"
import { columnSql, jsonArgument, selected } from "./wire.ts"

/** A piece of a row: what SQL selects under a name, and how the value becomes wire JSON (undefined: absent). */
export interface Piece {
  readonly key: string
  readonly sql: string
  /** null: the value travels unchanged. */
  readonly read: ((value: unknown) => Json | undefined) | null
}

/** What to select of one row, and how to read it back. */
export interface Projection {
  /** Comma separated, each `expression as "key"`. */
  readonly select: string
  decode(row: RawRow): Row
}

const toBoolean = (value: unknown): Json => (value === null ? null : value === 1)
const toJson = (value: unknown): Json => (value === null ? null : (JSON.parse(value as string) as Json))
const unmask = (value: unknown): Json | undefined =>
  value === null ? undefined : (JSON.parse(value as string) as Json[])[0]

/** The pieces of plain columns, with the principal's read masks applied. A masked value travels as a list of one, or as NULL. */
export function columnPieces(fields: readonly string[], scope: PredicateScope): Piece[] {
  const pieces: Piece[] = []
  for (const key of fields) {
    const computed = scope.model.computed.get(key)
    if (computed) {
      pieces.push({ key, sql: computedSql(computed, scope), read: computed.kind === "exists" ? toBoolean : null })
      continue
    }
    const column = scope.model.columns.get(key)
    if (!column) throw invalid("/fields", "unknown_field", `${scope.model.name} has no such field`)
    const expression = columnSql(scope.alias, column)
    const readable = fieldReadable(key, scope)
    if (readable === false) continue
    if (readable !== true) {
      pieces.push({
        key,
        sql: `case when ${readable} then json_array(${jsonArgument(column.kind, expression)}) end`,
        read: unmask,
      })
      continue
    }
    const read = column.kind.type === "bool" ? toBoolean : column.kind.type === "json" ? toJson : null
    pieces.push({ key, sql: selected(column.kind, expression), read })
  }
  return pieces
}

/**
 * Pieces put together.
 * @param hidden further selected columns that do not belong to the row (sort keys, marks), `expression as "name"`
 */
export function assemble(pieces: readonly Piece[], hidden: readonly string[] = []): Projection {
  const select = [...pieces.map((piece) => `${piece.sql} as ${quote(piece.key)}`), ...hidden].join(", ")
  // D1 makes each row anew, so a row without anything to convert is handed on as it came.
  if (hidden.length === 0 && pieces.every((piece) => piece.read === null))
    return { select, decode: (row) => row as Row }
  return {
    select,
    decode: (row) => {
      const out: Row = {}
      for (const piece of pieces) {
        const value = piece.read === null ? (row[piece.key] as Json) : piece.read(row[piece.key])
        if (value !== undefined) out[piece.key] = value
      }
      return out
    },
  }
}

/**
 * Plain columns of one row with read masks applied.
 * @throws Problem INVALID_ARGUMENT for a field that the model does not have
 */
export function project(fields: readonly string[], scope: PredicateScope): Projection {
  return assemble(columnPieces(fields, scope))
}

/** Pairs of name and value in one call of json_object or json_set: D1 allows 32 arguments a function. */
const pairsPerCall = 15

/**
 * SQL expression of one JSON object with all columns but secret ones, in wire form.
 * @param alias alias of the row's table, or `new`/`old` where those stand
 * @param options.personal false: personal columns stand as null
 * @param options.substitute property name to the SQL expression that stands for the column
 */
export function jsonImage(
  model: Model,
  alias: string,
  options: { readonly personal: boolean; readonly substitute?: ReadonlyMap<string, string> },
): string {
  const pairs = [...model.columns.values()].map((column) => {
    const expression = options.substitute?.get(column.key) ?? columnSql(alias, column)
    return [column.key, column.personal && !options.personal ? "null" : jsonArgument(column.kind, expression)] as const
  })
  let image = `json_object(${pairs
    .slice(0, pairsPerCall)
    .map(([key, value]) => `${text(key)}, ${value}`)
    .join(", ")})`
  for (let start = pairsPerCall; start < pairs.length; start += pairsPerCall) {
    const more = pairs.slice(start, start + pairsPerCall).map(([key, value]) => `${text(`$.${key}`)}, ${value}`)
    image = `json_set(${image}, ${more.join(", ")})`
  }
  return image
}

function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`
}
