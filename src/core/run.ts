/** A call under way: the state that the stages share, and what is told of it at the end. */
import type { Arrival, CachedFacts, Door, Facts, Match } from "./door.ts"
import type { Json } from "./json.ts"
import { isPastSunset } from "./lifecycle.ts"
import type { CallerKind, Observation, Span } from "./observation.ts"
import type { SessionEffect } from "./operation.ts"
import type { Ports, Store } from "./ports.ts"
import { hasRole, type Principal } from "./principal.ts"
import type { Problem } from "./problem.ts"
import type { Recorder } from "./recorder.ts"
import type { Registry } from "./registry.ts"
import type { Tally } from "./tally.ts"
import type { Charge } from "./usage.ts"

/** Only the stages of `pipeline.ts` write to it. */
export interface Run {
  readonly registry: Registry
  readonly ports: Ports
  readonly arrival: Arrival
  readonly door: Door<unknown, unknown>
  readonly wire: unknown
  /** Instant of the call: every stage, statement and event has the same. */
  readonly now: Date
  principal: Principal
  match: Match | null
  /** null until the call is counted; calls of the application itself never are. */
  tally: Tally | null
  store: Store | null
  /** Wire JSON after decode, the schema's output after validate. */
  input: unknown
  recorder: Recorder | null
  output: unknown
  answer: Json
  /** True once a batch was sent. */
  committed: boolean
  replayed: boolean
  /** True when `answer` stands already: the cache gave what went out before. */
  answered: boolean
  /** What the cache did; null for operations without one. */
  cached: CachedFacts | null
  /** What becomes of the caller's cookies. */
  session: SessionEffect | null
  /** Counts it for whom it counts; null: for nobody. */
  charge: Charge | null
}

/** The match; there is one once `resolve` has run. */
export function matched(run: Run): Match {
  if (run.match === null) throw new Error("resolve has not run")
  return run.match
}

/** The call's one database session, opened on first use: a refused call costs no trip. */
export function openStore(run: Run): Store {
  const match = matched(run)
  run.store ??= run.ports.openStore({ bookmark: match.bookmark, fresh: match.operation.kind === "mutation" })
  return run.store
}

/** Who acts, in a word, for logs. */
export function actorOf(principal: Principal): string {
  return principal.kind === "user" ? principal.id : principal.kind
}

/**
 * What the door may tell. Receipts are a side channel, so only development and administrators get them.
 * @param estimate of what the call has cost, in nano-dollars
 */
export function factsOf(run: Run, spans: readonly Span[], estimate: number): Facts {
  const isAdmin = hasRole(run.principal, "admin")
  const open = run.ports.development || isAdmin
  const shared = isAdmin || run.session !== null ? null : (run.cached?.shared ?? null)
  return {
    requestId: run.arrival.requestId,
    operation: run.match?.operation ?? null,
    principal: run.principal,
    // An answer for all says nothing of one caller's database.
    bookmark: shared === null ? (run.store?.bookmark() ?? null) : null,
    replayed: run.replayed,
    limits: run.tally?.told() ?? [],
    session: run.session,
    cached: run.cached && { state: run.cached.state, shared },
    receipt: open ? { cost: run.store?.cost ?? { trips: 0, rowsRead: 0, rowsWritten: 0 }, estimate, spans } : null,
  }
}

/** What kind of caller it is. */
function callerKind(principal: Principal): CallerKind {
  if (principal.kind !== "user") return principal.kind
  return principal.key !== undefined ? "key" : principal.grant !== undefined ? "program" : "user"
}

/** What the operator wants to know before something deprecated is taken away: who still calls it. */
function deprecatedCall({ match, principal, now }: Run): Pick<Extract<Observation, { kind: "call" }>, "deprecated"> {
  const deprecated = match?.deprecated ?? match?.operation.deprecated
  if (deprecated === undefined) return {}
  const { sunset = null } = deprecated
  return { deprecated: { caller: callerKind(principal), sunset, isPast: isPastSunset(deprecated, now) } }
}

/** Tells the operator of the call. */
export function report(run: Run, problem: Problem | null, milliseconds: number): void {
  const operation = run.match?.operation.name ?? null
  const at = run.now.toISOString()
  if (run.replayed && operation !== null)
    run.ports.observe({ kind: "replayed", at, requestId: run.arrival.requestId, operation })
  run.ports.observe({
    kind: "call",
    at,
    requestId: run.arrival.requestId,
    traceId: run.arrival.traceId,
    door: run.door.name,
    operation,
    actor: actorOf(run.principal),
    code: problem?.code ?? "OK",
    milliseconds,
    cost: run.store?.cost ?? { trips: 0, rowsRead: 0, rowsWritten: 0 },
    ...(run.cached === null ? {} : { cache: run.cached.state }),
    ...deprecatedCall(run),
    ...(problem?.options.cause === undefined ? {} : { cause: problem.options.cause }),
  })
}
