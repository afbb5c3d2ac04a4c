/** The Store of one call: a D1 session, read by plans and written by batches. */
import type { Ids } from "../core/context.ts"
import type { Models } from "../core/model.ts"
import type { Store } from "../core/ports.ts"
import { openClient } from "./client.ts"
import { openReader } from "./reader.ts"
import { openWriter } from "./writer.ts"

/** What every call's store shares. */
export interface StoreOptions {
  readonly database: D1Database
  readonly models: Models
  readonly cursorSecret: string
  readonly ids: Ids
}

/** Opens a store. Throws INVALID_ARGUMENT for a malformed bookmark; everything else it throws is a `Problem` too. */
export function openStore(
  options: StoreOptions,
  session: { readonly bookmark: string | null; readonly fresh: boolean },
): Store {
  const client = openClient(options.database, session)
  const { models, cursorSecret, ids } = options
  const reader = openReader({ client, models, cursorSecret })
  const writer = openWriter({ client, models, ids })
  return {
    list: reader.list,
    get: reader.get,
    aggregate: reader.aggregate,
    permits: reader.permits,
    explain: reader.explain,
    commit: writer.commit,
    replay: writer.replay,
    bookmark: () => client.bookmark(),
    cost: client.cost,
  }
}
