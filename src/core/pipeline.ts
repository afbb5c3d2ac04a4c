/**
 * The one pipeline. Every call of every door goes through these stages in this order; no door, job or socket has a way around them.
 */

import { admit } from "./admission.ts"
import { handleCached } from "./answers.ts"
import { batchOf, checkKey, idempotencyOf, outboxOf, replayInstead, restored, settle, shown } from "./commit.ts"
import type { Arrival, Door } from "./door.ts"
import { handle, requireRight } from "./handle.ts"
import type { Json, JsonObject } from "./json.ts"
import { limitInput, limitPrincipal } from "./limit-stage.ts"
import { limits } from "./limits.ts"
import { admitUsage, countUsage, estimateOfRun } from "./metering.ts"
import type { Span } from "./observation.ts"
import type { Ports } from "./ports.ts"
import { anonymous, hasRole } from "./principal.ts"
import { Problem } from "./problem.ts"
import type { Registry } from "./registry.ts"
import { rehearse } from "./rehearsal.ts"
import { factsOf, matched, openStore, type Run, report } from "./run.ts"
import { refuseBadText, validate } from "./validation.ts"

type Stage = (run: Run) => void | Promise<void>

/** A call from inside has no address and no credential: its door says aloud who calls, and the limits and the proof have no object. */
const isStated = ({ door }: Run): boolean => door.principal !== undefined

const limitAddress: Stage = (run) =>
  isStated(run) || run.door.admitted ? undefined : run.ports.limitAddress(run.door.credentials(run.wire).address)

/** Runs `then` now when the value is there already: most calls know their principal and operation without waiting. */
function when<T>(value: T | Promise<T>, then: (value: T) => void): void | Promise<void> {
  return value instanceof Promise ? value.then(then) : then(value)
}

const authenticate: Stage = (run) =>
  when(
    run.door.principal?.(run.wire) ??
      run.door.admitted?.(run.wire) ??
      run.ports.authenticate(run.door.credentials(run.wire), run.now),
    (principal) => {
      run.principal = principal
    },
  )

const resolve: Stage = (run) =>
  when(run.door.resolve(run.wire), (match) => {
    run.match = match
  })

const decode: Stage = (run) => {
  const match = matched(run)
  checkKey(match)
  return when(match.decode(), (input) => {
    refuseBadText(input)
    run.input = input
  })
}

const validateInput: Stage = (run) => {
  run.input = validate(matched(run).operation.input, run.input as Json)
}

const authorize: Stage = (run) =>
  admit(run.registry, matched(run).operation, run.principal, run.input as JsonObject, run.now)

/** Writes in one batch. A decision that has gone stale runs again; a key that was used before answers as it did then. */
const commit: Stage = async (run) => {
  const { operation, rehearsal } = matched(run)
  if (operation.kind !== "mutation") return requireRight(run)
  if (rehearsal === true) return rehearse(run)
  const key = await idempotencyOf(run)
  for (let attempt = 1; ; attempt++) {
    const pending = outboxOf(run)
    const outbox = pending instanceof Promise ? await pending : pending
    const batch = batchOf(run, key, outbox)
    const { writes, reads, required, lease } = batch
    const isEmpty = writes.length + reads.length + required.length + outbox.length === 0 && batch.idempotency === null
    if (isEmpty && lease === undefined) return
    run.committed = true
    const committed = await openStore(run).commit(batch)
    if (committed.kind === "replayed") {
      run.replayed = true
      run.output = await restored(run, committed)
      return
    }
    if (committed.kind === "committed") {
      run.output = settle(run.output, committed.rows, committed.reads)
      if (writes.length + outbox.length > 0) run.ports.poke()
      if (outbox.length > 0) await run.ports.outbox.dispatch(outbox)
      return
    }
    if (attempt > limits.staleRetriesMax)
      throw new Problem("ABORTED", "The records changed while the call decided; try again")
    run.ports.observe({
      kind: "stale_decision",
      at: run.now.toISOString(),
      requestId: run.arrival.requestId,
      operation: operation.name,
      attempt,
    })
    await handle(run)
  }
}

/** What may be kept for everybody is asked of the cache first. */
const answer: Stage = (run) => {
  const { caching } = matched(run).operation
  return caching === null ? handle(run) : handleCached(run, caching)
}

const encode: Stage = (run) => {
  if (!run.answered) run.answer = shown(run)
}

const stages: readonly (readonly [string, Stage])[] = [
  ["limit-address", limitAddress],
  ["authenticate", authenticate],
  ["resolve", resolve],
  ["limit-principal", limitPrincipal],
  ["decode", decode],
  ["validate", validateInput],
  ["authorize", authorize],
  ["limit-input", limitInput],
  ["budget", admitUsage],
  ["handle", answer],
  ["commit", commit],
  ["encode", encode],
]

/**
 * Runs one call through every stage.
 * @returns the door's answer; never throws: whatever fails becomes the door's own problem
 */
export async function run<W, R>(
  registry: Registry,
  ports: Ports,
  door: Door<W, R>,
  wire: W,
  arrival: Arrival,
): Promise<R> {
  const call: Run = {
    registry,
    ports,
    arrival,
    wire,
    door: door as Door<unknown, unknown>,
    now: ports.now(),
    principal: anonymous,
    match: null,
    tally: null,
    store: null,
    input: null,
    recorder: null,
    output: null,
    answer: null,
    committed: false,
    replayed: false,
    answered: false,
    cached: null,
    session: null,
    charge: null,
  }
  const spans: Span[] = []
  const started = ports.elapsed()
  let problem: Problem | null = null
  try {
    await runStages(call, spans)
  } catch (thrown) {
    problem = await replayInstead(call, thrown)
  }
  if (call.store !== null) call.tally?.chargeRows(call.store.cost.rowsRead)
  report(call, problem, ports.elapsed() - started)
  const estimate = estimateOfRun(call, problem !== null)
  countUsage(call, estimate)
  const facts = factsOf(call, spans, estimate)
  return problem ? door.encodeProblem(wire, problem, facts) : door.encode(wire, call.answer, facts)
}

/** Spans are told in development and to administrators, so only their calls pay for the clock. */
async function runStages(call: Run, spans: Span[]): Promise<void> {
  const { ports } = call
  let last = ports.development ? ports.elapsed() : null
  for (const [stage, work] of stages) {
    const pending = work(call)
    if (pending) await pending
    if (last === null && !(stage === "authenticate" && hasRole(call.principal, "admin"))) continue
    const at = ports.elapsed()
    if (last !== null) spans.push({ stage, milliseconds: at - last })
    last = at
  }
}
