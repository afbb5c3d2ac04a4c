/** A watch: what one seat follows. Its plan is kept in the object's database, so that it goes on after a sleep; what it knows is loaded anew. */
import type { Standing } from "../authorization/judge.ts"
import type { Note } from "../core/live-object.ts"
import { type Model, type Models, modelOf } from "../core/model.ts"
import type { WatchPlan } from "../core/watch.ts"
import type { Seat } from "./live-seat.ts"

/** A watch in memory. */
export interface Watch {
  readonly id: string
  readonly seat: Seat
  readonly plan: WatchPlan
  readonly model: Model
  readonly topic: string
  /** opening: records are being told, and notes wait. live: notes are judged as they come. */
  phase: "opening" | "live" | "over"
  /** null after a sleep. */
  standing: Standing | null
  /** Everything up to here has been told. */
  cursor: number
  /** Notes that came while it was opening. */
  buffer: Note[]
  /** Something came meanwhile that an opening under way does not know of. */
  again: boolean
  /** How often it has been opened: what was begun under an earlier opening is judged anew. */
  openings: number
  /** Notes are judged one lot after the other. */
  work: Promise<void>
}

/** The watches of an object. */
export interface Watches {
  add(seat: Seat, plan: WatchPlan, topic: string): Watch
  of(topic: string): readonly Watch[]
  at(seat: Seat): readonly Watch[]
  all(): readonly Watch[]
  find(seat: Seat, id: string): Watch | null
  /** Remembers whether a sleep may come between: one that was opening when the object slept begins anew. */
  mark(watch: Watch, isOpen: boolean): void
  /** @returns true when nobody here watches its topic any more */
  remove(watch: Watch): boolean
}

type Row = { id: number; socket: string; plan: string; topic: string; isOpen: number }

function watchOf(seat: Seat, row: Omit<Row, "socket">, models: Models): Watch {
  const plan = JSON.parse(row.plan) as WatchPlan
  const id = String(row.id)
  return {
    id,
    seat,
    plan,
    model: modelOf(models, plan.resource),
    topic: row.topic,
    phase: row.isOpen === 1 ? "live" : "opening",
    standing: null,
    cursor: seat.kept.cursors[id] ?? 0,
    buffer: [],
    again: false,
    openings: 0,
    work: Promise.resolve(),
  }
}

/**
 * The watches as they stand in the database.
 * @param options.seat the seat of a socket that is still there, by its id
 * @returns them, and the topics of those whose sockets are gone
 */
export function watchesOf(
  sql: SqlStorage,
  options: { readonly models: Models; seat(id: string): Seat | null },
): { readonly watches: Watches; readonly left: readonly string[] } {
  const known = new Map<string, Watch>()
  const left = new Set<string>()
  for (const row of sql.exec<Row>('select * from "watches"').toArray()) {
    const seat = options.seat(row.socket)
    if (seat !== null) known.set(String(row.id), watchOf(seat, row, options.models))
    else {
      sql.exec('delete from "watches" where "id" = ?', row.id)
      left.add(row.topic)
    }
  }
  const all = () => [...known.values()]
  const byTopic = new Map<string, Set<Watch>>()
  const place = (watch: Watch) => byTopic.set(watch.topic, (byTopic.get(watch.topic) ?? new Set()).add(watch))
  for (const watch of known.values()) place(watch)
  const of = (topic: string) => [...(byTopic.get(topic) ?? [])]
  const watches: Watches = {
    all,
    of,
    at: (seat) => all().filter((watch) => watch.seat === seat),
    find(seat, id) {
      const watch = known.get(id)
      return watch?.seat === seat ? watch : null
    },
    add(seat, plan, topic) {
      const text = JSON.stringify(plan)
      const row = sql
        .exec<{ id: number }>(
          'insert into "watches" ("socket", "plan", "topic", "isOpen") values (?, ?, ?, 0) returning "id"',
          seat.kept.id,
          text,
          topic,
        )
        .one()
      const watch = watchOf(seat, { id: row.id, plan: text, topic, isOpen: 0 }, options.models)
      known.set(watch.id, watch)
      place(watch)
      return watch
    },
    mark: ({ id }, isOpen) =>
      void sql.exec('update "watches" set "isOpen" = ? where "id" = ?', isOpen ? 1 : 0, Number(id)),
    remove(watch) {
      watch.phase = "over"
      watch.buffer = []
      known.delete(watch.id)
      byTopic.get(watch.topic)?.delete(watch)
      if (byTopic.get(watch.topic)?.size === 0) byTopic.delete(watch.topic)
      delete watch.seat.kept.cursors[watch.id]
      sql.exec('delete from "watches" where "id" = ?', Number(watch.id))
      return of(watch.topic).length === 0
    },
  }
  for (const watch of all()) left.delete(watch.topic)
  return { watches, left: [...left] }
}
