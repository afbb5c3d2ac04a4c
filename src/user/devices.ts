/** The devices that somebody signed in on: each has a throttle bucket of its own. Refuses to grow: the one that was not seen for the longest time goes. */
import type { Turn } from "./turn.ts"

const devicesMax = 50

/** Knows a device from now on. */
export function rememberDevice(turn: Turn, id: string, label: string | null): void {
  turn.sql.exec(
    `insert into "devices" values (?1, ?2, ?3, ?3)
     on conflict ("id") do update set "label" = coalesce(excluded."label", "label"), "seenAt" = excluded."seenAt"`,
    id,
    label,
    turn.now,
  )
  turn.sql.exec(
    `delete from "devices" where "id" in (select "id" from "devices" order by "seenAt" desc limit -1 offset ${devicesMax})`,
  )
}

/** The devices whose sign-ins have throttle buckets of their own. */
export function listDevices(sql: SqlStorage): { id: string; label: string | null; firstAt: number; seenAt: number }[] {
  return sql
    .exec<{ id: string; label: string | null; firstAt: number; seenAt: number }>(
      'select * from "devices" order by "seenAt" desc',
    )
    .toArray()
}
