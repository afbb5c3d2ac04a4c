/** Problems in plain sentences, for people. Never more than the problem itself says outward. */
import type { Code } from "../../core/code.ts"
import type { Problem, ProblemType, Violation } from "../../core/problem.ts"

const statusByCode: Partial<Record<Code, number>> = {
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  ABORTED: 409,
  UNIMPLEMENTED: 501,
  INTERNAL: 500,
  UNKNOWN: 500,
  DATA_LOSS: 500,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
}

const statusByType: Partial<Record<ProblemType, number>> = {
  "method-not-allowed": 405,
  "payload-too-large": 413,
  "unsupported-media-type": 415,
}

/** The status of a page that shows the problem. A wrong password is 400: 401 is for schemes of HTTP (RFC 9110 §15.5.2). */
export function statusOf({ code, options }: Problem): number {
  return (options.type && statusByType[options.type]) ?? statusByCode[code] ?? 400
}

/** A wait as people say it, rounded up. */
export function waitText(seconds: number): string {
  const count = (number: number, unit: string) => `${number} ${unit}${number === 1 ? "" : "s"}`
  if (seconds <= 90) return count(Math.max(1, Math.ceil(seconds)), "second")
  if (seconds <= 90 * 60) return count(Math.ceil(seconds / 60), "minute")
  return count(Math.ceil(seconds / 3600), "hour")
}

/** A problem's outward text as a sentence. */
export function sentence(text: string): string {
  return /[.?!]$/.test(text) ? text : `${text}.`
}

/**
 * What a page says of a problem.
 * @param requestId told where only the operator can find out more
 */
export function sayProblem({ code, message, options }: Problem, requestId: string): string {
  const wait = options.retryAfterSeconds
  if (code === "RESOURCE_EXHAUSTED" && wait !== undefined) return `Too many attempts. Try again in ${waitText(wait)}.`
  if (code === "UNAVAILABLE") return `${sentence(message)} Try again in a moment.`
  if (code === "ABORTED") return "Something else changed at the same moment. Try again."
  if (code === "INTERNAL" || code === "UNKNOWN")
    return `Something went wrong on our side. If it happens again, tell whoever runs this site the number ${requestId}.`
  return sentence(message)
}

/** Codes of shape and length, whose text is for programs; the field has a sentence of its own for them. */
const ofShape: ReadonlySet<string> = new Set([
  "required",
  "invalid_type",
  "too_big",
  "too_small",
  "invalid_format",
  "invalid_value",
  "invalid_text",
])

/**
 * What stands beside a field.
 * @param typed what was in it
 * @param own the field's sentences: nothing typed, not what belongs there
 */
export function sayViolation(violation: Violation, typed: string, own: { empty: string; wrong: string }): string {
  if (typed.trim() === "") return own.empty
  return ofShape.has(violation.code) ? own.wrong : sentence(violation.message)
}
