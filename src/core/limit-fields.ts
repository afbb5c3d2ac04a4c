/**
 * What is told of limits: the fields RateLimit-Policy and RateLimit of draft-ietf-httpapi-ratelimit-headers-11 (Structured Fields, RFC 9651), and the
 * same as JSON for doors without headers.
 */
import type { JsonObject } from "./json.ts"
import type { ToldLimit } from "./limit.ts"

/** The values of the two fields. */
export interface LimitFields {
  readonly policy: string
  readonly state: string
}

/** Seconds of the effective window: until more is admitted for who was refused, until all is back for the others. */
function secondsOf({ verdict }: ToldLimit): number {
  return verdict.admitted ? verdict.resetSeconds : verdict.retryAfterSeconds
}

/** The partition, where the credential does not say it: the organization, as a byte sequence. */
function partitionOf({ organization }: ToldLimit): string {
  return organization === null ? "" : `;pk=:${btoa(organization)}:`
}

/** The two fields, every policy in each; null when nothing was counted. */
export function limitFields(limits: readonly ToldLimit[]): LimitFields | null {
  if (limits.length === 0) return null
  return {
    policy: limits.map((one) => `"${one.name}";q=${one.tokens};w=${one.windowSeconds}${partitionOf(one)}`).join(", "),
    state: limits
      .map((one) => `"${one.name}";r=${one.verdict.remaining};t=${secondsOf(one)}${partitionOf(one)}`)
      .join(", "),
  }
}

/** The same as JSON. */
export function limitsJson(limits: readonly ToldLimit[]): readonly JsonObject[] {
  return limits.map((one) => ({
    name: one.name,
    quota: one.tokens,
    windowSeconds: one.windowSeconds,
    ...(one.organization === null ? {} : { organization: one.organization }),
    remaining: one.verdict.remaining,
    resetSeconds: secondsOf(one),
  }))
}
