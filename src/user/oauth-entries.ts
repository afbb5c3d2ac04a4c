/**
 * The storage of the OAuth provider inside a user's object: shaped like the KV namespace that the provider expects, over a table of the object.
 * What it writes is held back until its call is done, so that a call takes effect as a whole, in one transaction, or not at all.
 */
import type { GrantClient } from "../core/oauth.ts"

/** A value that is to be written. */
export interface HeldEntry {
  readonly value: string
  /** JSON by which the provider finds grants without reading them; null when it gave none. */
  readonly metadata: string | null
  /** Seconds from now; null: no end of its own. */
  readonly seconds: number | null
}

/** What the provider sees, and what it wants written: null deletes. */
export interface Entries {
  readonly kv: KVNamespace
  readonly held: ReadonlyMap<string, HeldEntry | null>
}

/** How long a code lives is the provider's own rule and longer than ours: what it keeps for a code ends with ours. */
const providerCodeSeconds = 600

type Row = { key: string; value: string; metadata: string | null }
type Options = { expirationTtl?: number; expiration?: number; metadata?: unknown }

/**
 * The provider accepts the last refresh token a second time, for clients that lost its answer. Which of two answers counts is decided here
 * instead (oauth-spent.ts), so what it keeps for that is left out.
 */
function withoutPrevious(key: string, value: string): string {
  if (!key.startsWith("grant:")) return value
  const { previousRefreshTokenId: _id, previousRefreshTokenWrappedKey: _key, ...grant } = JSON.parse(value)
  return JSON.stringify(grant)
}

function secondsOf(options: Options, codeSeconds: number): number | null {
  if (options.expirationTtl === providerCodeSeconds) return codeSeconds
  if (options.expirationTtl !== undefined) return options.expirationTtl
  // The provider reads the clock of the machine; the object has its own.
  return options.expiration === undefined ? null : options.expiration - Math.floor(Date.now() / 1000)
}

/**
 * Opens the storage for one call.
 * @param client the one client that the provider may know in this call
 */
export function entriesOver(
  sql: SqlStorage,
  now: number,
  client: Pick<GrantClient, "id" | "record">,
  codeSeconds: number,
): Entries {
  const held = new Map<string, HeldEntry | null>()
  const read = (key: string): string | null => {
    if (key === `client:${client.id}`) return client.record
    const pending = held.get(key)
    if (pending !== undefined) return pending?.value ?? null
    const row = sql.exec<Row>('select * from "oauth" where "key" = ? and "expiresAt" > ?', key, now).toArray()[0]
    return row?.value ?? null
  }
  const kv = {
    async get(key: string, options?: { type?: string } | string) {
      const value = read(key)
      const type = typeof options === "object" ? options.type : options
      return value !== null && type === "json" ? JSON.parse(value) : value
    },
    async put(key: string, value: string, options: Options = {}) {
      const metadata = options.metadata === undefined ? null : JSON.stringify(options.metadata)
      held.set(key, { value: withoutPrevious(key, value), metadata, seconds: secondsOf(options, codeSeconds) })
    },
    async delete(key: string) {
      held.set(key, null)
    },
    /** All at once: a user has at most a hundred grants, and their tokens end within the hour. */
    async list({ prefix = "" }: { prefix?: string }) {
      const found = new Map<string, string | null>()
      const named = '"key" >= ?1 and "key" < ?1 || \'~\''
      const rows = sql.exec<Row>(`select * from "oauth" where ${named} and "expiresAt" > ?2`, prefix, now)
      for (const { key, metadata } of rows) found.set(key, metadata)
      for (const [key, entry] of held) {
        if (!key.startsWith(prefix)) continue
        if (entry === null) found.delete(key)
        else found.set(key, entry.metadata)
      }
      const keys = [...found].map(([name, metadata]) => ({
        name,
        ...(metadata === null ? {} : { metadata: JSON.parse(metadata) }),
      }))
      return { keys, list_complete: true }
    },
  }
  return { kv: kv as unknown as KVNamespace, held }
}
