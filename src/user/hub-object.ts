/**
 * The hub object: a thin class over hub.ts and touches.ts. One of each for the whole deployment; answers with values, and with UNAVAILABLE when its
 * disk does not.
 */
import { DurableObject } from "cloudflare:workers"
import type { HubObject, Revocation, Touch, TouchesObject } from "../core/hub-object.ts"
import type { Refusal } from "../core/user-object.ts"
import { addRevocations, hubDue, hubVersion, revocationsSince, sweepRevocations } from "./hub.ts"
import { migrateHub } from "./schema.ts"
import { sweepTouches, touchesSince, touchTags } from "./touches.ts"
import { numberOf, setNumber } from "./turn.ts"

/** Runs in workerd; found by `hubObjectName`, and by `touchesObjectName`. */
export class Hub extends DurableObject<unknown> implements HubObject, TouchesObject {
  /** Public so that tests hold the clock. */
  ports = { now: () => Date.now() }

  constructor(ctx: DurableObjectState, env: unknown) {
    super(ctx, env)
    migrateHub(ctx.storage)
  }

  #turn<T>(step: (sql: SqlStorage, now: number) => T): T {
    const { storage } = this.ctx
    const now = this.ports.now()
    let due: number | null = null
    const result = storage.transactionSync(() => {
      const value = step(storage.sql, now)
      due = numberOf(storage.sql, "armedAt") === null ? hubDue(storage.sql, now) : null
      if (due !== null) setNumber(storage.sql, "armedAt", due)
      return value
    })
    if (due !== null) void storage.setAlarm(due)
    return result
  }

  async #answer<T>(step: () => T): Promise<T | Refusal> {
    try {
      return step()
    } catch (cause) {
      return { error: "UNAVAILABLE", cause: String(cause) }
    }
  }

  override async alarm(): Promise<void> {
    this.#turn((sql, now) => {
      setNumber(sql, "armedAt", null)
      sweepRevocations(sql, now)
      sweepTouches(sql, now)
    })
  }

  async ping(): Promise<"pong"> {
    this.ctx.storage.sql.exec("select 1").one()
    return "pong"
  }

  /** Acknowledges when the entries are on disk: the answer waits for the write. */
  revoke(revocations: readonly Revocation[]) {
    return this.#answer(() => this.#turn((sql, now) => ({ version: addRevocations(sql, revocations, now) })))
  }

  since(version: number) {
    return this.#answer(() => {
      const { sql } = this.ctx.storage
      return { version: hubVersion(sql), revoked: revocationsSince(sql, version, this.ports.now()) }
    })
  }

  touch(touches: readonly Touch[], keepMs: number) {
    return this.#answer(() => this.#turn((sql, now) => ({ version: touchTags(sql, touches, now + keepMs) })))
  }

  touchedSince(version: number) {
    return this.#answer(() => touchesSince(this.ctx.storage.sql, version, this.ports.now()))
  }
}
