/** One alarm for many things: what is due next, and what an alarm clears. Refuses to wake the object more than once an hour for cleaning alone. */
import { sweepKeys } from "./api-keys.ts"
import { sweepApprovals } from "./approvals.ts"
import { sweepCommands } from "./commands.ts"
import { sweepChallenges } from "./factors.ts"
import { sweepInbox } from "./inbox.ts"
import { sweepGrants } from "./oauth-grants.ts"
import { sweepSpent } from "./oauth-spent.ts"
import { sweepTokens } from "./one-time.ts"
import { sweepPending } from "./pending.ts"
import { sweepSessions } from "./sessions.ts"
import { lastingBuckets, sweepThrottle } from "./throttle.ts"
import { numberOf, setNumber, type Turn } from "./turn.ts"

const hourMs = 3600_000
const dayMs = 24 * hourMs
const never = Number.MAX_SAFE_INTEGER
const lasting = lastingBuckets.map((name) => `'${name}'`).join(", ")

/** When the object has something to do: retries at their instant, cleaning at the hour after the earliest expiry. null: nothing. */
export function nextDue(sql: SqlStorage): number | null {
  const { soon, clean } = sql
    .exec<{ soon: number; clean: number }>(
      `select
         min(
           coalesce((select min("value") from "numbers" where "name" in ('hubAt', 'logAt')), ${never}),
           coalesce((select min("until") from "sockets"), ${never})
         ) "soon",
         min(
           coalesce((select min(min("lastSeenAt" + "idleMs", "hardAt")) from "sessions"), ${never}),
           coalesce((select min("expiresAt") from "tickets"), ${never}),
           coalesce((select min("expiresAt") from "tokens"), ${never}),
           coalesce((select min(coalesce("expiresAt", "revokedAt" + ${30 * dayMs}, ${never})) from "keys"), ${never}),
           coalesce((select min("expiresAt") from "grants"), ${never}),
           coalesce((select min("expiresAt") from "oauth"), ${never}),
           coalesce((select min("expiresAt") from "approvals"), ${never}),
           coalesce((select min("at") + ${dayMs} from "commands"), ${never}),
           coalesce((select min("at") + ${180 * dayMs} from "notices"), ${never}),
           coalesce((select min("until") from "challenges"), ${never}),
           coalesce((select min("expiresAt") from "pending"), ${never}),
           coalesce((select min("lastAt") + ${dayMs} from "buckets" where "name" not in (${lasting})), ${never})
         ) "clean"`,
    )
    .one()
  const cleaning = clean === never ? never : (Math.floor(clean / hourMs) + 1) * hourMs
  const due = Math.min(soon, cleaning)
  return due === never ? null : due
}

/** Remembers that the alarm stands at the next due instant. Gives that instant when it has to be set, null when the alarm comes early enough. */
export function rearm(sql: SqlStorage): number | null {
  const due = nextDue(sql)
  if (due === null) return null
  const armed = numberOf(sql, "armedAt")
  if (armed !== null && armed <= due) return null
  setNumber(sql, "armedAt", due)
  return due
}

/** The alarm has fired: none stands any more. Clears what has expired. */
export function sweep(turn: Turn): void {
  setNumber(turn.sql, "armedAt", null)
  sweepSessions(turn)
  sweepThrottle(turn)
  sweepTokens(turn)
  sweepChallenges(turn)
  sweepPending(turn)
  sweepKeys(turn)
  sweepGrants(turn)
  sweepSpent(turn)
  sweepApprovals(turn)
  sweepCommands(turn)
  sweepInbox(turn)
}
