/** Preferences: small JSON by name. Refuses what would grow: odd names, values over 4 KiB, more than a hundred. */
import type { Json, JsonObject } from "../core/json.ts"

const nameForm = /^[a-zA-Z][a-zA-Z0-9._-]{0,63}$/
const valueBytesMax = 4096
const namesMax = 100

/** All of them. */
export function getPreferences(sql: SqlStorage): JsonObject {
  const rows = sql.exec<{ name: string; value: string }>('select * from "preferences" order by "name"').toArray()
  return Object.fromEntries(rows.map(({ name, value }) => [name, JSON.parse(value)]))
}

/** Sets one; null removes it. False when a bound is reached. */
export function setPreference(sql: SqlStorage, name: string, value: Json): boolean {
  if (!nameForm.test(name)) return false
  if (value === null) {
    sql.exec('delete from "preferences" where "name" = ?', name)
    return true
  }
  const text = JSON.stringify(value)
  if (text === undefined || new TextEncoder().encode(text).length > valueBytesMax) return false
  const { others } = sql
    .exec<{ others: number }>('select count(*) "others" from "preferences" where "name" <> ?', name)
    .one()
  if (others >= namesMax) return false
  sql.exec('insert or replace into "preferences" values (?, ?)', name, text)
  return true
}
