/**
 * The user's own object: one a user, SQLite inside; what must be exact and personal lives here. Each method is one synchronous transaction
 * over the state machines beside this file, and answers with a value: a fault inside becomes UNAVAILABLE, never access.
 * What reduces rights answers only after the hub has acknowledged; until then the alarm goes on.
 */
import { DurableObject } from "cloudflare:workers"
import type { FactorAddition, FactorOutcome, FactorPurpose } from "../core/factors.ts"
import { mailPreference, type Notification } from "../core/inbox.ts"
import type { Json } from "../core/json.ts"
import type { GrantsObject } from "../core/oauth.ts"
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
import { listApprovals } from "./approvals.ts"
import { applyCommand } from "./commands.ts"
import { tellHub, tellLog } from "./delivery.ts"
import { destroyAll } from "./destruction.ts"
import { listDevices } from "./devices.ts"
import * as factors from "./factors.ts"
import { addNotice, allNotices, listNotices, markRead, unseenNotice } from "./inbox.ts"
import { listGrants } from "./oauth-grants.ts"
import * as tokens from "./one-time.ts"
import { type ObjectBindings, objectPorts } from "./ports.ts"
import { getPreferences, setPreference } from "./preferences.ts"
import { refreshMac, refreshMacHolds } from "./refresh-mac.ts"
import { addFactor, completeFactor, prepareOpening, prepareRenewal, reserveFactor } from "./second-factor.ts"
import { acknowledgeEvents, pendingEvents, recentEvents } from "./security-events.ts"
import * as sessions from "./sessions.ts"
import { finishAttempt, prepareSession, renewedByPassword } from "./sign-in.ts"
import { forgive, reserve } from "./throttle.ts"
import { epochOf } from "./turn.ts"
import { objectTurns } from "./turns.ts"

const refused: Refusal = { error: "REFUSED" }
const limited: Refusal = { error: "LIMIT" }
const done = { ok: true } as const
const nobody: Cause = { requestId: "", actor: "system" }
/** Stands in for the seed of a session that is not there, so that its refusal takes as long. */
const noSeed = new Uint8Array(32)

/** Runs in workerd; created and found by `userObjectName`. */
export class User extends DurableObject<ObjectBindings> implements Omit<UserObject, keyof GrantsObject> {
  /** Public so that tests hold the clock and the hub. Not reachable by RPC: only methods are. */
  ports = objectPorts(this.env)
  /** Shared by the layers of this class; a field, so that nobody outside can call what is in it. */
  protected readonly turns = objectTurns(
    this.ctx,
    () => this.ports,
    (ids) => this.onEnded(ids),
  )
  /** Sessions and keys have ended. */
  protected onEnded: (ids: readonly string[]) => void = () => undefined

  override async alarm(): Promise<void> {
    await this.turns.alarm()
  }

  /** Answers the readiness check. Reads the object's own storage, so that an object without its disk does not pass for healthy. */
  async ping(): Promise<"pong"> {
    this.ctx.storage.sql.exec("select 1").one()
    return "pong"
  }

  reserve(attempt: Attempt, cause: Cause) {
    return this.turns.now(cause, (turn) => reserve(turn, attempt))
  }

  complete(outcome: Outcome, cause: Cause) {
    return this.turns.answer(async () => {
      const make = outcome.ok ? await this.#makerOf(outcome) : null
      const answer = this.turns.turn(cause, (turn) => finishAttempt(turn, outcome, make))
      if (make !== null) await this.turns.tellHubOrLater()
      return answer
    })
  }

  async #makerOf({ session, renewal }: Outcome) {
    const seed = this.ports.random(32)
    if (session) return prepareSession(session, seed)
    return renewal ? renewedByPassword(await prepareRenewal(renewal, seed)) : null
  }

  forgive() {
    return this.turns.done(nobody, (turn) => forgive(turn.sql))
  }

  createSession(session: NewSession, cause: Cause) {
    return this.turns.answer(async () => {
      const opened = this.turns.turn(cause, await prepareSession(session, this.ports.random(32)))
      await this.turns.tellHubOrLater()
      return opened?.grant ?? refused
    })
  }

  enter(session: NewSession, cause: Cause) {
    return this.turns.answer(async () => {
      const opened = this.turns.turn(cause, await prepareSession(session, this.ports.random(32)))
      await this.turns.tellHubOrLater()
      return opened ?? refused
    })
  }

  listFactors() {
    return this.turns.answer(() => factors.listFactors(this.turns.sql))
  }

  reserveFactor(purpose: FactorPurpose, cause: Cause) {
    return this.turns.now(cause, (turn) => reserveFactor(turn, purpose) ?? refused)
  }

  findPasskey(credential: string) {
    return this.turns.answer(() => factors.findPasskey(this.turns.sql, credential) ?? refused)
  }

  completeFactor(outcome: FactorOutcome, cause: Cause) {
    return this.turns.answer(async () => {
      const { opening } = outcome
      const seed = this.ports.random(32)
      const whole = opening.kind === "session" ? await prepareSession(opening.session, seed) : null
      const make = await prepareOpening(opening, whole, seed)
      const answer = this.turns.turn(cause, (turn) => completeFactor(turn, outcome, make))
      await this.turns.tellHubOrLater()
      return answer
    })
  }

  addFactor(addition: FactorAddition, cause: Cause) {
    return this.turns.answer(async () => {
      const renew = await prepareRenewal(addition.renewal, this.ports.random(32))
      const answer = this.turns.turn(cause, (turn) => addFactor(turn, addition, renew))
      await this.turns.tellHubOrLater()
      return answer
    })
  }

  renameFactor(id: string, name: string) {
    return this.turns.now(nobody, ({ sql }) => ({ renamed: factors.renameFactor(sql, id, name) }))
  }

  replaceRecoveryCodes(hashes: readonly string[], cause: Cause) {
    return this.turns.now(cause, (turn) => {
      if (!factors.hasFactor(turn.sql)) return refused
      factors.replaceRecoveryCodes(turn, hashes)
      return done
    })
  }

  refresh(presented: Presented, cause: Cause) {
    return this.turns.answer(async () => {
      const { sid, counter, mac: given, key, nextKey } = presented
      const seed = sessions.seedOf(this.turns.sql, sid)
      const [holds, mac] = await Promise.all([
        refreshMacHolds(key, seed ?? noSeed, sid, counter, given),
        refreshMac(nextKey, seed ?? noSeed, sid, counter + 1),
      ])
      if (seed === null || !holds) return refused
      const grant = this.turns.turn(cause, (turn) => sessions.refreshSession(turn, presented))
      if (grant !== null) return { ...grant, mac }
      await this.turns.tellHubOrLater()
      return refused
    })
  }

  listSessions() {
    return this.turns.answer(() => sessions.listSessions(this.turns.sql, this.ports.now()))
  }

  session(sid: string) {
    return this.turns.answer(() => {
      const session = sessions.findSession(this.turns.sql, sid, this.ports.now())
      return session === null ? refused : { session, epoch: epochOf(this.turns.sql) }
    })
  }

  revoke(sid: string, cause: Cause) {
    return this.turns.reduce(cause, (turn) => ({ revoked: sessions.revokeSession(turn, sid) }))
  }

  revokeOthers(keep: string, cause: Cause) {
    return this.turns.reduce(cause, (turn) => ({ revoked: sessions.revokeOthers(turn, keep) }))
  }

  revokeAll(cause: Cause) {
    return this.turns.reduce(cause, (turn) => ({ revoked: sessions.revokeAll(turn) }))
  }

  issueToken(token: NewToken, cause: Cause) {
    return this.turns.done(cause, (turn) => tokens.issueToken(turn, token))
  }

  checkToken(purpose: Purpose, hash: string) {
    return this.turns.now(nobody, (turn) => {
      const data = tokens.checkToken(turn, purpose, hash)
      return data === null ? refused : { data }
    })
  }

  redeemToken(purpose: Purpose, hash: string, cause: Cause) {
    return this.turns.now(cause, (turn) => {
      const data = tokens.redeemToken(turn, purpose, hash)
      return data === null ? refused : { data }
    })
  }

  addKey(key: NewKey, cause: Cause) {
    return this.turns.now(cause, (turn) => (keys.addKey(turn, key) ? done : limited))
  }

  verifyKey(hash: string) {
    return this.turns.now(nobody, (turn) => keys.verifyKey(turn, hash) ?? refused)
  }

  listKeys() {
    return this.turns.answer(() => keys.listKeys(this.turns.sql, this.ports.now()))
  }

  revokeKey(id: string, cause: Cause) {
    return this.turns.reduce(cause, (turn) => ({ revoked: keys.revokeKey(turn, id) }))
  }

  getPreferences() {
    return this.turns.answer(() => getPreferences(this.turns.sql))
  }

  setPreference(name: string, value: Json) {
    return this.turns.now(nobody, (turn) => (setPreference(turn.sql, name, value) ? done : limited))
  }

  notify(id: string, notification: Notification) {
    return this.turns.done(nobody, (turn) => addNotice(turn, id, notification))
  }

  listNotices(page: Parameters<typeof listNotices>[1]) {
    return this.turns.now(nobody, (turn) => listNotices(turn, page))
  }

  markRead(ids: readonly string[] | "all") {
    return this.turns.now(nobody, (turn) => ({ read: markRead(turn, ids) }))
  }

  unseenNotice(id: string) {
    return this.turns.now(nobody, (turn) => {
      const wanted = getPreferences(turn.sql)[mailPreference] !== "never"
      return { notice: wanted ? unseenNotice(turn, id) : null }
    })
  }

  recentEvents(limit: number) {
    return this.turns.answer(() => recentEvents(this.turns.sql, limit))
  }

  pendingEvents(limit: number) {
    return this.turns.answer(() => pendingEvents(this.turns.sql, limit))
  }

  acknowledgeEvents(ids: readonly string[]) {
    return this.turns.done(nobody, (turn) => acknowledgeEvents(turn, ids))
  }

  apply(commandId: string, command: Command, cause: Cause) {
    return this.turns.reduce(cause, (turn) => applyCommand(turn, commandId, command) ?? limited)
  }

  exportAll() {
    return this.turns.now(nobody, ({ sql, now }) => ({
      sessions: sessions.listSessions(sql, now),
      devices: listDevices(sql),
      keys: keys.listKeys(sql, now),
      factors: factors.listFactors(sql).factors,
      grants: listGrants(sql, now),
      approvals: listApprovals(sql, now),
      preferences: getPreferences(sql),
      inbox: allNotices(sql),
      events: recentEvents(sql, Number.MAX_SAFE_INTEGER),
    }))
  }

  destroy(cause: Cause) {
    return this.turns.answer(async () => {
      this.turns.turn(cause, destroyAll)
      await tellHub(this.turns.sender)
      await tellLog(this.turns.sender)
      this.turns.forget()
      await this.ctx.storage.deleteAll()
      return done
    })
  }
}
