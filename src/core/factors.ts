/**
 * Second factors as a user's object keeps them, and what it answers about them: types, and what a session's methods mean. Instants are milliseconds since 1970, hashes are
 * SHA-256 in hex. What proves a factor is computed by the Worker; the object decides whether the proof still counts, so that none counts twice.
 */
import type { Cause, Grant, NewSession, Refusal } from "./user-object.ts"

/** The method of RFC 8176 that says that there was more than one. */
export const multiFactor = "mfa"

/** True when more than one factor was given. */
export function isMultiFactor(amr: readonly string[]): boolean {
  return amr.includes(multiFactor)
}

/** A one-time password by time (RFC 6238): a seed that an app on a telephone holds, too. */
export interface NewTotp {
  readonly kind: "totp"
  readonly id: string
  readonly name: string
  /** The seed, sealed by the Worker. */
  readonly sealed: string
  /** The time step that confirmed it: used up. */
  readonly step: number
}

/** A passkey (WebAuthn Level 3). */
export interface NewPasskey {
  readonly kind: "passkey"
  readonly id: string
  readonly name: string
  /** Credential id, base64url. */
  readonly credential: string
  /** COSE key, base64url. */
  readonly publicKey: string
  /** Signature counter; 0 where the authenticator keeps none. */
  readonly counter: number
  /** True when it may be copied to other devices (flag BE). */
  readonly isSynced: boolean
  /** How it is reached: `internal`, `hybrid`, `usb`, …. */
  readonly transports: readonly string[]
}

/** A factor to be kept. */
export type NewFactor = NewTotp | NewPasskey

/** A factor as its owner sees it. */
export interface FactorView {
  readonly id: string
  readonly kind: NewFactor["kind"]
  readonly name: string
  readonly createdAt: number
  readonly lastUsedAt: number | null
  /** Of a passkey; null for the others. */
  readonly isSynced: boolean | null
}

/** All that one can prove oneself with beside the password. */
export interface FactorList {
  readonly factors: readonly FactorView[]
  /** Credential ids of the passkeys: an authenticator makes no second one. */
  readonly credentials: readonly string[]
  readonly recoveryCodesLeft: number
}

/** How a second factor is given. */
export type FactorMethod = "totp" | "passkey" | "recoveryCode"

/** A sign-in whose first proof held, and that waits for the second. */
export interface PendingSignIn {
  /** By which it can be completed. */
  readonly methods: readonly FactorMethod[]
  readonly expiresAt: number
}

/** For what a factor is given: to complete a sign-in (hash of its ticket), or once more within a session (its id). */
export type FactorPurpose = { readonly ticket: string } | { readonly session: string }

/** Whether a code may be evaluated, and what against. */
export interface FactorReservation {
  readonly admitted: boolean
  /** 0 when admitted. */
  readonly retryAfterSeconds: number
  /** To be completed within a minute; null when not admitted. */
  readonly attempt: string | null
  /** True after very many wrong codes from unknown devices: passkeys and recovery codes alone count there now. */
  readonly isExhausted: boolean
  /** The sealed seeds of the account. */
  readonly seeds: readonly { readonly id: string; readonly sealed: string }[]
}

/** A passkey to verify an assertion with. */
export interface PasskeyKey {
  readonly id: string
  readonly publicKey: string
}

/** What the Worker found of a proof. `wrong` says why, in a word for the log. */
export type FactorProof =
  | {
      readonly kind: "totp"
      readonly factor: string
      readonly step: number
      /** The seed sealed anew, when it was under a key that is not the current one. */
      readonly sealed?: string
    }
  | { readonly kind: "recoveryCode"; readonly hash: string }
  | {
      readonly kind: "passkey"
      readonly factor: string
      readonly counter: number
      readonly once: Once
    }
  | { readonly kind: "wrong"; readonly method: FactorMethod; readonly reason: string }

/** A session that takes the place of another, with what is proved now beside what was proved then. */
export interface Renewal {
  /** The session that it takes the place of. */
  readonly of: string
  readonly sid: string
  readonly key: Uint8Array
  readonly accessSeconds: number
  /** What was proved just now, RFC 8176. */
  readonly amr: readonly string[]
}

/** What may count once: a challenge, or the state of an enrolment. */
export interface Once {
  readonly hash: string
  /** Until when it could count. */
  readonly until: number
}

/** What becomes of a proof that counts. */
export type FactorOpening =
  /** Completes the sign-in of a ticket, with the methods of RFC 8176 that were given now. */
  | {
      readonly kind: "ticket"
      readonly ticket: string
      readonly sid: string
      readonly key: Uint8Array
      readonly amr: readonly string[]
    }
  | { readonly kind: "renewal"; readonly renewal: Renewal }
  /** A passkey is both factors at once. */
  | { readonly kind: "session"; readonly session: NewSession }

/** A proof, and what it is to open. */
export interface FactorOutcome {
  /** Of the reservation; null for passkeys, which nobody guesses. */
  readonly attempt: string | null
  readonly proof: FactorProof
  readonly opening: FactorOpening
  /** Where it came from, for the user to see; never in the log. */
  readonly address?: string | null
  readonly userAgent?: string | null
}

/** Why a proof does not count: wrong, counted before, or the counter of a passkey went back (it was copied). */
export type FactorFault = "wrong" | "replayed" | "regressed"

/** What came of a proof. */
export interface FactorCompletion {
  readonly grant: Grant | null
  readonly fault: FactorFault | null
  /** How many were wrong in a row, with this one. */
  readonly failures: number
  /** Id of the device that the session is on. */
  readonly device: string | null
  readonly recoveryCodesLeft: number
}

/** A factor that was just confirmed. */
export interface FactorAddition {
  readonly factor: NewFactor
  readonly once: Once
  /** Hashes of the recovery codes to be kept when this is the first factor. */
  readonly recoveryCodes: readonly string[]
  /** The caller's session goes on with what was proved. */
  readonly renewal: Renewal
  /** Ends the caller's other sessions; those with one factor alone end in any case. */
  readonly endOthers: boolean
}

/** The part of a user's object that knows factors. */
export interface FactorObject {
  listFactors(): Promise<FactorList | Refusal>
  /** REFUSED when the ticket or the session is over. */
  reserveFactor(purpose: FactorPurpose, cause: Cause): Promise<FactorReservation | Refusal>
  /** REFUSED when there is no such passkey. */
  findPasskey(credential: string): Promise<PasskeyKey | Refusal>
  /** REFUSED when what it was to open, or its attempt, is over. */
  completeFactor(outcome: FactorOutcome, cause: Cause): Promise<FactorCompletion | Refusal>
  /** Keeps a factor; `isFirst`: the recovery codes were kept. REFUSED when the session is over or the state was used; LIMIT for too many. */
  addFactor(
    addition: FactorAddition,
    cause: Cause,
  ): Promise<{ readonly grant: Grant; readonly isFirst: boolean } | Refusal>
  renameFactor(id: string, name: string): Promise<{ readonly renamed: boolean } | Refusal>
  /** Keeps these in the place of all that there were. REFUSED for an account without a factor. */
  replaceRecoveryCodes(hashes: readonly string[], cause: Cause): Promise<{ readonly ok: true } | Refusal>
}
