/**
 * One record with its secret columns: what the engine's own operations decide on. Under no policy, so no handler and no door gets here; a
 * record that was read so never leaves as an answer.
 */
import { quote } from "../authorization/statement.ts"
import type { ColumnKind } from "../core/column.ts"
import type { Json } from "../core/json.ts"
import type { Model } from "../core/model.ts"
import type { Row } from "../core/ports.ts"
import type { Client } from "./client.ts"
import { readProblem } from "./reader.ts"
import { selected } from "./wire.ts"

function decode(kind: ColumnKind, value: unknown): Json {
  if (value === null) return null
  if (kind.type === "json") return JSON.parse(String(value)) as Json
  return kind.type === "bool" ? value === 1 : (value as Json)
}

/**
 * The record whose `column` has this value; null when there is none. One round trip.
 * @param column a unique column
 */
export async function rowWithSecrets(client: Client, model: Model, column: string, value: string): Promise<Row | null> {
  const all = [...model.columns.values(), ...model.secrets.values()]
  const by = all.find(({ key }) => key === column)
  if (by === undefined) throw new Error(`${model.name} has no column ${column}`)
  const columns = all.map(({ key, name, kind }) => `${selected(kind, quote(name))} as ${quote(key)}`).join(", ")
  const sql = `select ${columns} from ${quote(model.table)} where ${quote(by.name)} = ?1 limit 2`
  try {
    const [row, other] = await client.all({ sql, binds: [value] })
    if (other !== undefined) throw new Error(`${model.name}.${column} is not unique`)
    return row === undefined ? null : Object.fromEntries(all.map(({ key, kind }) => [key, decode(kind, row[key])]))
  } catch (thrown) {
    throw readProblem(thrown)
  }
}
