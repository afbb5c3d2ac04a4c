/** Who calls. A principal is a value: no policy, door or handler ever asks where it came from. */
import { Problem } from "./problem.ts"
import type { GrantTerms } from "./terms.ts"

/** Values that a policy can compare. */
export type Scalar = string | number | boolean

/** Nobody: gets only what is spelled `anyone()`. */
export interface Anonymous {
  readonly kind: "anonymous"
}

/** A person or a program that proved who it is. */
export interface User {
  readonly kind: "user"
  /** TypeID of the user (`user_…`). */
  readonly id: string
  /** Roles in the whole application, as the token says. Roles in a record live in the database. */
  readonly roles: readonly string[]
  /** Further facts that policies may name with `mine("…")`. */
  readonly attributes?: Readonly<Record<string, Scalar>>
  /** Who really acts, when an administrator impersonates this user. */
  readonly impersonator?: string
  /** TypeID of the session; absent for API keys and for tokens of another issuer. */
  readonly session?: string
  /** Id of the API key, when one was presented. */
  readonly key?: string
  /** Id of the grant by which a program acts for the user, when its access token was presented. */
  readonly grant?: string
  /** What the person has asked for who let the program in. */
  readonly terms?: GrantTerms
  /** What the key or grant is limited to; absent: everything that the user may do. */
  readonly scopes?: readonly string[]
  /** When the user proved who they are, milliseconds since 1970. */
  readonly authTime?: number
  /** How: with one factor or with more (the `acr` of RFC 9068). Absent for API keys and for tokens of another issuer. */
  readonly acr?: "aal1" | "aal2"
  /** The account must have a second factor and has none: this session may add one, and do nothing else. */
  readonly restricted?: "enrolment"
  /** Unix seconds after which this principal is void. */
  readonly expiresAt?: number
}

/** The application itself, stated aloud with its reason; passes every policy. */
export interface System {
  readonly kind: "system"
  readonly reason: string
  readonly onBehalfOf?: string
}

/** Whoever calls an operation. */
export type Principal = Anonymous | User | System

export const anonymous: Anonymous = Object.freeze({ kind: "anonymous" })

/**
 * The application acting for itself.
 * @param reason why, in words an auditor understands; stands in every event it causes
 * @param onBehalfOf id of the user for whom it acts, when there is one
 */
export function system(reason: string, onBehalfOf?: string): System {
  return onBehalfOf === undefined ? { kind: "system", reason } : { kind: "system", reason, onBehalfOf }
}

/** The id that events and `me` name: a user's own id, undefined for the others. */
export function principalId(principal: Principal): string | undefined {
  return principal.kind === "user" ? principal.id : undefined
}

/**
 * The id of the user who calls, for operations that are open to users alone.
 * @throws Problem UNAUTHENTICATED for anybody else
 */
export function callerId(principal: Principal): string {
  if (principal.kind !== "user") throw new Problem("UNAUTHENTICATED", "Sign in to do this")
  return principal.id
}

/** True when the principal holds the application-wide role. The system holds all. */
export function hasRole(principal: Principal, role: string): boolean {
  return principal.kind === "system" || (principal.kind === "user" && principal.roles.includes(role))
}
