/** Brings what the object owes to the hub and to the log. Throws when that could not be done; the alarm then goes on, in growing steps. */
import type { ObjectPorts } from "./ports.ts"
import { acknowledgeRevocations, pendingRevocations, postponeRevocations } from "./revocations.ts"
import { acknowledgeEvents, pendingEvents, postponeEvents } from "./security-events.ts"
import type { Turn } from "./turn.ts"

/** Events that one statement brings to the log. */
const eventsPerPush = 200

/** What delivery needs of the object. */
export interface Sender {
  readonly sql: SqlStorage
  readonly ports: ObjectPorts
  /** Id of the user in the log. */
  readonly user: string
  /** Runs a step as one transaction. */
  turn<T>(step: (turn: Turn) => T): T
}

/** Ends when the hub has acknowledged all revocations. */
export async function tellHub({ sql, ports, turn }: Sender): Promise<void> {
  for (;;) {
    const pending = pendingRevocations(sql)
    const last = pending.at(-1)
    if (last === undefined) return
    try {
      await ports.revoke(pending.map(({ id, belowEpoch, until }) => ({ id, belowEpoch, until })))
    } catch (cause) {
      turn(postponeRevocations)
      throw cause
    }
    turn((now) => acknowledgeRevocations(now, last.sequence))
  }
}

/** Ends when the log has all events. */
export async function tellLog({ sql, ports, user, turn }: Sender): Promise<void> {
  for (;;) {
    const events = pendingEvents(sql, eventsPerPush)
    if (events.length === 0) return
    try {
      await ports.log(user, events)
    } catch (cause) {
      turn(postponeEvents)
      throw cause
    }
    const ids = events.map((event) => event.id)
    turn((now) => acknowledgeEvents(now, ids))
  }
}
