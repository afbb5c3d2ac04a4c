/**
 * Hands what is due to the queue: due minutes of schedules become jobs, and keys with due jobs become messages. The messages may be lost: the rows
 * stay in D1 and are sent again.
 */
import type { Ids } from "../core/context.ts"
import { jobMessage } from "../core/job-message.ts"
import type { Outbox } from "../core/outbox.ts"
import { system } from "../core/principal.ts"
import { countWaiting, nextDue, type Ticket, ticketDue, untick } from "../database/leases.ts"
import { lastTurn, takeTurn } from "../database/schedules.ts"
import type { Schedule } from "./schedule.ts"

/** The world of the pump. */
export interface PumpPorts {
  readonly database: D1Database
  readonly ids: Ids
  readonly outbox: Pick<Outbox, "prepare">
  readonly schedules: readonly Schedule[]
  /** Sends up to 100 messages. Throws when the queue did not take them. */
  send(tickets: readonly Ticket[]): Promise<void>
}

/** What the feed calls. */
export interface JobPump {
  /**
   * @param jobDueAt when the first job is due, as whoever calls has just read it; null: none waits
   * @returns when the next is due, milliseconds since 1970; null: nothing is waiting */
  run(now: Date, jobDueAt?: Date | null): Promise<number | null>
  /** Jobs whose time has come and that are not done, up to 10,000. */
  due(now: Date): Promise<number>
}

/** A message that nobody took for so long is lost: a queue that was killed has forgotten it. */
export const visibilityMs = 60_000
/** What `sendBatch` takes. */
const messagesMax = 100
const roundsMax = 20

const byTheClock = system("by the clock")

/** Makes the pump of an isolate. */
export function jobPump(ports: PumpPorts): JobPump {
  const { database, schedules } = ports
  /** When each schedule was last seen to be turned into a job: what is known costs no read. */
  const turned = new Map<string, number>()
  const turn = async (schedule: Schedule, now: Date): Promise<void> => {
    const at = schedule.before(now)
    if (at === null || (turned.get(schedule.name) ?? Number.NEGATIVE_INFINITY) >= at.getTime()) return
    const last = await lastTurn(database, schedule.name, now)
    if (last < at) await takeTurn(database, schedule.name, at, await rowOf(ports, schedule, now))
    // Also when another isolate was first: the minute has its job.
    turned.set(schedule.name, Math.max(at.getTime(), last.getTime()))
  }
  return {
    due: (now) => countWaiting(database, now),
    async run(now, jobDueAt) {
      for (const schedule of schedules) await turn(schedule, now)
      const isNothingDue = jobDueAt !== undefined && (jobDueAt === null || jobDueAt > now)
      if (isNothingDue) return earliest([jobDueAt, ...schedules.map((schedule) => schedule.after(now))])
      for (let round = 0; round < roundsMax; round++) {
        const tickets = await ticketDue(database, now, new Date(now.getTime() + visibilityMs), messagesMax)
        if (tickets.length === 0) break
        await sent(ports, tickets, now)
        if (tickets.length === messagesMax && round === roundsMax - 1) return now.getTime()
      }
      return earliest([await nextDue(database, now), ...schedules.map((schedule) => schedule.after(now))])
    },
  }
}

function earliest(dates: readonly (Date | null)[]): number | null {
  const instants = dates.flatMap((at) => (at === null ? [] : [at.getTime()]))
  return instants.length === 0 ? null : Math.min(...instants)
}

async function rowOf({ ids, outbox }: PumpPorts, { job, key, input }: Schedule, now: Date) {
  const causing = { principal: byTheClock, requestId: ids.mint("request") }
  const [row] = await outbox.prepare([jobMessage(causing, job, input, { key, notBefore: null, run: null })], now)
  if (row === undefined) throw new Error("The outbox prepared nothing")
  return row
}

async function sent({ database, send }: PumpPorts, tickets: readonly Ticket[], now: Date): Promise<void> {
  try {
    await send(tickets)
  } catch (fault) {
    await untick(database, tickets, now)
    throw fault
  }
}
