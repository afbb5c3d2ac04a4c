/** Observations as JSON lines, one a call. The only place that writes to the console. */
import type { Observation, Observe } from "../core/observation.ts"
import { describeCause } from "./redact.ts"

/** Codes that say that we are at fault, not the caller. */
const faults: ReadonlySet<string> = new Set(["UNKNOWN", "INTERNAL", "DATA_LOSS", "UNAVAILABLE"])

const errors: ReadonlySet<string> = new Set(["unhealthy", "undelivered", "fault"])

type Call = Extract<Observation, { kind: "call" }>

/** Counted by operation, door and caller they say who still calls what is to go. */
function deprecatedFields({ caller, sunset, isPast }: NonNullable<Call["deprecated"]>): Record<string, unknown> {
  return { deprecated: true, caller, sunset, pastSunset: isPast }
}

/** One observation as a flat record: what a log search wants to filter by. */
export function lineOf(observation: Observation): Record<string, unknown> {
  if (observation.kind !== "call") {
    const { kind, ...rest } = observation
    return {
      level: errors.has(kind) ? "error" : "info",
      kind,
      ...rest,
      ...("cause" in rest ? { cause: describeCause(rest.cause) } : {}),
    }
  }
  const { cost, cause, deprecated } = observation
  // One literal: this runs in every call.
  return {
    level: faults.has(observation.code) ? "error" : "info",
    kind: observation.kind,
    at: observation.at,
    requestId: observation.requestId,
    traceId: observation.traceId,
    door: observation.door,
    operation: observation.operation,
    actor: observation.actor,
    code: observation.code,
    ms: Math.round(observation.milliseconds * 10) / 10,
    trips: cost.trips,
    rowsRead: cost.rowsRead,
    rowsWritten: cost.rowsWritten,
    cache: observation.cache,
    ...(deprecated === undefined ? {} : deprecatedFields(deprecated)),
    cause: cause === undefined ? undefined : describeCause(cause),
  }
}

/** Logs every observation to the console. */
export const logObservation: Observe = (observation) => {
  console.log(JSON.stringify(lineOf(observation)))
}

/** Logs that the application cannot be served at all. */
export function logFault(fault: unknown): void {
  console.error(JSON.stringify({ level: "error", kind: "misconfigured", cause: describeCause(fault) }))
}
