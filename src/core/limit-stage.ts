/** The stages that count a call, and the count of what is no call of the pipeline. The application's own calls are never counted. */
import type { JsonObject } from "./json.ts"
import type { CallLimits, ToldLimit } from "./limit.ts"
import { type LimitedCaller, wantedOf } from "./limit-places.ts"
import type { CompiledOperation } from "./registry.ts"
import { matched, type Run } from "./run.ts"
import { type TallyPorts, tallyOf } from "./tally.ts"

/** Counts by what is known before the body is read: who calls, and which operation. */
export function limitPrincipal(run: Run): void | Promise<void> {
  const { principal, ports, door, wire, now } = run
  if (principal.kind === "system") return
  const { operation } = matched(run)
  run.tally = tallyOf(ports, { principal, address: door.credentials(wire).address }, now)
  return run.tally.draw(wantedOf(operation.limits.early, operation, {}))
}

/** Counts by what the input says: the organization, a search, the records of a batch. Who may not call has been turned away. */
export function limitInput(run: Run): void | Promise<void> {
  const { operation } = matched(run)
  if (run.tally === null || operation.limits.late.length === 0) return
  return run.tally.draw(wantedOf(operation.limits.late, operation, run.input as JsonObject))
}

/** Counts what comes in over another way than the pipeline: a live connection, and the watches over it. */
export interface LimitedCall {
  readonly limits: CallLimits
  /** null for a connection that is opened. */
  readonly operation: CompiledOperation | null
  readonly caller: LimitedCaller
  /** Validated. */
  readonly input: JsonObject
  readonly now: Date
}

/**
 * Counts such a call.
 * @throws Problem as the stages do
 */
export async function limitCall(ports: TallyPorts, call: LimitedCall): Promise<readonly ToldLimit[]> {
  const { limits, operation, caller, input, now } = call
  const tally = tallyOf(ports, caller, now)
  await tally.draw(wantedOf([...limits.early, ...limits.late], operation, input))
  return tally.told()
}
