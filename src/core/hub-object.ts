/** What the hub answers to: types only. Instants are milliseconds since 1970; nothing throws across a call. */
import type { Refusal } from "./user-object.ts"

/** Name of the one hub object. */
export const hubObjectName = "hub"

/** What the hub says of a session or key. */
export interface Revocation {
  /** A sid or the id of an API key. */
  readonly id: string
  /** null: every token is void. A number: those with a lower epoch are, and a refresh gives a good one. */
  readonly belowEpoch: number | null
  /** After it no token that this concerns can be alive. */
  readonly until: number
}

/** The hub. */
export interface HubObject {
  ping(): Promise<"pong">
  revoke(revocations: readonly Revocation[]): Promise<{ readonly version: number } | Refusal>
  /** What came after `version`; everything when `version` is 0 or not of this hub. */
  since(version: number): Promise<{ readonly version: number; readonly revoked: readonly Revocation[] } | Refusal>
}

/** Name of the object beside the hub that knows what changes have touched. Of the same class, so that what caches ask holds up no revocation. */
export const touchesObjectName = "touches"

/** What a change has touched: answers that depend on the tag and know less of the log are void. */
export interface Touch {
  /** See core/tags.ts. */
  readonly tag: string
  /** Of the newest event that touched it. */
  readonly sequence: number
}

/** A touch as it is kept. */
export interface KeptTouch extends Touch {
  /** After it no answer can be alive that this concerns. */
  readonly until: number
}

/** The object that knows what was touched. */
export interface TouchesObject {
  /** @param keepMs how long an answer may live: no longer is a touch worth knowing */
  touch(touches: readonly Touch[], keepMs: number): Promise<{ readonly version: number } | Refusal>
  /** What came after `version`; everything that is kept when `version` is 0 or not of this object. */
  touchedSince(version: number): Promise<{ readonly version: number; readonly touches: readonly KeptTouch[] } | Refusal>
}
