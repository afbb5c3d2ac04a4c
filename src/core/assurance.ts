/**
 * How surely we know who calls, beyond who it is: how long ago they proved it, and whether the session may do anything yet. Refuses what takes a
 * fresh proof (RFC 9470, step-up) and what a session that may only enrol a second factor is not for.
 */
import type { Operation } from "./operation.ts"
import type { Principal } from "./principal.ts"
import { Problem } from "./problem.ts"

/** How long ago the caller may have proved who they are: `"10m"`, `"90s"`, `"1h"`. */
export type Freshness = `${number}${"s" | "m" | "h"}`

const units = { s: 1, m: 60, h: 3600 } as const

/**
 * Seconds of a freshness.
 * @throws Error for what is none
 */
export function freshSeconds(text: Freshness): number {
  const [, count, unit] = /^([1-9]\d{0,4})([smh])$/.exec(text) ?? []
  if (count === undefined) throw new Error(`"${text}" is not a time such as "10m"`)
  return Number(count) * units[unit as keyof typeof units]
}

function agoText(seconds: number): string {
  const [count, unit] = seconds % 60 === 0 ? [seconds / 60, "minute"] : [seconds, "second"]
  return `${count} ${unit}${count === 1 ? "" : "s"}`
}

/** What is said to whoever has to prove once more who they are. */
export function stepUpNeeded(maxAgeSeconds: number): Problem {
  const message = `This takes a proof of who you are from the last ${agoText(maxAgeSeconds)}: call auth.stepUp, or sign in again`
  return new Problem("UNAUTHENTICATED", message, {
    type: "insufficient-user-authentication",
    maxAgeSeconds,
    violations: [{ path: "", code: "insufficient_user_authentication", message }],
  })
}

/**
 * Refuses a session that may only add a second factor, but for what is meant for it.
 * @throws Problem PERMISSION_DENIED that names the way out
 */
export function checkRestriction(operation: Pick<Operation, "enrolment">, principal: Principal): void {
  if (principal.kind !== "user" || principal.restricted === undefined || operation.enrolment) return
  const message =
    "An administrator must have a second factor first: add one with factors.enrolTotp or factors.beginPasskey"
  throw new Problem("PERMISSION_DENIED", message, {
    violations: [{ path: "", code: "second_factor_required", message }],
  })
}

/**
 * Refuses who has not proved lately who they are. The system needs no proof: it is stated.
 * @throws Problem UNAUTHENTICATED with the age that is allowed
 */
export function checkFreshness(operation: Pick<Operation, "fresh">, principal: Principal, now: Date): void {
  if (operation.fresh === undefined || principal.kind === "system") return
  const seconds = freshSeconds(operation.fresh)
  const provedAt = principal.kind === "user" ? principal.authTime : undefined
  if (provedAt === undefined || now.getTime() - provedAt > seconds * 1000) throw stepUpNeeded(seconds)
}
