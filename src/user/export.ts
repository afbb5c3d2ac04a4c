/** All that an object holds about its user, for `me.export`. Refuses secrets: seeds, hashes and MACs stay inside. */
import type { Export } from "../core/user-object.ts"
import { listKeys } from "./api-keys.ts"
import { getPreferences } from "./preferences.ts"
import { recentEvents } from "./security-events.ts"
import { listDevices, listSessions } from "./sessions.ts"
import type { Turn } from "./turn.ts"

/** The export of one moment. */
export function exportAll({ sql, now }: Turn): Export {
  return {
    sessions: listSessions(sql, now),
    devices: listDevices(sql),
    keys: listKeys(sql, now),
    preferences: getPreferences(sql),
    events: recentEvents(sql, Number.MAX_SAFE_INTEGER),
  }
}
