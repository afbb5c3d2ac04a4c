/**
 * Verifying the log: the whole chain is computed again, from D1 and from the archive, and the first fault is told. It asks nothing of a running
 * Worker and trusts no row: what was changed by whoever has the database but not KEK does not fit.
 */
import type { KeyRing } from "../core/sealing.ts"
import { eventColumns } from "../database/log.ts"
import { archiveName } from "./archive.ts"
import { hashSegment, linesOf, logSeal, noHash, type RawEvent, type Segment } from "./seal.ts"

/** A segment with what became of it. */
export interface StoredSegment extends Segment {
  readonly archivedAt: string | null
  readonly prunedAt: string | null
}

/** Where the log is read from. */
export interface LogSource {
  /** Rows of one statement without parameters. */
  all(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>
  /** The lines of an archived segment; null when there is no such object. */
  archived(name: string): Promise<string | null>
}

/** What was found. */
export interface Verdict {
  readonly segments: number
  /** Events in them, archived ones included. */
  readonly events: number
  readonly archived: number
  /** Events that no segment holds yet: nothing is proven of them. */
  readonly unsealed: number
  /** The end of the chain: whoever notes it down can tell later that nothing was cut off. */
  readonly head: { readonly last: number; readonly hash: string } | null
  /** The first fault, with the segment where it shows; null: everything holds. */
  readonly fault: { readonly segment: string; readonly text: string } | null
}

const segmentsPerPage = 200
/** Below every sequence, those that nobody was ever given included. */
const beginning = Number.MIN_SAFE_INTEGER
/** Events in one statement, unless one segment has more. */
const eventsPerRead = 2000

const sqlNumber = (value: number): string => String(Math.trunc(value))

/** Statements of the reading: whole numbers alone stand in them. */
const statements = {
  segments: (after: number) =>
    'select "first", "last", "events", "hash", "seal", "archivedAt", "prunedAt" from "log_segments" ' +
    `where "last" > ${sqlNumber(after)} order by "last" limit ${segmentsPerPage}`,
  events: (after: number, upTo: number) =>
    `select ${eventColumns} from "events" where "sequence" > ${sqlNumber(after)} and "sequence" <= ${sqlNumber(upTo)} order by "sequence"`,
  unsealed: (after: number) => `select count(*) as "count" from "events" where "sequence" > ${sqlNumber(after)}`,
}

interface Progress {
  /** Hash and last sequence of the segment before. */
  previous: string
  last: number
  segments: number
  events: number
  archived: number
  isExpectedMet: boolean
}

/**
 * Verifies everything.
 * @param ring KEK
 * @param expected an end of the chain that was noted down before: it has to be in it still
 */
export async function verifyLog(source: LogSource, ring: KeyRing, expected: Verdict["head"] = null): Promise<Verdict> {
  const progress: Progress = {
    previous: noHash,
    last: beginning,
    segments: 0,
    events: 0,
    archived: 0,
    isExpectedMet: false,
  }
  const seal = logSeal(ring)
  const told = async (fault: Verdict["fault"]): Promise<Verdict> => {
    const { segments, events, archived, previous: hash, last } = progress
    const [tail] = await source.all(statements.unsealed(last))
    const head = segments === 0 ? null : { last, hash }
    return { segments, events, archived, unsealed: fault === null ? Number(tail?.count) : 0, head, fault }
  }
  for (;;) {
    const page = (await source.all(statements.segments(progress.last))) as unknown as readonly StoredSegment[]
    if (page.length === 0) break
    for (const group of groupsOf(page)) {
      const end = group.at(-1)?.last ?? beginning
      const events = (await source.all(statements.events(progress.last, end))) as readonly RawEvent[]
      for (const segment of group) {
        const own = events.filter(({ sequence }) => between(Number(sequence), progress.last, segment.last))
        const text = await faultOf(segment, own, progress, { source, seal })
        if (text !== null) return told({ segment: `${segment.first}-${segment.last}`, text })
        if (expected?.last === segment.last && expected.hash === segment.hash) progress.isExpectedMet = true
      }
    }
  }
  if (expected !== null && !progress.isExpectedMet)
    return told({
      segment: `-${expected.last}`,
      text: "The end of the chain that was noted down is not in it: it was cut off or made anew",
    })
  return told(null)
}

function between(sequence: number, after: number, upTo: number): boolean {
  return sequence > after && sequence <= upTo
}

/** Neighbouring segments whose events fit into one read. */
function groupsOf(page: readonly StoredSegment[]): readonly (readonly StoredSegment[])[] {
  const groups: StoredSegment[][] = []
  let room = 0
  for (const segment of page) {
    const standing = segment.prunedAt === null ? segment.events : 0
    if (room < standing || groups.length === 0) {
      groups.push([])
      room = Math.max(eventsPerRead, standing)
    }
    groups.at(-1)?.push(segment)
    room -= standing
  }
  return groups
}

/** What is wrong with a segment; null when nothing is, and then the progress stands behind it. */
async function faultOf(
  segment: StoredSegment,
  events: readonly RawEvent[],
  progress: Progress,
  { source, seal }: { readonly source: LogSource; readonly seal: ReturnType<typeof logSeal> },
): Promise<string | null> {
  const { previous, last } = progress
  if (segment.first <= last || segment.last < segment.first) return "It overlaps the segment before"
  const stray = events.filter(({ sequence }) => Number(sequence) < segment.first)
  if (stray.length > 0)
    return `${stray.length} events before it, from ${stray[0]?.sequence} on, lie in no segment: one was removed, or events were put in`
  if (!(await seal.verifies(previous, segment)))
    return "Its seal does not hold: it was forged or changed, or the segment before it was removed or changed"
  if (segment.prunedAt !== null && events.length > 0) return `${events.length} events stand where all were pruned`
  const lines = segment.prunedAt === null ? linesOf(events) : await source.archived(archiveName(segment))
  if (lines === null) return `Its archive ${archiveName(segment)} is not there`
  const count = lines.split("\n").length - 1
  if (count !== segment.events)
    return `It was sealed with ${segment.events} events and has ${count}: some were removed or put in`
  if ((await hashSegment(previous, { ...segment, events: count }, lines)) !== segment.hash)
    return "Its events are not those that were sealed: one was changed"
  progress.previous = segment.hash
  progress.last = segment.last
  progress.segments += 1
  progress.events += count
  if (segment.archivedAt !== null) progress.archived += 1
  return null
}
