/**
 * The seal of the log: closed stretches of events, each hashed onto the one before and sealed under a key that is not in the database. Whoever
 * writes to D1 past the trigger cannot make the chain whole again. `npm run audit:verify` recomputes all of it; this file says how.
 */
import type { KeyRing } from "../core/sealing.ts"
import { eventColumns } from "../database/log.ts"

/** A segment as it stands in `log_segments`. */
export interface Segment {
  readonly first: number
  readonly last: number
  readonly events: number
  readonly hash: string
  readonly seal: string
}

/** An event exactly as D1 gives it: JSON columns are their text. */
export type RawEvent = Readonly<Record<string, string | number | null>>

/** Events a segment, at most. */
export const segmentEvents = 1000
/** Text of the images in a segment, in characters, but for a single event that is larger. */
const segmentLength = 4_000_000
/** Younger events wait: most segments are then as long as they can be. */
const quietMs = 60_000
/** Segments a call of the chore. */
const segmentsPerCall = 20

/** What the first segment is hashed onto. */
export const noHash = "0".repeat(64)

const encoder = new TextEncoder()
const names = Array.from(eventColumns.matchAll(/"(\w+)"/g), ([, name]) => name as string)

/** The canonical line of an event: one JSON object, its members in the order of the columns. */
export function lineOf(event: RawEvent): string {
  return JSON.stringify(Object.fromEntries(names.map((name) => [name, event[name] ?? null])))
}

/** The lines as they are hashed and archived (NDJSON: each ends in a line feed). */
export function linesOf(events: readonly RawEvent[]): string {
  return events.map((event) => `${lineOf(event)}\n`).join("")
}

/** SHA-256, hex, of the hash before, the bounds, and the lines. */
export async function hashSegment(
  previous: string,
  bounds: Pick<Segment, "first" | "last" | "events">,
  lines: string,
): Promise<string> {
  const { first, last, events } = bounds
  const text = `selvage.log.1\n${previous}\n${first} ${last} ${events}\n${lines}`
  return hex(await crypto.subtle.digest("SHA-256", encoder.encode(text)))
}

/** Makes and checks seals. */
export interface LogSeal {
  seal(previous: string, segment: Omit<Segment, "seal">): Promise<string>
  /** False for another text, under a key that is not in the ring, or for what is no seal at all. */
  verifies(previous: string, segment: Segment): Promise<boolean>
}

/**
 * Seals: `<key id>.<HMAC-SHA-256, hex>`, under keys that are derived (HKDF, RFC 5869) from the ring for this purpose alone.
 * @param ring KEK
 */
export function logSeal(ring: KeyRing): LogSeal {
  const derived = new Map<string, Promise<CryptoKey>>()
  const keyOf = (id: string): Promise<CryptoKey> | null => {
    const bytes = ring.keys.get(id)
    if (bytes === undefined) return null
    let key = derived.get(id)
    if (!key) derived.set(id, (key = deriveKey(bytes)))
    return key
  }
  const text = (keyId: string, previous: string, { first, last, events, hash }: Omit<Segment, "seal">) =>
    encoder.encode(`selvage.log.seal.1\n${keyId}\n${previous}\n${first} ${last} ${events}\n${hash}`)
  return {
    async seal(previous, segment) {
      const key = await keyOf(ring.current)
      if (key === null) throw new Error("The key ring has no current key")
      return `${ring.current}.${hex(await crypto.subtle.sign("HMAC", key, text(ring.current, previous, segment)))}`
    },
    async verifies(previous, segment) {
      const [, id, mac] = /^([A-Za-z0-9_-]{1,16})\.([0-9a-f]{64})$/.exec(segment.seal) ?? []
      const key = id === undefined ? null : await keyOf(id)
      if (!key || id === undefined || mac === undefined) return false
      return crypto.subtle.verify("HMAC", key, bytesOf(mac), text(id, previous, segment))
    },
  }
}

async function deriveKey(bytes: Uint8Array): Promise<CryptoKey> {
  const master = await crypto.subtle.importKey("raw", bytes as BufferSource, "HKDF", false, ["deriveKey"])
  return crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info: encoder.encode("selvage.log.seal.1") },
    master,
    { name: "HMAC", hash: "SHA-256", length: 256 },
    false,
    ["sign", "verify"],
  )
}

function hex(buffer: ArrayBuffer): string {
  return Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("")
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}

/** The events of a segment in their order: what it is hashed, verified and archived from. */
export const segmentSql = `select ${eventColumns} from "events" where "sequence" >= cast(?1 as integer) and "sequence" <= cast(?2 as integer) order by "sequence"`

const size = "length(coalesce(\"before\", '')) + length(coalesce(\"after\", ''))"
const openSql =
  `select ${eventColumns}, "total", "own" from (select ${eventColumns}, ${size} as "own", sum(${size}) over (order by "sequence") as "total" ` +
  `from (select ${eventColumns} from "events" where "sequence" > cast(?1 as integer) order by "sequence" limit ${segmentEvents + 1})) ` +
  `where "total" - "own" < ${segmentLength} order by "sequence"`

const insertSql =
  'insert into "log_segments" ("first", "last", "events", "hash", "seal", "sealedAt") ' +
  "select cast(?1 as integer), cast(?2 as integer), cast(?3 as integer), ?4, ?5, ?6 " +
  // Of two isolates that seal at once, one finds the chain as it read it.
  'where coalesce((select max("last") from "log_segments"), 0) = cast(?7 as integer)'

/** What sealing and archiving work with. */
export interface LogKeeping {
  readonly database: D1Database
  readonly ring: KeyRing
}

/**
 * Closes what can be closed: full segments, and events older than a minute. Bounded; what is left waits for the next call.
 * @returns how many segments were sealed
 */
export async function sealLog({ database, ring }: LogKeeping, now: Date): Promise<number> {
  const session = database.withSession("first-primary")
  const seal = logSeal(ring)
  const head = 'select "last", "hash" from "log_segments" order by "last" desc limit 1'
  let { last, hash } = (await session.prepare(head).first<Pick<Segment, "last" | "hash">>()) ?? {
    last: 0,
    hash: noHash,
  }
  for (let count = 0; count < segmentsPerCall; count++) {
    const { results } = await session.prepare(openSql).bind(last).all<Record<string, string | number | null>>()
    const closed = closable(results, now)
    const [first, end] = [closed[0]?.sequence, closed.at(-1)?.sequence]
    if (typeof first !== "number" || typeof end !== "number") return count
    const bounds = { first, last: end, events: closed.length }
    const made = await hashSegment(hash, bounds, linesOf(closed))
    const sealed = await seal.seal(hash, { ...bounds, hash: made })
    const { meta } = await session
      .prepare(insertSql)
      .bind(first, end, closed.length, made, sealed, now.toISOString(), last)
      .run()
    if (meta.changes === 0) return count
    ;({ last, hash } = { last: end, hash: made })
  }
  return segmentsPerCall
}

/** The events that make the next segment: all that fit when more follow, else those that are older than a minute. */
function closable(rows: readonly RawEvent[], now: Date): readonly RawEvent[] {
  const isFull = rows.length > segmentEvents || Number(rows.at(-1)?.total) >= segmentLength
  if (isFull) return rows.slice(0, segmentEvents)
  const quiet = new Date(now.getTime() - quietMs).toISOString()
  const young = rows.findIndex(({ at }) => String(at) > quiet)
  return young === -1 ? rows : rows.slice(0, young)
}
