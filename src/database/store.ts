/** The Store of one call: a D1 session, read by plans and written by batches. */
import type { Ids } from "../core/context.ts"
import type { TenantRule } from "../core/log.ts"
import { type Models, modelOf } from "../core/model.ts"
import type { Store, StoreSession } from "../core/ports.ts"
import { openClient } from "./client.ts"
import { openLogReads } from "./log-reads.ts"
import { openReader, type Reader } from "./reader.ts"
import { rowWithSecrets } from "./secrets.ts"
import type { Touching } from "./touching.ts"
import { openWriter, type Writer } from "./writer.ts"

/** What every call's store shares. */
export interface StoreOptions {
  readonly database: D1Database
  readonly models: Models
  readonly cursorSecret: string
  readonly ids: Ids
  /** Who reads a tenant's log; administrators only when null or left out. */
  readonly logTenant?: TenantRule
  /** Hears at once what commits have touched. */
  readonly touching?: Touching
}

/** Opens a store. Throws INVALID_ARGUMENT for a malformed bookmark; everything else it throws is a `Problem` too. */
export function openStore(options: StoreOptions, session: StoreSession): Store {
  const client = openClient(options.database, session)
  const { models, cursorSecret, ids, logTenant: rule = null, touching = null } = options
  // Most calls only read or only write; the other half is never made.
  let reader: Reader | null = null
  let writer: Writer | null = null
  const reads = (): Reader => (reader ??= openReader({ client, models, cursorSecret }))
  const writes = (): Writer => (writer ??= openWriter({ client, models, ids, touching }))
  return {
    list: (plan, reading) => reads().list(plan, reading),
    get: (plan, reading) => reads().get(plan, reading),
    aggregate: (plan, reading) => reads().aggregate(plan, reading),
    permits: (resource, id, action, reading) => reads().permits(resource, id, action, reading),
    explain: (resource, id, action, reading) => reads().explain(resource, id, action, reading),
    commit: (batch) => writes().commit(batch),
    rehearse: (batch) => writes().rehearse(batch),
    replay: (key, inputHash, now) => writes().replay(key, inputHash, now),
    withSecrets: (resource, column, value) => rowWithSecrets(client, modelOf(models, resource), column, value),
    get log() {
      return openLogReads({ client, models, cursorSecret, rule })
    },
    bookmark: () => client.bookmark(),
    position: () => client.position(),
    cost: client.cost,
  }
}
