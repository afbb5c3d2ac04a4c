/**
 * Delivers the outbox: at once what was just committed, later what could not be delivered then, in growing steps. Rows are claimed by lease,
 * so several deliverers do not wait for one another and none that dies keeps a row. A receiver may get a message twice and knows it by its id.
 */
import type { Ids } from "../core/context.ts"
import type { Json } from "../core/json.ts"
import type { Observe } from "../core/observation.ts"
import type { Outbox, OutboxRow } from "../core/outbox.ts"
import { Problem } from "../core/problem.ts"
import type { Sealer } from "../core/sealing.ts"
import { type ClaimedRow, claimDue, postpone, removeDelivered } from "../database/outbox.ts"

/** A message on its way. */
export interface Delivery {
  readonly id: string
  readonly subject: string
  readonly payload: Json
}

/** Brings a message to its receiver. Throws when it did not arrive; `Undeliverable` when it never will. */
export type Deliver = (delivery: Delivery) => Promise<void>

/** Thrown by a receiver that will never take the message. */
export class Undeliverable extends Error {
  override readonly name = "Undeliverable"
}

/** The world of the outbox. */
export interface OutboxPorts {
  readonly database: D1Database
  readonly sealer: Sealer
  readonly ids: Ids
  readonly deliver: { readonly mail: Deliver; readonly user: Deliver }
  readonly observe: Observe
  now(): Date
  behind(work: Promise<unknown>): void
}

/** The outbox with what timers call. */
export interface Deliverer extends Outbox {
  /** Delivers what is due; gives how many messages were taken up. */
  sweep(): Promise<number>
  /** A sweep behind the answer, at most one in `pokeMs` an isolate. */
  poke(): void
}

const purpose = "outbox"
/** For so long only the one who committed delivers. */
const firstLeaseMs = 30_000
const leaseMs = 60_000
const pokeMs = 15_000
const sweepRows = 20
const sweepsMax = 25
/** A letter that is older than its links is of no use; a command to an object is never given up. */
const mailLifeMs = 24 * 3600_000

function delayMs(attempts: number): number {
  return Math.min(3600_000, 5000 * 2 ** Math.min(attempts, 12))
}

/** Makes the deliverer of an isolate. */
export function deliverer(ports: OutboxPorts): Deliverer {
  const { database, sealer, ids, observe } = ports
  let poked = Number.NEGATIVE_INFINITY

  const hand = async (row: Pick<OutboxRow, "id" | "topic" | "subject" | "payload">): Promise<void> => {
    if (row.topic !== "mail" && row.topic !== "user") throw new Undeliverable(`the topic ${row.topic} is not known`)
    const text = await sealer.open(purpose, row.id, row.payload)
    if (text === null) throw new Undeliverable("it does not open under KEK")
    await ports.deliver[row.topic]({ id: row.id, subject: row.subject, payload: JSON.parse(text) as Json })
  }
  const tell = (row: Pick<OutboxRow, "id" | "topic">, attempts: number, cause: unknown, given: boolean) =>
    observe({
      kind: "undelivered",
      at: ports.now().toISOString(),
      id: row.id,
      topic: row.topic,
      attempts,
      givenUp: given,
      cause,
    })

  /** One row of a sweep. Gives whether the row is to go. */
  const attempt = async (row: ClaimedRow): Promise<boolean> => {
    try {
      await hand(row)
      return true
    } catch (cause) {
      const now = ports.now()
      const over = row.topic === "mail" && now.getTime() - Date.parse(row.createdAt) > mailLifeMs
      const given = over || (cause instanceof Undeliverable && row.topic === "mail")
      tell(row, row.attempts, cause, given)
      if (given) return true
      await postpone(database, row.id, new Date(now.getTime() + delayMs(row.attempts)), String(cause))
      return false
    }
  }
  const sweep = async (): Promise<number> => {
    let taken = 0
    for (let round = 0; round < sweepsMax; round++) {
      const now = ports.now()
      const rows = await claimDue(database, now, new Date(now.getTime() + leaseMs), sweepRows)
      const gone = await Promise.all(rows.map(async (row) => ((await attempt(row)) ? row.id : null)))
      await removeDelivered(
        database,
        gone.filter((id) => id !== null),
      )
      taken += rows.length
      if (rows.length < sweepRows) break
    }
    return taken
  }
  const poke = () => {
    const at = ports.now().getTime()
    if (Math.abs(at - poked) < pokeMs) return
    poked = at
    ports.behind(sweep())
  }
  /** A letter behind the answer. What fails stays in the outbox. */
  const post = async (rows: readonly OutboxRow[]): Promise<void> => {
    for (const row of rows) {
      try {
        await hand(row)
        await removeDelivered(database, [row.id])
      } catch (cause) {
        tell(row, 1, cause, false)
      }
    }
  }
  return {
    sweep,
    poke,
    prepare: (messages, now) =>
      Promise.all(
        messages.map(async (message) => {
          const id = ids.mint("message")
          const subject = message.topic === "user" ? message.subject : ""
          const payload = await sealer.seal(purpose, id, JSON.stringify(message.payload))
          const dueAt = new Date(now.getTime() + firstLeaseMs).toISOString()
          return { id, topic: message.topic, subject, payload, createdAt: now.toISOString(), dueAt }
        }),
      ),
    async dispatch(rows) {
      const commands = rows.filter(({ topic }) => topic === "user")
      try {
        for (const row of commands) await hand(row)
      } catch (cause) {
        throw new Problem("UNAVAILABLE", "The change is made, but not everybody has acknowledged it yet", {
          retryAfterSeconds: 5,
          cause,
        })
      } finally {
        ports.behind(post(rows.filter(({ topic }) => topic !== "user")))
      }
      ports.behind(
        removeDelivered(
          database,
          commands.map(({ id }) => id),
        ),
      )
      poke()
    },
  }
}
