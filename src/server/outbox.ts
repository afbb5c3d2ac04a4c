/**
 * Delivers the outbox: at once what was just committed, later what could not be delivered then, in growing steps. Rows are claimed by lease,
 * so several deliverers do not wait for one another and none that dies keeps a row. A receiver may get a message twice and knows it by its id.
 */
import type { Ids } from "../core/context.ts"
import type { Json } from "../core/json.ts"
import type { Observe } from "../core/observation.ts"
import type { Message, Outbox, OutboxRow } from "../core/outbox.ts"
import { Problem } from "../core/problem.ts"
import type { Sealer } from "../core/sealing.ts"
import { type ClaimedRow, claimDue, postpone, removeDelivered } from "../database/outbox.ts"

/** A message on its way. */
export interface Delivery {
  readonly id: string
  readonly subject: string
  readonly payload: Json
}

/** Brings a message to its receiver. Throws when it did not arrive; `Undeliverable` or `Refused` when it never will. */
export type Deliver = (delivery: Delivery) => Promise<void>

/** Thrown for a message that nobody will ever take. */
export class Undeliverable extends Error {
  override readonly name = "Undeliverable"
}

/** Thrown by a receiver that has decided against the message: whoever waited behind it must not wait for ever. */
export class Refused extends Error {
  override readonly name = "Refused"
}

/** The world of the outbox. */
export interface OutboxPorts {
  readonly database: D1Database
  readonly sealer: Sealer
  readonly ids: Ids
  readonly deliver: { readonly job: Deliver; readonly user: Deliver }
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

type Row = Pick<OutboxRow, "id" | "topic" | "subject" | "payload">

async function sealed({ ids, sealer }: OutboxPorts, message: Message, now: Date): Promise<OutboxRow> {
  const id = ids.mint("message")
  const subject = message.topic === "user" ? message.subject : `${message.job}/${message.key ?? id}`
  const notBefore = message.topic === "job" ? message.notBefore : null
  const payload = await sealer.seal(purpose, id, JSON.stringify(message.payload))
  const dueAt = (notBefore ?? new Date(now.getTime() + firstLeaseMs)).toISOString()
  const createdAt = now.toISOString()
  return { id, topic: message.topic, subject, payload, createdAt, dueAt, notBefore: notBefore?.toISOString() ?? null }
}

/** Opens a row and hands it to its receiver. */
async function hand({ deliver, sealer }: OutboxPorts, { id, topic, subject, payload }: Row): Promise<void> {
  if (topic !== "job" && topic !== "user") throw new Undeliverable(`the topic ${topic} is not known`)
  const text = await sealer.open(purpose, id, payload)
  if (text === null) throw new Undeliverable("it does not open under KEK")
  await deliver[topic]({ id, subject, payload: JSON.parse(text) as Json })
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
    const now = ports.now()
    const isOld = now.getTime() - Date.parse(row.createdAt) > mailLifeMs
    const givenUp = cause instanceof Refused || (row.topic === "job" && (isOld || cause instanceof Undeliverable))
    tell(ports, row, row.attempts, givenUp, cause)
    if (!givenUp) await postpone(ports.database, row.id, new Date(now.getTime() + delayMs(row.attempts)), String(cause))
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

/** Letters, behind the answer. What fails stays in the outbox. */
async function post(ports: OutboxPorts, rows: readonly OutboxRow[]): Promise<void> {
  for (const row of rows) {
    try {
      await hand(ports, row)
      await removeDelivered(ports.database, [row.id])
    } catch (cause) {
      tell(ports, row, 1, false, cause)
    }
  }
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
      try {
        for (const row of commands) await hand(ports, row)
      } catch (cause) {
        const sentence = "The change is made, but not everybody has acknowledged it yet"
        throw new Problem("UNAVAILABLE", sentence, { retryAfterSeconds: 5, cause })
      } finally {
        const letters = rows.filter(({ topic }) => topic !== "user")
        if (letters.length > 0) ports.behind(post(ports, letters))
      }
      const done = commands.map(({ id }) => id)
      if (done.length > 0) ports.behind(removeDelivered(ports.database, done))
      poke()
    },
  }
}
