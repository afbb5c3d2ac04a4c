/** A call on its way through the door: who calls, what came of it, and what the headers tell of that. */
import { type ConnectError, createContextKey, type HandlerContext } from "@connectrpc/connect"
import { challengeOf } from "../../core/challenge.ts"
import { setCookies } from "../../core/cookies.ts"
import type { Arrival, Facts } from "../../core/door.ts"
import { tellDeprecation } from "../../core/lifecycle.ts"
import { limitHeaders, retryHeaders } from "../../core/limit-fields.ts"
import type { Credentials } from "../../core/ports.ts"
import type { Principal } from "../../core/principal.ts"
import type { Problem } from "../../core/problem.ts"

/** A call. What is null is not known yet, or never will be. */
export interface Visit {
  readonly credentials: Credentials
  readonly arrival: Arrival
  /** Who was let in. */
  principal: Principal | null
  facts: Facts | null
  problem: Problem | null
  /** A problem as an error of this call, kept for the headers. */
  refusal(problem: Problem): ConnectError
}

/** Where the library carries it. */
export const visitKey = createContextKey<Visit | null>(null)

/** The call that a context of the library belongs to. */
export function visitIn(context: HandlerContext): Visit {
  const visit = context.values.get(visitKey)
  if (!visit) throw new Error("A call came past the door")
  return visit
}

function tellFacts(headers: Headers, facts: Facts): void {
  if (facts.bookmark !== null) headers.set("X-Selvage-Bookmark", facts.bookmark)
  if (facts.replayed) headers.set("Idempotent-Replayed", "true")
  tellDeprecation(headers, facts.operation?.deprecated)
  for (const [name, value] of limitHeaders(facts.limits)) headers.set(name, value)
  if (facts.session !== null) setCookies(headers, facts.session, Date.now())
}

/**
 * Tells of a call in the headers of its answer: set on the answer itself, since the library copies its own and would keep one cookie of several.
 * @param metadata address of the document on how to be let in
 */
export function tell(headers: Headers, visit: Visit, metadata: string): void {
  const { arrival, credentials, facts, problem } = visit
  headers.set("X-Request-Id", arrival.requestId)
  if (facts !== null) tellFacts(headers, facts)
  if (problem === null) return
  for (const [name, value] of retryHeaders(problem.options.retryAfterSeconds)) headers.set(name, value)
  const challenge = challengeOf(problem, credentials.bearer !== null, metadata)
  if (challenge !== null) headers.set("WWW-Authenticate", challenge)
}
