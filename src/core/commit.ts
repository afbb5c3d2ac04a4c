/** From a handler's output to a batch and back: pending rows, the stored answer, the replay of a key. */
import { Pending } from "./changes.ts"
import type { Match } from "./door.ts"
import type { Json, JsonObject } from "./json.ts"
import { limits } from "./limits.ts"
import type { GetPlan } from "./plan.ts"
import type { Batch, IdempotencyRecord, PendingRead, Row, StoredAnswer } from "./ports.ts"
import { principalId } from "./principal.ts"
import { asProblem, invalid, Problem, pointer } from "./problem.ts"
import { matched, openStore, type Run } from "./run.ts"
import { violationsOf } from "./validation.ts"

/** The key of a call as it is stored: hashed with principal and operation, so that one caller's key says nothing of another's. */
export type StoredKey = Pick<IdempotencyRecord, "key" | "inputHash" | "expiresAt">

/** Refuses an idempotency key that cannot be kept, or whose call must not be. */
export function checkKey({ operation, idempotencyKey: key }: Match): void {
  if (key === null || operation.kind !== "mutation") return
  if (key.length === 0 || key.length > limits.idempotencyKeyLength) {
    const sentence = `An idempotency key has 1 to ${limits.idempotencyKeyLength} characters`
    throw invalid("/idempotencyKey", "invalid_value", sentence)
  }
  if (operation.confidential) {
    const sentence = `Nothing of ${operation.name} is stored, so it takes no idempotency key`
    throw invalid("/idempotencyKey", "not_supported", sentence)
  }
}

/** The stored form of the call's idempotency key; null when it has none. */
export async function idempotencyOf(run: Run): Promise<StoredKey | null> {
  const { idempotencyKey, idempotencySeconds = limits.idempotencySeconds, operation } = matched(run)
  if (idempotencyKey === null || operation.kind !== "mutation" || run.input === null) return null
  const owner = principalId(run.principal) ?? run.principal.kind
  const [key, inputHash] = await Promise.all([
    run.ports.hash(JSON.stringify([owner, operation.name, idempotencyKey])),
    run.ports.hash(JSON.stringify(run.input)),
  ])
  return { key, inputHash, expiresAt: new Date(run.now.getTime() + idempotencySeconds * 1000).toISOString() }
}

const noMessages: Batch["outbox"] = []

/** What is to be told outside, with ids and sealed. Most calls tell nobody, and wait for nothing. */
export function outboxOf({ recorder, ports, now }: Run): Batch["outbox"] | Promise<Batch["outbox"]> {
  const messages = recorder?.messages ?? []
  return messages.length === 0 ? noMessages : ports.outbox.prepare(messages, now)
}

/** Everything that the call wants committed. */
export function batchOf(run: Run, key: StoredKey | null, outbox: Batch["outbox"]): Batch {
  const { operation, job } = matched(run)
  const recorder = run.recorder
  if (recorder === null) throw new Error("handle has not run")
  const policy = operation.policy
  const required =
    policy.kind === "on" && !operation.model
      ? [{ on: policy, id: String((run.input as Record<string, Json>)[policy.idFrom]) }]
      : []
  return {
    operation: operation.name,
    requestId: run.arrival.requestId,
    principal: run.principal,
    now: run.now,
    writes: recorder.writes,
    reads: recorder.reads,
    decidedOn: recorder.writes.length === 0 ? [] : recorder.decidedOn,
    required,
    idempotency: key && { ...key, ...template(run.output, recorder.reads) },
    outbox,
    ...(recorder.reason === null ? {} : { reason: recorder.reason }),
    ...(job ? { lease: job.lease } : {}),
  }
}

/** The output as JSON with holes (null) where rows of the batch belong, and the JSON pointers of the holes. */
function template(
  output: unknown,
  plans: readonly GetPlan[],
): Pick<IdempotencyRecord, "answer" | "pendings" | "reads"> {
  const pendings: { at: string | null; write: number }[] = []
  const reads: PendingRead[] = []
  const visit = (value: unknown, at: string): Json => {
    if (value instanceof Pending) {
      const place = at === "" ? null : at
      if (value.of === "write") pendings.push({ at: place, write: value.index })
      else reads.push({ at: place, plan: plans[value.index] as GetPlan })
      return null
    }
    if (Array.isArray(value)) return value.map((item, n) => visit(item, at + pointer(n)))
    if (value === null || typeof value !== "object") return value as Json
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, visit(inner, at + pointer(name))]))
  }
  return { answer: visit(output, ""), pendings, reads }
}

/** Puts the committed rows where they were promised. */
export function settle(output: unknown, rows: readonly (Row | null)[], reads: readonly (Row | null)[]): unknown {
  if (output instanceof Pending)
    return output.of === "read" ? (reads[output.index] ?? null) : (rows[output.index] ?? { id: output.id })
  if (Array.isArray(output)) return output.map((item) => settle(item, rows, reads))
  if (output === null || typeof output !== "object") return output
  return Object.fromEntries(Object.entries(output).map(([name, value]) => [name, settle(value, rows, reads)]))
}

/** A stored answer, with the records that it shows as they are now. */
export async function restored(run: Run, { answer, reads }: StoredAnswer): Promise<Json> {
  let whole = answer
  for (const { at, plan } of reads) {
    const row = await openStore(run).get(plan, { principal: run.principal, now: run.now })
    whole = at === null ? row : placed(whole, at.slice(1).split("/"), row)
  }
  return whole
}

/**
 * What goes out: only what the declared output says, the second time as the first. A handler that answers otherwise is at fault, not the
 * caller; but what a stored answer showed may be gone since.
 */
export function shown(run: Run): Json {
  const { operation } = matched(run)
  if (operation.model) return run.output as Json
  const parsed = operation.output.safeParse(run.output)
  if (parsed.success) return parsed.data as Json
  if (run.replayed)
    throw new Problem("NOT_FOUND", "This call was made before; what it showed then is not there, or not visible to you")
  throw new Problem("INTERNAL", "Something went wrong on our side", { cause: violationsOf(parsed.error) })
}

function placed(into: Json, [segment, ...rest]: readonly string[], value: Json): Json {
  if (segment === undefined) return value
  const key = segment.replaceAll("~1", "/").replaceAll("~0", "~")
  if (Array.isArray(into))
    return into.map((item, n) => (String(n) === key ? placed(item as Json, rest, value) : (item as Json)))
  const object = into as JsonObject
  return { ...object, [key]: placed(object[key] ?? null, rest, value) }
}

/** A write that fails with a key may be the repetition of one that succeeded: then it answers as it did, and not with the failure. */
export async function replayInstead(run: Run, thrown: unknown): Promise<Problem | null> {
  const problem = asDeclared(run, asProblem(thrown))
  // Before `handle` nothing was decided on data, so nothing can differ from the first time but the caller's rights. A failed commit has
  // looked the key up by itself.
  if (run.recorder === null || run.committed) return problem
  try {
    const key = await idempotencyOf(run)
    const stored = key && (await openStore(run).replay(key.key, key.inputHash, run.now))
    if (!stored) return problem
    run.replayed = true
    run.output = await restored(run, stored)
    run.answer = shown(run)
    return null
  } catch (second) {
    return asProblem(second)
  }
}

const pipelineCodes = new Set([
  "INVALID_ARGUMENT",
  "UNAUTHENTICATED",
  "PERMISSION_DENIED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "ABORTED",
])
const engineCodes = new Set([
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "INTERNAL",
  "UNAVAILABLE",
  "DEADLINE_EXCEEDED",
  "CANCELLED",
  "UNIMPLEMENTED",
])

/** A handler throws what it declares. Another code of its own is its fault, not the caller's. */
function asDeclared(run: Run, problem: Problem): Problem {
  const declared = run.match?.operation.errors ?? []
  if (pipelineCodes.has(problem.code) || engineCodes.has(problem.code) || declared.includes(problem.code))
    return problem
  return new Problem("INTERNAL", "Something went wrong on our side", { cause: problem })
}
