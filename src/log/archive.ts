/**
 * Retention: whole sealed segments that are old enough go to R2 as gzipped NDJSON, are read back and held against their hash, and only then leave
 * D1, in the one batch that the trigger admits. Refuses to archive a segment that is not what was sealed: such a finding is for the operator.
 */
import {
  hashSegment,
  type LogKeeping,
  linesOf,
  logSeal,
  noHash,
  type RawEvent,
  type Segment,
  segmentSql,
} from "./seal.ts"

/** Where old segments go; retention and archive are configured together. */
export interface Retention {
  /** Days that an event stays in D1; null: for ever. */
  readonly days: number | null
  readonly archive: R2Bucket | null
}

/** Segments a call: two requests to R2 and a batch each. */
const segmentsPerCall = 20

const dayMs = 86_400_000

/** Name of a segment in the archive. */
export function archiveName({ first, last }: Pick<Segment, "first" | "last">): string {
  return `log/${first}-${last}.ndjson.gz`
}

/**
 * Archives and prunes what is old enough, oldest first. Bounded; what is left waits for the next call.
 * @returns how many segments left D1
 * @throws Error when a segment is not what was sealed, or does not come back from the archive as it went
 */
export async function pruneLog(keeping: LogKeeping & Retention, now: Date): Promise<number> {
  const { days, archive } = keeping
  if (days === null || archive === null) return 0
  const before = new Date(now.getTime() - days * dayMs).toISOString()
  for (let count = 0; count < segmentsPerCall; count++) {
    if (!(await pruneOldest(keeping, archive, before, now))) return count
  }
  return segmentsPerCall
}

type Kept = Segment & { readonly previous: string | null; readonly archivedAt: string | null }

// Segments go in their order, so the oldest one that stands holds the oldest event.
const oldestSql =
  'select "first", "last", "events", "hash", "seal", "archivedAt", ' +
  '(select "p"."hash" from "log_segments" as "p" where "p"."last" < "log_segments"."first" order by "p"."last" desc limit 1) as "previous" ' +
  'from "log_segments" where "last" >= (select min("sequence") from "events") and "prunedAt" is null ' +
  // One look-up says that nothing is due: this is asked each minute.
  'and (select "at" from "events" where "sequence" = "log_segments"."last") < ?1 order by "last" limit 1'

async function pruneOldest(keeping: LogKeeping, archive: R2Bucket, before: string, now: Date): Promise<boolean> {
  const session = keeping.database.withSession("first-primary")
  const segment = await session.prepare(oldestSql).bind(before).first<Kept>()
  if (segment === null) return false
  const { first, last } = segment
  const { results: events } = await session.prepare(segmentSql).bind(first, last).all<Record<string, string | number>>()
  if (events.some(({ at }) => String(at) >= before)) return false
  const lines = linesOf(events)
  await checkSegment(keeping, segment, events, lines)
  await store(archive, archiveName(segment), lines)
  const at = now.toISOString()
  const mark =
    'update "log_segments" set "archive" = ?2, "archivedAt" = ?3 where "first" = cast(?1 as integer) and "archivedAt" is null'
  await session.prepare(mark).bind(first, archiveName(segment), at).run()
  await session.batch([
    session
      .prepare(
        'update "log_segments" set "prunedAt" = ?2 where "first" = cast(?1 as integer) and "archivedAt" is not null and "prunedAt" is null',
      )
      .bind(first, at),
    session
      .prepare('delete from "events" where "sequence" >= cast(?1 as integer) and "sequence" <= cast(?2 as integer)')
      .bind(first, last),
  ])
  return true
}

async function checkSegment({ ring }: LogKeeping, segment: Kept, events: readonly RawEvent[], lines: string) {
  const previous = segment.previous ?? noHash
  const bounds = { first: segment.first, last: segment.last, events: events.length }
  const isSame = (await hashSegment(previous, bounds, lines)) === segment.hash
  if (!isSame || !(await logSeal(ring).verifies(previous, segment)))
    throw new Error(
      `Segment ${segment.first}-${segment.last} of the log is not what was sealed; it stays. npm run audit:verify`,
    )
}

async function store(archive: R2Bucket, name: string, lines: string): Promise<void> {
  const packed = await new Response(new Blob([lines]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer()
  await archive.put(name, packed, { httpMetadata: { contentType: "application/x-ndjson", contentEncoding: "gzip" } })
  const back = await archive.get(name)
  if (back === null || (await unpack(back.body)) !== lines)
    throw new Error(`${name} did not come back from the archive as it went; nothing was pruned`)
}

/** The lines of an archived segment. */
export async function unpack(packed: ReadableStream): Promise<string> {
  return new Response(packed.pipeThrough(new DecompressionStream("gzip"))).text()
}
