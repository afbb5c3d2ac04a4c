/**
 * The inbox of a user: the newest notifications, who of them was seen and read. Refuses to grow: the oldest go, and a notification that came before
 * is not kept twice.
 */
import type { InboxPage, Notice, Notification } from "../core/inbox.ts"
import type { JsonObject } from "../core/json.ts"
import type { Turn } from "./turn.ts"

const noticesMax = 500
const keptMs = 180 * 86_400_000
const mailPauseMs = 3600_000

type Row = Omit<Notice, "data"> & { readonly data: string | null } & Record<string, SqlStorageValue>

const columns = '"id", "at", "kind", "title", "body", "url", "data", "readAt"'

function opened({ data, ...rest }: Row): Notice {
  return { ...rest, data: data === null ? null : (JSON.parse(data) as JsonObject) } as Notice
}

/** Keeps a notification. Gives it, or null when it is there already. */
export function addNotice({ sql, now }: Turn, id: string, notification: Notification): Notice | null {
  const { kind, title, body = null, url = null, data } = notification
  const stored = data === undefined ? null : JSON.stringify(data)
  const made = sql
    .exec<Row>(
      `insert into "notices" (${columns}, "seenAt", "mailedAt") values (?, ?, ?, ?, ?, ?, ?, null, null, null) on conflict do nothing returning ${columns}`,
      id,
      now,
      kind,
      title,
      body,
      url,
      stored,
    )
    .toArray()[0]
  sql.exec(
    `delete from "notices" where "id" in (select "id" from "notices" order by "id" desc limit -1 offset ${noticesMax})`,
  )
  return made === undefined ? null : opened(made)
}

/**
 * A page, newest first; what is in it counts as seen from now on.
 * @param before id of the last notification of the page before
 */
export function listNotices(
  { sql, now }: Turn,
  { limit, before, unread }: { readonly limit: number; readonly before: string | null; readonly unread: boolean },
): InboxPage {
  const rows = sql
    .exec<Row>(
      `select ${columns} from "notices" where (?1 is null or "id" < ?1) and (?2 = 0 or "readAt" is null)
         order by "id" desc limit cast(?3 as integer)`,
      before,
      unread ? 1 : 0,
      limit + 1,
    )
    .toArray()
  const items = rows.slice(0, limit).map(opened)
  const ids = JSON.stringify(items.map(({ id }) => id))
  sql.exec(
    'update "notices" set "seenAt" = ?1 where "seenAt" is null and "id" in (select "value" from json_each(?2))',
    now,
    ids,
  )
  return { items, unread: unreadCount(sql), next: rows.length > limit ? (items.at(-1)?.id ?? null) : null }
}

/** One of them; null when it is not there. */
export function findNotice(sql: SqlStorage, id: string): Notice | null {
  const row = sql.exec<Row>(`select ${columns} from "notices" where "id" = ?`, id).toArray()[0]
  return row === undefined ? null : opened(row)
}

/** All of them, newest first, for a copy of everything. */
export function allNotices(sql: SqlStorage): readonly Notice[] {
  return sql.exec<Row>(`select ${columns} from "notices" order by "id" desc`).toArray().map(opened)
}

/** How many are not read. */
export function unreadCount(sql: SqlStorage): number {
  return sql.exec<{ count: number }>('select count(*) "count" from "notices" where "readAt" is null').one().count
}

/** Marks as read: those named, or all. Gives how many were unread. */
export function markRead({ sql, now }: Turn, ids: readonly string[] | "all"): number {
  const which = ids === "all" ? "1" : '"id" in (select "value" from json_each(?2))'
  const binds = ids === "all" ? [now] : [now, JSON.stringify(ids)]
  return sql
    .exec(
      `update "notices" set "readAt" = ?1, "seenAt" = coalesce("seenAt", ?1) where "readAt" is null and ${which} returning 1`,
      ...binds,
    )
    .toArray().length
}

/**
 * A notification that nobody has seen, for a letter; null when it was seen, read or is gone, and when a letter about another one went out within the
 * hour: one is enough to say that there is something to look at. The same id again gives the same.
 */
export function unseenNotice({ sql, now }: Turn, id: string): Notice | null {
  const row = sql
    .exec<Row>(
      `update "notices" set "mailedAt" = coalesce("mailedAt", ?2) where "id" = ?1 and "seenAt" is null and "readAt" is null
         and not exists (select 1 from "notices" as "other" where "other"."id" <> ?1 and "other"."mailedAt" > ?2 - ${mailPauseMs})
         returning ${columns}`,
      id,
      now,
    )
    .toArray()[0]
  return row === undefined ? null : opened(row)
}

/** Clears what is older than half a year. */
export function sweepInbox({ sql, now }: Turn): void {
  sql.exec('delete from "notices" where "at" <= ?', now - keptMs)
}
