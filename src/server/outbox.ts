/**
 * Delivers the outbox's commands to objects: at once what was just committed, later what could not be delivered then, in growing steps. Rows are
 * claimed by lease, so several deliverers do not wait for one another and none that dies keeps a row. A receiver may get a message twice and
 * knows it by its id. Jobs are prepared here too and run by those of `jobs/`.
 */
import type { Ids } from "../core/context.ts"
import type { Json } from "../core/json.ts"
import type { Observe } from "../core/observation.ts"
import { jobSubject, type Message, type Outbox, type OutboxRow, outboxPurpose } from "../core/outbox.ts"
import { Problem } from "../core/problem.ts"
import type { Sealer } from "../core/sealing.ts"
import { type ClaimedRow, claimDue, postpone, removeDelivered } from "../database/outbox.ts"

/** A message on its way. */
export interface Delivery {
  readonly id: string
  readonly subject: string
  readonly payload: Json
}

/** Brings a message to its receiver. Throws when it did not arrive; `Refused` when it never will. */
export type Deliver = (delivery: Delivery) => Promise<void>

/** Thrown by a receiver that has decided against the message: whoever waited behind it must not wait for ever. */
export class Refused extends Error {
  override readonly name = "Refused"
}

/** The world of the outbox. */
export interface OutboxPorts {
  readonly database: D1Database
  readonly sealer: Sealer
  readonly ids: Ids
  readonly deliver: Deliver
  readonly observe: Observe
  now(): Date
  behind(work: Promise<unknown>): void
}

/** The outbox with what timers call. */
export interface Deliverer extends Outbox {
  /** Delivers what is due; gives how many messages were taken up. */
  sweep(): Promise<number>
  /** A sweep behind the answer, at most one in a quarter of a minute an isolate. */
  poke(): void
}

/** For so long only the one who committed delivers. */
const firstLeaseMs = 30_000
const leaseMs = 60_000
const pokeMs = 15_000
const sweepRows = 20
const sweepsMax = 25

function delayMs(attempts: number): number {
  return Math.min(3600_000, 5000 * 2 ** Math.min(attempts, 12))
}

type Row = Pick<OutboxRow, "id" | "topic" | "subject" | "payload">

async function sealed({ ids, sealer }: OutboxPorts, message: Message, now: Date): Promise<OutboxRow> {
  const id = ids.mint("message")
  const subject = message.topic === "user" ? message.subject : jobSubject(message.job, message.key, id)
  const notBefore = message.topic === "job" ? message.notBefore : null
  const payload = await sealer.seal(outboxPurpose, id, JSON.stringify(message.payload))
  const isJob = message.topic === "job"
  const dueAt = (notBefore ?? (isJob ? now : new Date(now.getTime() + firstLeaseMs))).toISOString()
  const createdAt = now.toISOString()
  return { id, topic: message.topic, subject, payload, createdAt, dueAt, notBefore: notBefore?.toISOString() ?? null }
}

/** Opens a row and hands it to its receiver. */
async function hand({ deliver, sealer }: OutboxPorts, { id, topic, subject, payload }: Row): Promise<void> {
  if (topic !== "user") throw new Error(`the topic ${topic} is not known`)
  const text = await sealer.open(outboxPurpose, id, payload)
  if (text === null) throw new Error("it does not open under KEK")
  await deliver({ id, subject, payload: JSON.parse(text) as Json })
}

function tell(ports: OutboxPorts, { id, topic }: Row, attempts: number, givenUp: boolean, cause: unknown): void {
  ports.observe({ kind: "undelivered", at: ports.now().toISOString(), id, topic, attempts, givenUp, cause })
}

/** One row of a sweep. Gives whether the row is to go. */
async function attempt(ports: OutboxPorts, row: ClaimedRow): Promise<boolean> {
  try {
    await hand(ports, row)
    return true
  } catch (cause) {
    // A command is given up by its receiver alone: a right that was taken away must not come back because an object was away for long.
    const givenUp = cause instanceof Refused
    const until = new Date(ports.now().getTime() + delayMs(row.attempts))
    tell(ports, row, row.attempts, givenUp, cause)
    if (!givenUp) await postpone(ports.database, row.id, until, String(cause))
    return givenUp
  }
}

async function sweepDue(ports: OutboxPorts): Promise<number> {
  let taken = 0
  for (let round = 0; round < sweepsMax; round++) {
    const now = ports.now()
    const rows = await claimDue(ports.database, now, new Date(now.getTime() + leaseMs), sweepRows)
    const gone = await Promise.all(rows.map(async (row) => ((await attempt(ports, row)) ? row.id : null)))
    await removeDelivered(
      ports.database,
      gone.filter((id) => id !== null),
    )
    taken += rows.length
    // A round takes the oldest of each subject; what waited behind it comes with the next.
    if (rows.length === 0) break
  }
  return taken
}

/** Makes the deliverer of an isolate. */
export function deliverer(ports: OutboxPorts): Deliverer {
  let poked = Number.NEGATIVE_INFINITY
  const poke = () => {
    const at = ports.now().getTime()
    if (Math.abs(at - poked) < pokeMs) return
    poked = at
    ports.behind(sweepDue(ports))
  }
  return {
    sweep: () => sweepDue(ports),
    poke,
    prepare: (messages, now) => Promise.all(messages.map((message) => sealed(ports, message, now))),
    async dispatch(rows) {
      const commands = rows.filter(({ topic }) => topic === "user")
      if (commands.length === 0) return
      try {
        for (const row of commands) await hand(ports, row)
      } catch (cause) {
        const sentence = "The change is made, but not everybody has acknowledged it yet"
        throw new Problem("UNAVAILABLE", sentence, { retryAfterSeconds: 5, cause })
      }
      ports.behind(
        removeDelivered(
          ports.database,
          commands.map(({ id }) => id),
        ),
      )
      poke()
    },
  }
}
