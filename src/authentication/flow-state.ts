/**
 * The state of a flow between two calls, sealed and in the caller's hands: nothing is stored for who never comes back. It opens for the same flow
 * and the same holder (a session, a ticket) within its time; that it counts once is for the user's object to see to, by the hash.
 */
import * as z from "zod"
import type { Once } from "../core/factors.ts"
import type { Sealer } from "../core/sealing.ts"
import { hashSecret } from "./token.ts"

/** What states are for; one of a flow is nothing in another. */
export type FlowKind = "enrol-totp" | "enrol-passkey" | "passkey-sign-in" | "passkey-second-factor" | "passkey-step-up"

const encoder = new TextEncoder()
const form = z.object({ secret: z.string(), expiresAt: z.number() })

/** A state that opened. */
export interface FlowState {
  readonly secret: string
  readonly once: Once
}

/** Seals states. */
export interface FlowStates {
  /**
   * Begins a flow.
   * @param holder who may end it: an id that the caller proves otherwise
   * @param secret what only we may know until then
   */
  begin(kind: FlowKind, holder: string, secret: string, now: Date): Promise<{ text: string; expiresAt: number }>
  /** null: another flow's or another's, over, changed, or no state at all */
  open(kind: FlowKind, holder: string, text: string, now: Date): Promise<FlowState | null>
}

/**
 * Flow states under a ring.
 * @param lifeMs how long a flow may take
 */
export function flowStates(sealer: Sealer, lifeMs: number): FlowStates {
  return {
    async begin(kind, holder, secret, now) {
      const expiresAt = now.getTime() + lifeMs
      return { text: await sealer.seal(`flow/${kind}`, holder, JSON.stringify({ secret, expiresAt })), expiresAt }
    },
    async open(kind, holder, text, now) {
      const opened = await sealer.open(`flow/${kind}`, holder, text)
      if (opened === null) return null
      const { secret, expiresAt } = form.parse(JSON.parse(opened))
      if (expiresAt <= now.getTime()) return null
      // Of what is inside, not of the text: a state has one meaning, whoever wraps it anew.
      return { secret, once: { hash: await hashSecret(encoder.encode(`${kind}\n${secret}`)), until: expiresAt } }
    },
  }
}
