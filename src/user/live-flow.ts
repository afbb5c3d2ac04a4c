/**
 * How a watch flows: it opens, notes wait until it has, are judged in their order, and when facts change it opens again. What breaks in one watch ends
 * that one, told, and touches no other.
 */
import type { Event } from "../core/event.ts"
import type { Note } from "../core/live-object.ts"
import { principalId } from "../core/principal.ts"
import { asProblem, Problem } from "../core/problem.ts"
import { judged, pass, standingNow } from "./live-delivery.ts"
import type { Doors } from "./live-doors.ts"
import { concerns, type Occasion, prepare, show } from "./live-opening.ts"
import { closeCodes, type LivePorts } from "./live-ports.ts"
import { closeSeat, isOpen, save, tell } from "./live-seat.ts"
import type { Watch, Watches } from "./live-watch.ts"

/** What all watches of an object share. */
export interface Floor {
  readonly ports: LivePorts
  readonly watches: Watches
  readonly doors: Doors
  /** Keeps work going after the answer. */
  behind(work: Promise<unknown>): void
}

/** Events that wait for an opening; beyond, it begins again, which covers them. */
const bufferMax = 5000

const sequenceOf = (note: Note): number => (note.kind === "row" ? note.event.sequence : note.sequence)

/** Tells the operator. */
export function fault({ ports }: Floor, where: string, cause: unknown): void {
  ports.observe({ kind: "fault", at: ports.now().toISOString(), where: `live ${where}`, cause })
}

/** Nobody here watches a topic any more, and perhaps nobody for that user. */
export async function leave({ doors, watches }: Floor, topic: string, user: string | undefined): Promise<void> {
  await doors.leave(topic, () => watches.of(topic).length === 0)
  const isIdle = () => !watches.all().some(({ seat }) => principalId(seat.kept.principal) === user)
  if (user !== undefined && isIdle()) await doors.unattend(user, isIdle)
}

/** Ends a watch without a word. */
export async function drop(floor: Floor, watch: Watch): Promise<void> {
  if (watch.phase === "over") return
  const isLast = floor.watches.remove(watch)
  save(watch.seat)
  // Should the topic not hear it, its next delivery is answered with "nobody here".
  if (isLast)
    await leave(floor, watch.topic, principalId(watch.seat.kept.principal)).catch((cause) =>
      fault(floor, "leave", cause),
    )
}

/** Ends a watch that cannot go on, and says so. */
export async function end(floor: Floor, watch: Watch, thrown: unknown): Promise<void> {
  if (watch.phase === "over") return
  const problem = asProblem(thrown)
  if (problem.options.cause !== undefined) fault(floor, "watch", problem.options.cause)
  const { code, message } = problem
  tell(watch.seat, floor.ports.frames, "watch.end", { subscription: watch.id, code, message })
  if (code === "UNAUTHENTICATED") closeSeat(watch.seat, closeCodes.over, "the account is not active")
  await drop(floor, watch)
}

/** Hands notes to a watch. Ends when they have been told, or wait for an opening. */
export function enqueue(floor: Floor, watch: Watch, notes: readonly Note[]): Promise<void> {
  if (!isOpen(watch.seat)) return drop(floor, watch)
  if (watch.phase !== "live") {
    buffer(watch, notes)
    return Promise.resolve()
  }
  watch.work = watch.work.then(() => apply(floor, watch, notes)).catch((thrown) => end(floor, watch, thrown))
  return watch.work
}

function buffer(watch: Watch, notes: readonly Note[]): void {
  if (watch.phase !== "opening") return
  watch.buffer.push(...notes)
  if (watch.buffer.length <= bufferMax) return
  watch.buffer = []
  watch.again = true
}

const lots = new WeakMap<readonly Note[], readonly Event[]>()

/** All events of a lot, the same list for every watch that it is handed to. */
function lotOf(notes: readonly Note[]): readonly Event[] {
  let lot = lots.get(notes)
  if (!lot) lots.set(notes, (lot = notes.flatMap((note) => (note.kind === "row" ? [note.event] : []))))
  return lot
}

/** In the order of the log, each once: what waited may have come in turns. */
function inOrder(notes: readonly Note[]): readonly Note[] {
  const sorted = [...notes].sort((one, other) => sequenceOf(one) - sequenceOf(other))
  return sorted.filter((note, n) => n === 0 || sequenceOf(note) !== sequenceOf(sorted[n - 1] as Note))
}

const phaseOf = (watch: Watch): Watch["phase"] => watch.phase

async function apply(floor: Floor, watch: Watch, notes: readonly Note[]): Promise<void> {
  const { ports } = floor
  if (watch.phase !== "live") return buffer(watch, notes)
  const news = notes.filter((note) => sequenceOf(note) > watch.cursor)
  const last = news.at(-1)
  if (last === undefined || !isOpen(watch.seat)) return
  if (news.some(({ kind }) => kind === "facts")) {
    // All of them are in the list that comes.
    floor.behind(open(floor, watch, { kind: "list", reason: "facts_changed" }))
    return
  }
  const { openings } = watch
  const isStale = () => watch.openings !== openings
  const standing = watch.standing ?? (await standingNow(ports, watch))
  // It was opened anew meanwhile: then other facts hold, and its list may say all this.
  if (isStale()) return apply(floor, watch, notes)
  watch.standing = standing
  if (!standing.isActive) throw new Problem("UNAUTHENTICATED", "The account is not active")
  const { models } = ports.registry
  const events = news.flatMap((note) =>
    note.kind === "row" && concerns(models, watch, note.event) ? [note.event] : [],
  )
  const told = events.length === 0 ? [] : await judged(ports, watch, standing, events, lotOf(notes))
  if (isStale()) return apply(floor, watch, notes)
  for (const one of told) pass(watch, ports, one)
  watch.cursor = sequenceOf(last)
  if (told.length > 0) save(watch.seat)
}

/**
 * Tells from the log or the list until nothing has come meanwhile, then cuts over to what is told live. Ends the watch when it fails.
 * @param answer called once, before anything is told; what fails before it is thrown and not told
 */
export async function open(
  floor: Floor,
  watch: Watch,
  occasion: Occasion,
  answer?: (sequence: number) => void,
): Promise<void> {
  const { ports, watches } = floor
  watch.phase = "opening"
  watch.openings += 1
  watches.mark(watch, false)
  let due = occasion
  let isAnswered = answer === undefined
  try {
    for (;;) {
      watch.again = false
      watch.buffer = []
      const opening = await prepare(ports, watch, due)
      if (!isAnswered) answer?.(opening.standing.sequence)
      isAnswered = true
      const isShown = await show(ports, watch, opening)
      if (phaseOf(watch) === "over" || !isOpen(watch.seat)) return drop(floor, watch)
      if (isShown && !watch.again) break
      due = { kind: "list", reason: "facts_changed" }
    }
  } catch (thrown) {
    if (!isAnswered) throw thrown
    return end(floor, watch, thrown)
  }
  watch.phase = "live"
  watches.mark(watch, true)
  const waiting = inOrder(watch.buffer)
  watch.buffer = []
  await enqueue(floor, watch, waiting)
}
