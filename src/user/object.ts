/**
 * The user's own object: one a user, SQLite inside; what must be exact and personal lives here. Each method is one synchronous transaction
 * over the state machines beside this file, and answers with a value: a fault inside becomes UNAVAILABLE, never access.
 * What reduces rights answers only after the hub has acknowledged; until then the alarm goes on.
 */
import { DurableObject } from "cloudflare:workers"
import type { Json } from "../core/json.ts"
import type {
  Attempt,
  Cause,
  Command,
  NewKey,
  NewSession,
  NewToken,
  Outcome,
  Presented,
  Purpose,
  Refusal,
  UserObject,
} from "../core/user-object.ts"
import * as keys from "./api-keys.ts"
import { applyCommand } from "./commands.ts"
import { type Sender, tellHub, tellLog } from "./delivery.ts"
import { destroyAll } from "./destruction.ts"
import { exportAll } from "./export.ts"
import * as tokens from "./one-time.ts"
import { type ObjectBindings, objectPorts } from "./ports.ts"
import { getPreferences, setPreference } from "./preferences.ts"
import { refreshMac, refreshMacHolds } from "./refresh-mac.ts"
import { rearm, sweep } from "./schedule.ts"
import { migrateUser } from "./schema.ts"
import { acknowledgeEvents, pendingEvents, recentEvents } from "./security-events.ts"
import * as sessions from "./sessions.ts"
import { finishAttempt, prepareSession } from "./sign-in.ts"
import { forgive, reserve } from "./throttle.ts"
import { epochOf, type Turn } from "./turn.ts"

const refused: Refusal = { error: "REFUSED" }
const limited: Refusal = { error: "LIMIT" }
const done = { ok: true } as const
const nobody: Cause = { requestId: "", actor: "system" }
const byAlarm: Cause = { requestId: "alarm", actor: "system" }
/** Stands in for the seed of a session that is not there, so that its refusal takes as long. */
const noSeed = new Uint8Array(32)

/** Runs in workerd; created and found by `userObjectName`. */
export class User extends DurableObject<ObjectBindings> implements UserObject {
  /** Public so that tests hold the clock and the hub. Not reachable by RPC: only methods are. */
  ports = objectPorts(this.env)
  #ready = false
  #alarmed = false
  // For what else lives in the object. Fields, so that no call from outside reaches them.
  protected readonly database = (): SqlStorage => this.#sql
  protected readonly rearm = (): void => this.#turn(byAlarm, () => undefined)
  /** Sessions and keys have ended. */
  protected onEnded: (ids: readonly string[]) => void = () => undefined

  constructor(ctx: DurableObjectState, env: ObjectBindings) {
    super(ctx, env)
    this.#prepare()
  }

  #prepare(): void {
    if (!this.#ready) migrateUser(this.ctx.storage)
    this.#ready = true
  }

  /** The database, with its tables also after the object was erased. */
  get #sql(): SqlStorage {
    this.#prepare()
    return this.ctx.storage.sql
  }

  /** Id of the user; null in the objects that stand for nobody. */
  get #subject(): string | null {
    const name = this.ctx.id.name ?? ""
    return name.startsWith("user/") ? name.slice("user/".length) : null
  }

  /** One transaction. The alarm is set in the same breath, so that both are durable or none. */
  #turn<T>(cause: Cause, step: (turn: Turn) => T): T {
    const sql = this.#sql
    const { now, newId, random } = this.ports
    const turn: Turn = { sql, now: now(), cause, subject: this.#subject, newId, random, ended: [] }
    let due: number | null = null
    const result = this.ctx.storage.transactionSync(() => {
      const value = step(turn)
      // The alarm that runs now sets the next one at its end, and the platform repeats it when it does not get there.
      if (!this.#alarmed) due = rearm(sql)
      return value
    })
    if (due !== null) void this.ctx.storage.setAlarm(due)
    if (turn.ended.length > 0) this.onEnded(turn.ended)
    return result
  }

  async #answer<T>(step: () => T | Promise<T>): Promise<T | Refusal> {
    try {
      return await step()
    } catch (cause) {
      return { error: "UNAVAILABLE", cause: String(cause) }
    }
  }

  /** A transaction that only looks, or whose answer waits for nobody. */
  #now<T>(cause: Cause, step: (turn: Turn) => T): Promise<T | Refusal> {
    return this.#answer(() => this.#turn(cause, step))
  }

  /** The same for a step that cannot fail and has nothing to tell. */
  #done(cause: Cause, step: (turn: Turn) => void) {
    return this.#now(cause, (turn) => {
      step(turn)
      return done
    })
  }

  /** A transaction that reduces rights: acknowledged when the hub has. */
  #reduce<T>(cause: Cause, step: (turn: Turn) => T): Promise<T | Refusal> {
    return this.#answer(async () => {
      const result = this.#turn(cause, step)
      await tellHub(this.#sender)
      return result
    })
  }

  get #sender(): Sender {
    return {
      sql: this.#sql,
      ports: this.ports,
      user: this.#subject ?? "",
      turn: (step) => this.#turn(byAlarm, step),
    }
  }

  /** Where the answer does not depend on the hub. */
  async #tellHubOrLater(): Promise<void> {
    await tellHub(this.#sender).catch(() => undefined)
  }

  override async alarm(): Promise<void> {
    this.#alarmed = true
    try {
      this.#turn(byAlarm, sweep)
      await this.#tellHubOrLater()
      await tellLog(this.#sender).catch(() => undefined)
    } finally {
      this.#alarmed = false
      this.#turn(byAlarm, () => undefined)
    }
  }

  /** Answers the readiness check. Reads the object's own storage, so that an object without its disk does not pass for healthy. */
  async ping(): Promise<"pong"> {
    this.ctx.storage.sql.exec("select 1").one()
    return "pong"
  }

  reserve(attempt: Attempt, cause: Cause) {
    return this.#now(cause, (turn) => reserve(turn, attempt))
  }

  complete(outcome: Outcome, cause: Cause) {
    return this.#answer(async () => {
      const { ok, session } = outcome
      const make = ok && session ? await prepareSession(session, this.ports.random(32)) : null
      const answer = this.#turn(cause, (turn) => finishAttempt(turn, outcome, make))
      if (make !== null) await this.#tellHubOrLater()
      return answer
    })
  }

  forgive() {
    return this.#done(nobody, (turn) => forgive(turn.sql))
  }

  createSession(session: NewSession, cause: Cause) {
    return this.#answer(async () => {
      const grant = this.#turn(cause, await prepareSession(session, this.ports.random(32)))
      await this.#tellHubOrLater()
      return grant ?? refused
    })
  }

  refresh(presented: Presented, cause: Cause) {
    return this.#answer(async () => {
      const { sid, counter, mac: given, key, nextKey } = presented
      const seed = sessions.seedOf(this.#sql, sid)
      const [holds, mac] = await Promise.all([
        refreshMacHolds(key, seed ?? noSeed, sid, counter, given),
        refreshMac(nextKey, seed ?? noSeed, sid, counter + 1),
      ])
      if (seed === null || !holds) return refused
      const grant = this.#turn(cause, (turn) => sessions.refreshSession(turn, presented))
      if (grant !== null) return { ...grant, mac }
      await this.#tellHubOrLater()
      return refused
    })
  }

  listSessions() {
    return this.#answer(() => sessions.listSessions(this.#sql, this.ports.now()))
  }

  session(sid: string) {
    return this.#answer(() => {
      const session = sessions.findSession(this.#sql, sid, this.ports.now())
      return session === null ? refused : { session, epoch: epochOf(this.#sql) }
    })
  }

  revoke(sid: string, cause: Cause) {
    return this.#reduce(cause, (turn) => ({ revoked: sessions.revokeSession(turn, sid) }))
  }

  revokeOthers(keep: string, cause: Cause) {
    return this.#reduce(cause, (turn) => ({ revoked: sessions.revokeOthers(turn, keep) }))
  }

  revokeAll(cause: Cause) {
    return this.#reduce(cause, (turn) => ({ revoked: sessions.revokeAll(turn) }))
  }

  issueToken(token: NewToken, cause: Cause) {
    return this.#done(cause, (turn) => tokens.issueToken(turn, token))
  }

  checkToken(purpose: Purpose, hash: string) {
    return this.#now(nobody, (turn) => {
      const data = tokens.checkToken(turn, purpose, hash)
      return data === null ? refused : { data }
    })
  }

  redeemToken(purpose: Purpose, hash: string, cause: Cause) {
    return this.#now(cause, (turn) => {
      const data = tokens.redeemToken(turn, purpose, hash)
      return data === null ? refused : { data }
    })
  }

  addKey(key: NewKey, cause: Cause) {
    return this.#now(cause, (turn) => (keys.addKey(turn, key) ? done : limited))
  }

  verifyKey(hash: string) {
    return this.#now(nobody, (turn) => keys.verifyKey(turn, hash) ?? refused)
  }

  listKeys() {
    return this.#answer(() => keys.listKeys(this.#sql, this.ports.now()))
  }

  revokeKey(id: string, cause: Cause) {
    return this.#reduce(cause, (turn) => ({ revoked: keys.revokeKey(turn, id) }))
  }

  getPreferences() {
    return this.#answer(() => getPreferences(this.#sql))
  }

  setPreference(name: string, value: Json) {
    return this.#now(nobody, (turn) => (setPreference(turn.sql, name, value) ? done : limited))
  }

  recentEvents(limit: number) {
    return this.#answer(() => recentEvents(this.#sql, limit))
  }

  pendingEvents(limit: number) {
    return this.#answer(() => pendingEvents(this.#sql, limit))
  }

  acknowledgeEvents(ids: readonly string[]) {
    return this.#done(nobody, (turn) => acknowledgeEvents(turn, ids))
  }

  apply(commandId: string, command: Command, cause: Cause) {
    return this.#reduce(cause, (turn) => applyCommand(turn, commandId, command) ?? limited)
  }

  exportAll() {
    return this.#now(nobody, exportAll)
  }

  destroy(cause: Cause) {
    return this.#answer(async () => {
      this.#turn(cause, destroyAll)
      await tellHub(this.#sender)
      await tellLog(this.#sender)
      this.#ready = false
      await this.ctx.storage.deleteAll()
      return done
    })
  }
}
