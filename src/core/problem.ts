/** The one error of the house: a code, a sentence for the caller, the paths of the faults. What only the operator may see is `cause`. */
import type { Code } from "./code.ts"
import type { JsonObject } from "./json.ts"
import type { ToldLimit } from "./limit.ts"

/** One fault of the input. `path` is an RFC 6901 JSON pointer into the operation's input; `code` is a stable snake_case word. */
export interface Violation {
  readonly path: string
  readonly code: string
  readonly message: string
}

/**
 * Problem types refine a code where a protocol has a better word for it (HTTP 405, 406, 409, 412, 413, 415; step-up). Doors map them; core only names them.
 */
export const problemTypes = [
  "method-not-allowed",
  "not-acceptable",
  "payload-too-large",
  "unsupported-media-type",
  "version-mismatch",
  "idempotency-key-reused",
  "budget-exhausted",
  "unknown-route",
  "insufficient-user-authentication",
  "approval-required",
] as const
export type ProblemType = (typeof problemTypes)[number]

/** What a problem may say beside its code and sentence. */
export interface ProblemOptions {
  readonly type?: ProblemType
  readonly violations?: readonly Violation[]
  /** Seconds after which the same call may succeed. */
  readonly retryAfterSeconds?: number
  /** For insufficient-user-authentication: how long ago the caller may have proved who they are, in seconds. */
  readonly maxAgeSeconds?: number
  /** For method-not-allowed: the methods that the path has. */
  readonly allow?: readonly string[]
  /** For a credential that reaches too little: the scope that would do (RFC 6750 §3). */
  readonly scope?: string
  /** For approval-required: its id, and the page where whoever let the program in decides. */
  readonly approval?: { readonly id: string; readonly page: string }
  /** For RESOURCE_EXHAUSTED: what was counted, the tightest first. Doors with headers find it among their facts. */
  readonly limits?: readonly ToldLimit[]
  /** For a problem that came over another connection: the id of the call there, and what it was counted by, as they were told. */
  readonly told?: { readonly requestId?: string; readonly limits?: readonly JsonObject[] }
  /** For the operator's log; never leaves. */
  readonly cause?: unknown
}

/** Thrown at the edge of knowing. `message` is outward text: it never holds SQL, parameters, a stack or another tenant's data. */
export class Problem extends Error {
  readonly code: Code
  readonly options: ProblemOptions

  constructor(code: Code, message: string, options: ProblemOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = "Problem"
    this.code = code
    this.options = options
  }
}

/** INVALID_ARGUMENT with one violation. */
export function invalid(path: string, code: string, message: string): Problem {
  return new Problem("INVALID_ARGUMENT", message, { violations: [{ path, code, message }] })
}

/** INVALID_ARGUMENT with all the violations that were found. */
export function invalidAll(violations: readonly Violation[]): Problem {
  const first = violations[0]?.message ?? "The request is not valid"
  return new Problem(
    "INVALID_ARGUMENT",
    violations.length > 1 ? `${first} (and ${violations.length - 1} more)` : first,
    { violations },
  )
}

/** NOT_FOUND, the same words whether the record is absent or invisible. */
export function notFound(resource: string): Problem {
  return new Problem("NOT_FOUND", `No such record in ${resource}, or it is not visible to you`)
}

/** PERMISSION_DENIED for an action on a resource or operation. */
export function denied(action: string): Problem {
  return new Problem("PERMISSION_DENIED", `You may not ${action}`)
}

/** Any thrown value as a problem: unknown ones become INTERNAL, their text stays in `cause`. */
export function asProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown
  return new Problem("INTERNAL", "Something went wrong on our side", { cause: thrown })
}

/** Escapes one segment of a JSON pointer (RFC 6901 §3). */
export function pointer(...segments: readonly (string | number)[]): string {
  return segments.map((segment) => `/${String(segment).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("")
}
