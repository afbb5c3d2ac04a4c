/**
 * What is told of limits: the fields RateLimit-Policy and RateLimit of draft-ietf-httpapi-ratelimit-headers-11 (Structured Fields, RFC 9651), and the
 * same as JSON for doors without headers.
 */
import type { JsonObject } from "./json.ts"
import type { ToldLimit } from "./limit.ts"

/** The values of the two fields. */
interface LimitFields {
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

/** The two values, every policy in each; null when nothing was counted. */
function limitFields(limits: readonly ToldLimit[]): LimitFields | null {
  if (limits.length === 0) return null
  return {
    policy: limits.map((one) => `"${one.name}";q=${one.tokens};w=${one.windowSeconds}${partitionOf(one)}`).join(", "),
    state: limits
      .map((one) => `"${one.name}";r=${one.verdict.remaining};t=${secondsOf(one)}${partitionOf(one)}`)
      .join(", "),
  }
}

/** The two as headers of HTTP; none when nothing was counted. */
export function limitHeaders(limits: readonly ToldLimit[]): readonly (readonly [string, string])[] {
  const fields = limitFields(limits)
  if (fields === null) return []
  return [
    ["RateLimit-Policy", fields.policy],
    ["RateLimit", fields.state],
  ]
}

/** The wait of a refusal as a header of HTTP (RFC 9110 §10.2.3), whole seconds; none where there is nothing to wait for. */
export function retryHeaders(retryAfterSeconds: number | null | undefined): readonly (readonly [string, string])[] {
  return typeof retryAfterSeconds === "number" ? [["Retry-After", String(Math.ceil(retryAfterSeconds))]] : []
}

/** What calls that are answered together were counted by: of what counted several of them, what is left after all. The tightest come first. */
export function limitsTogether(told: readonly (readonly ToldLimit[])[]): readonly ToldLimit[] {
  const found = new Map<string, ToldLimit>()
  for (const one of told.flat()) {
    const key = `${one.name} ${one.organization ?? ""}`
    const known = found.get(key)
    if (known === undefined || isTighter(one, known)) found.set(key, one)
  }
  return [...found.values()].sort((one, other) => (isTighter(one, other) ? -1 : isTighter(other, one) ? 1 : 0))
}

function isTighter({ verdict: one }: ToldLimit, { verdict: other }: ToldLimit): boolean {
  return one.retryAfterSeconds !== other.retryAfterSeconds
    ? one.retryAfterSeconds > other.retryAfterSeconds
    : one.remaining < other.remaining
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
