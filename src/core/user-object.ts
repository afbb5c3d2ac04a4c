/**
 * What a user's object answers to: types only, so that whoever calls them needs no class. Instants are milliseconds since 1970,
 * lifetimes are seconds. Nothing throws across a call: a refusal is a value.
 */
import type { ApprovalView } from "./approval.ts"
import type { FactorObject, FactorView, PendingSignIn, Renewal } from "./factors.ts"
import type { InboxPage, Notice, Notification } from "./inbox.ts"
import type { Json, JsonObject } from "./json.ts"
import type { GrantsObject, GrantView } from "./oauth.ts"
import type { EventView, PendingEvent } from "./security-event.ts"

/**
 * REFUSED: no, without telling why (absent, expired, used, wrong MAC, disabled: all the same).
 * UNAVAILABLE: the object or the hub could not finish; what reduces rights is done here and goes on being pushed, but is not acknowledged.
 * LIMIT: a bound of the object is reached (keys, preferences, their sizes).
 */
export interface Refusal {
  readonly error: "REFUSED" | "UNAVAILABLE" | "LIMIT"
  /** For the operator's log only; holds no value of a caller. */
  readonly cause?: string
}

/** Who caused a change, as the log names it. */
export interface Cause {
  readonly requestId: string
  /** Id of the user who acts, `"anonymous"` or `"system"`. */
  readonly actor: string
  readonly impersonator?: string | null
}

/** How long a session lives: without a refresh, and at most. */
export interface Lifetime {
  readonly idleSeconds: number
  readonly hardSeconds: number
}

/** What D1 says of the user, carried here so that a refresh needs no D1. An older `version` never replaces a newer one. */
export interface Account {
  /** The version of the row in `users`. */
  readonly version: number
  readonly roles: readonly string[]
  /** Anything but `"active"` ends all sessions and refuses all keys. */
  readonly status: string
  /** Shortens the sessions that live already, for a user who becomes an administrator. */
  readonly lifetime?: Lifetime
}

/** An attempt to prove a password, before any hash is computed. */
export interface Attempt {
  /** Id from a verified device cookie, null without one. Unknown to the object: the shared bucket. */
  readonly device: string | null
  /** The session that proves its password again: then its device is the one, so that guesses made elsewhere do not stand in its way. */
  readonly session?: string
  /** For addresses without an account: a key of the address, which gets a bucket of its own in an object named otherwise than `user/…`. */
  readonly ghost?: string
}

/** How an attempt ended. */
export interface Outcome {
  readonly ticket: string
  readonly ok: boolean
  /** To be made when `ok`. */
  readonly session?: NewSession
  /** The session that goes on when `ok`, where no second factor could have been asked for. */
  readonly renewal?: Renewal
  /** Where it came from, for the user to see; never in the log. */
  readonly address?: string | null
  readonly userAgent?: string | null
}

/** Whether an attempt may be evaluated. */
export interface Reservation {
  readonly admitted: boolean
  /** 0 when admitted. */
  readonly retryAfterSeconds: number
  /** To be completed within a minute; null when not admitted. */
  readonly ticket: string | null
  /** More than a hundred failures in a row from unknown devices: even the right password opens no session, it sends a mail. */
  readonly confirmByMail: boolean
}

/** A session to be made. */
export interface NewSession {
  /** Minted by the caller, never reused. */
  readonly sid: string
  /** HMAC of user id and sid under the Worker's key ring, 32 bytes; see refresh-mac.ts. Never stored. */
  readonly key: Uint8Array
  /** Default 30 days idle, 180 days hard. */
  readonly lifetime?: Lifetime
  /** How long an access token minted from this answer lives; default 600. */
  readonly accessSeconds?: number
  /** Id of the device cookie that goes out with this session; known from now on. */
  readonly device?: string | null
  readonly label?: string | null
  readonly userAgent?: string | null
  /** Prefix of the caller's address, already shortened. */
  readonly address?: string | null
  /** Methods of RFC 8176: `["pwd"]`, `["otp"]`, … */
  readonly amr: readonly string[]
  /** When the user proved who they are; default now. */
  readonly authTime?: number
  /** The session that this one takes the place of (sign-in over an old cookie, step-up); it ends in the same transaction. */
  readonly replaces?: string | null
  readonly account?: Account
  /** SHA-256 of the ticket under which the session waits for a second factor, where the account has one. Without it, such an account refuses. */
  readonly ticket?: string
  /** No second factor is asked for: the proof was both at once, or somebody else vouches. */
  readonly isWhole?: true
}

/** What tokens are minted from. */
export interface Grant {
  readonly sid: string
  /** Counter and MAC of the refresh token to hand out. */
  readonly counter: number
  readonly mac: Uint8Array
  /** Goes into the access token: an entry of the hub with a higher `belowEpoch` makes the token void. */
  readonly epoch: number
  readonly amr: readonly string[]
  readonly authTime: number
  /** No access token may outlive it. */
  readonly expiresAt: number
  readonly idleExpiresAt: number
  readonly account: Account | null
}

/** A refresh token as presented, taken apart. */
export interface Presented {
  readonly sid: string
  readonly counter: number
  readonly mac: Uint8Array
  /** The session's key under the ring key that the token names. */
  readonly key: Uint8Array
  /** The same under the current ring key. */
  readonly nextKey: Uint8Array
  readonly accessSeconds?: number
  readonly address?: string | null
  readonly userAgent?: string | null
}

/** A session as its owner sees it. */
export interface SessionView {
  readonly sid: string
  readonly createdAt: number
  readonly lastSeenAt: number
  /** The earlier of idle and hard end. */
  readonly expiresAt: number
  readonly authTime: number
  readonly amr: readonly string[]
  readonly label: string | null
  readonly userAgent: string | null
  readonly address: string | null
}

/** What a one-time token is good for; a token of one purpose is nothing in another. */
export type Purpose =
  | "verifyEmail"
  | "resetPassword"
  | "magicLink"
  | "confirmSignIn"
  | "changeEmail"
  | "invitation"
  | "setup"
  /** A flow that went to a provider and came back: used up when it is there. */
  | "provider"

/** A one-time token to be kept. */
export interface NewToken {
  readonly purpose: Purpose
  /** Tokens of one purpose and one topic supersede each other; default "". */
  readonly topic?: string
  /** SHA-256 of the secret, hex. */
  readonly hash: string
  readonly issuedAt: number
  /** Default: by purpose (`tokenSeconds` in one-time.ts). */
  readonly expiresAt?: number
  readonly data?: JsonObject
}

/** An API key to be kept. */
export interface NewKey {
  readonly id: string
  /** SHA-256 of the key, hex. */
  readonly hash: string
  readonly scopes: readonly string[]
  readonly expiresAt: number | null
}

/** An API key as its owner sees it. */
export interface KeyView {
  readonly id: string
  readonly scopes: readonly string[]
  readonly createdAt: number
  readonly expiresAt: number | null
  /** To the minute. */
  readonly lastUsedAt: number | null
}

/** What a verified API key may do. */
export interface KeyGrant {
  readonly id: string
  readonly scopes: readonly string[]
  readonly expiresAt: number | null
  readonly epoch: number
  readonly account: Account | null
  /** Whether its owner has a second factor. */
  readonly hasFactor: boolean
}

/** What D1's outbox drives. */
export type Command =
  | { readonly kind: "setAccount"; readonly account: Account }
  | { readonly kind: "issueToken"; readonly token: NewToken }
  | { readonly kind: "consumeToken"; readonly purpose: Purpose; readonly hash: string }
  | { readonly kind: "addKey"; readonly key: NewKey }
  | { readonly kind: "revokeKey"; readonly id: string }
  /** As many times `revokeKey`, in one transaction. */
  | { readonly kind: "revokeKeys"; readonly ids: readonly string[] }
  | { readonly kind: "removeFactors"; readonly ids: readonly string[] }
  | { readonly kind: "revokeSession"; readonly sid: string }
  /** `createdBefore` (the instant of the decision) spares the sessions made after it, when the command comes late. */
  | { readonly kind: "revokeOthers"; readonly keep: string; readonly createdBefore: number }
  | { readonly kind: "revokeAll"; readonly createdBefore: number }

/** All that the object holds about its user, without secrets. */
export interface Export {
  readonly sessions: readonly SessionView[]
  readonly devices: readonly { id: string; label: string | null; firstAt: number; seenAt: number }[]
  readonly keys: readonly KeyView[]
  readonly factors: readonly FactorView[]
  readonly grants: readonly GrantView[]
  readonly approvals: readonly ApprovalView[]
  readonly preferences: JsonObject
  readonly inbox: readonly Notice[]
  readonly events: readonly EventView[]
}

/** What a proof has opened: a session, or the wait for a second factor. */
export type Opened =
  | { readonly grant: Grant; readonly pending: null }
  | { readonly grant: null; readonly pending: PendingSignIn }

/** One user's object. */
export interface UserObject extends FactorObject, GrantsObject {
  ping(): Promise<"pong">
  reserve(attempt: Attempt, cause: Cause): Promise<Reservation | Refusal>
  /**
   * Closes an attempt. With `session`, and when `ok`, the session is made in the same transaction. REFUSED when the ticket is used or over.
   * `grant` is null when the attempt failed, when no session was asked for, when the mail has to confirm and when a second factor is asked for.
   */
  complete(
    outcome: Outcome,
    cause: Cause,
  ): Promise<
    { readonly grant: Grant | null; readonly pending: PendingSignIn | null; readonly confirmByMail: boolean } | Refusal
  >
  /** Forgets the failures of unknown devices, after a mail was confirmed or the password was reset. */
  forgive(): Promise<{ readonly ok: true } | Refusal>
  /** Refuses where a second factor is asked for. */
  createSession(session: NewSession, cause: Cause): Promise<Grant | Refusal>
  /** The same after a first proof: keeps the session waiting for the second factor where one is asked for. */
  enter(session: NewSession, cause: Cause): Promise<Opened | Refusal>
  refresh(presented: Presented, cause: Cause): Promise<Grant | Refusal>
  listSessions(): Promise<readonly SessionView[] | Refusal>
  /** For operations that want revocation without delay: REFUSED when the session does not live. */
  session(sid: string): Promise<{ readonly session: SessionView; readonly epoch: number } | Refusal>
  revoke(sid: string, cause: Cause): Promise<{ readonly revoked: number } | Refusal>
  revokeOthers(keep: string, cause: Cause): Promise<{ readonly revoked: number } | Refusal>
  revokeAll(cause: Cause): Promise<{ readonly revoked: number } | Refusal>
  issueToken(token: NewToken, cause: Cause): Promise<{ readonly ok: true } | Refusal>
  /** Looks without using it up. */
  checkToken(purpose: Purpose, hash: string): Promise<{ readonly data: JsonObject } | Refusal>
  redeemToken(purpose: Purpose, hash: string, cause: Cause): Promise<{ readonly data: JsonObject } | Refusal>
  addKey(key: NewKey, cause: Cause): Promise<{ readonly ok: true } | Refusal>
  verifyKey(hash: string): Promise<KeyGrant | Refusal>
  listKeys(): Promise<readonly KeyView[] | Refusal>
  revokeKey(id: string, cause: Cause): Promise<{ readonly revoked: number } | Refusal>
  getPreferences(): Promise<JsonObject | Refusal>
  /** null removes. */
  setPreference(name: string, value: Json): Promise<{ readonly ok: true } | Refusal>
  /** Keeps a notification; the same id again changes nothing. */
  notify(id: string, notification: Notification): Promise<{ readonly ok: true } | Refusal>
  /** A page of the inbox; what is in it counts as seen. */
  listNotices(page: {
    readonly limit: number
    readonly before: string | null
    readonly unread: boolean
  }): Promise<InboxPage | Refusal>
  markRead(ids: readonly string[] | "all"): Promise<{ readonly read: number } | Refusal>
  /** The notification when nobody has seen it and its owner wants letters; null otherwise. */
  unseenNotice(id: string): Promise<{ readonly notice: Notice | null } | Refusal>
  recentEvents(limit: number): Promise<readonly EventView[] | Refusal>
  pendingEvents(limit: number): Promise<readonly PendingEvent[] | Refusal>
  acknowledgeEvents(ids: readonly string[]): Promise<{ readonly ok: true } | Refusal>
  /** The same id again changes nothing and answers again only after the hub acknowledged. */
  apply(commandId: string, command: Command, cause: Cause): Promise<{ readonly repeated: boolean } | Refusal>
  exportAll(): Promise<Export | Refusal>
  /** Ends everything, brings the last events to the log, then erases the object. Again after UNAVAILABLE. */
  destroy(cause: Cause): Promise<{ readonly ok: true } | Refusal>
}
