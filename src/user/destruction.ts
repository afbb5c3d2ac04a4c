/** The end of a user's object: everything ended and owed to the hub, the last event recorded. Refuses all further sessions and keys. */
import { accountOf } from "./account.ts"
import { staleKeys } from "./api-keys.ts"
import { endGrants } from "./oauth-grants.ts"
import { record } from "./security-events.ts"
import { endAll } from "./sessions.ts"
import { raiseEpoch, type Turn } from "./turn.ts"

const destroyed = "destroyed"

/** Once; again it changes nothing. */
export function destroyAll(turn: Turn): void {
  if (accountOf(turn.sql)?.status === destroyed) return
  raiseEpoch(turn.sql)
  endAll(turn, "destroyed")
  endGrants(turn, "destroyed")
  staleKeys(turn, null)
  turn.sql.exec(`insert or replace into "account" values (1, ?, '[]', ?)`, Number.MAX_SAFE_INTEGER, destroyed)
  record(turn, "account.destroyed", {})
}
