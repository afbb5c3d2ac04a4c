/** What D1 last said of the user: roles and status. Refuses to go back to an older version. */
import type { Account } from "../core/user-object.ts"

/** The account as it was last told, or null when nobody told. */
export function accountOf(sql: SqlStorage): Account | null {
  const row = sql
    .exec<{ version: number; roles: string; status: string }>('select "version", "roles", "status" from "account"')
    .toArray()[0]
  return row === undefined ? null : { version: row.version, roles: JSON.parse(row.roles), status: row.status }
}

/** Keeps what is newer. Gives whether roles or status differ from what stood here before; false for what is old or the first. */
export function keepAccount(sql: SqlStorage, account: Account): boolean {
  const before = accountOf(sql)
  if (before !== null && before.version >= account.version) return false
  const roles = JSON.stringify(account.roles)
  sql.exec('insert or replace into "account" values (1, ?, ?, ?)', account.version, roles, account.status)
  return before === null
    ? account.status !== "active"
    : JSON.stringify(before.roles) !== roles || before.status !== account.status
}
