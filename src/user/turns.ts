/**
 * The turns of a user's object: each is one synchronous transaction, answers with a value, and sets the alarm in the same breath. What reduces rights
 * answers only after the hub has acknowledged; until then the alarm goes on.
 */
import type { Cause, Refusal } from "../core/user-object.ts"
import { type Sender, tellHub, tellLog } from "./delivery.ts"
import type { ObjectPorts } from "./ports.ts"
import { rearm, sweep } from "./schedule.ts"
import { migrateUser } from "./schema.ts"
import type { Turn } from "./turn.ts"

const byAlarm: Cause = { requestId: "alarm", actor: "system" }
const ok = { ok: true } as const

/** What the methods of the object are made of. */
export interface Turns {
  /** The database, with its tables also after the object was erased. */
  readonly sql: SqlStorage
  /** Id of the user; null in the objects that stand for nobody. */
  readonly subject: string | null
  /** One transaction. Throws what the step throws. */
  turn<T>(cause: Cause, step: (turn: Turn) => T): T
  /** A fault inside becomes UNAVAILABLE. */
  answer<T>(step: () => T | Promise<T>): Promise<T | Refusal>
  /** A transaction that only looks, or whose answer waits for nobody. */
  now<T>(cause: Cause, step: (turn: Turn) => T): Promise<T | Refusal>
  /** The same for a step that cannot fail and has nothing to tell. */
  done(cause: Cause, step: (turn: Turn) => void): Promise<{ readonly ok: true } | Refusal>
  /** A transaction that reduces rights: acknowledged when the hub has. */
  reduce<T>(cause: Cause, step: (turn: Turn) => T): Promise<T | Refusal>
  readonly sender: Sender
  /** Where the answer does not depend on the hub. */
  tellHubOrLater(): Promise<void>
  /** The alarm has fired. */
  alarm(): Promise<void>
  /** Everything in the storage is gone: the next turn makes the tables anew. */
  forget(): void
}

/**
 * The turns of an object.
 * @param ports looked up in each turn: tests hold them
 * @param onEnded hears of sessions and keys that a turn has ended, when it is committed
 */
export function objectTurns(
  ctx: DurableObjectState,
  ports: () => ObjectPorts,
  onEnded: (ids: readonly string[]) => void,
): Turns {
  let isReady = false
  let isAlarm = false
  const prepare = (): void => {
    if (!isReady) migrateUser(ctx.storage)
    isReady = true
  }
  prepare()
  const turns: Turns = {
    get sql() {
      prepare()
      return ctx.storage.sql
    },
    get subject() {
      const name = ctx.id.name ?? ""
      return name.startsWith("user/") ? name.slice("user/".length) : null
    },
    turn(cause, step) {
      const { sql, subject } = turns
      const { now, newId, random } = ports()
      let due: number | null = null
      const ended: string[] = []
      const result = ctx.storage.transactionSync(() => {
        const value = step({ sql, now: now(), cause, subject, newId, random, ended })
        // The alarm that runs now sets the next one at its end, and the platform repeats it when it does not get there.
        if (!isAlarm) due = rearm(sql)
        return value
      })
      if (due !== null) void ctx.storage.setAlarm(due)
      if (ended.length > 0) onEnded(ended)
      return result
    },
    async answer(step) {
      try {
        return await step()
      } catch (cause) {
        return { error: "UNAVAILABLE", cause: String(cause) }
      }
    },
    now: (cause, step) => turns.answer(() => turns.turn(cause, step)),
    done: (cause, step) =>
      turns.now(cause, (turn) => {
        step(turn)
        return ok
      }),
    reduce: (cause, step) =>
      turns.answer(async () => {
        const result = turns.turn(cause, step)
        await tellHub(turns.sender)
        return result
      }),
    get sender() {
      return {
        sql: turns.sql,
        ports: ports(),
        user: turns.subject ?? "",
        turn: <T>(step: (turn: Turn) => T) => turns.turn(byAlarm, step),
      }
    },
    tellHubOrLater: () => tellHub(turns.sender).catch(() => undefined),
    async alarm() {
      isAlarm = true
      try {
        turns.turn(byAlarm, sweep)
        await turns.tellHubOrLater()
        await tellLog(turns.sender).catch(() => undefined)
      } finally {
        isAlarm = false
        turns.turn(byAlarm, () => undefined)
      }
    },
    forget: () => void (isReady = false),
  }
  return turns
}
