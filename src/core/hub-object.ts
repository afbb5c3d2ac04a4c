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
