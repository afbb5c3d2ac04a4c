/**
 * Sign-ins whose first proof held and that wait for the second factor: five minutes, under the hash of their ticket, without any right. Refuses to
 * say whether a ticket was used, is over or never was.
 */
import type { PendingSignIn } from "../core/factors.ts"
import type { NewSession } from "../core/user-object.ts"
import { factorMethods } from "./factors.ts"
import type { SessionToMake } from "./sessions.ts"
import type { Turn } from "./turn.ts"

const pendingMs = 5 * 60_000
/** Whoever knows the password may begin more than one sign-in at a time, but not any number. */
const pendingMax = 20

/** Keeps a session waiting. null when it has no ticket. */
export function keepPending({ sql, now }: Turn, session: NewSession): PendingSignIn | null {
  const { key: _, account: __, ticket, isWhole: ___, ...rest } = session
  if (ticket === undefined) return null
  const expiresAt = now + pendingMs
  sql.exec('insert into "pending" values (?, ?, ?, ?, ?)', ticket, session.sid, JSON.stringify(rest), now, expiresAt)
  sql.exec(
    `delete from "pending" where "ticket" in
       (select "ticket" from "pending" order by "createdAt" desc, rowid desc limit -1 offset ${pendingMax})`,
  )
  return { methods: factorMethods(sql), expiresAt }
}

/** The session that waits under a ticket; null when none does. */
export function findPending({ sql, now }: Turn, ticket: string): SessionToMake | null {
  const row = sql
    .exec<{ session: string }>('select "session" from "pending" where "ticket" = ? and "expiresAt" > ?', ticket, now)
    .toArray()[0]
  return row === undefined ? null : JSON.parse(row.session)
}

/** The wait is over: the ticket opens nothing any more. */
export function endPending(sql: SqlStorage, ticket: string): void {
  sql.exec('delete from "pending" where "ticket" = ?', ticket)
}

/**
 * Ends the waits that were begun before an instant.
 * @param createdBefore in ms
 */
export function dropPending(sql: SqlStorage, createdBefore = Number.MAX_SAFE_INTEGER): void {
  sql.exec('delete from "pending" where "createdAt" < ?', Math.min(createdBefore, Number.MAX_SAFE_INTEGER))
}

/** Clears what is over. */
export function sweepPending({ sql, now }: Turn): void {
  sql.exec('delete from "pending" where "expiresAt" <= ?', now)
}
