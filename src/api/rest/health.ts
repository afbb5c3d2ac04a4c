/** Liveness and readiness, for machines that watch. Which part fails is told; why is in the log, never in the answer. */
import { securityHeaders } from "../../core/security-headers.ts"

/** One part's answer. */
export interface PartHealth {
  readonly part: string
  readonly ok: boolean
  readonly milliseconds: number
  /** How far the feed is behind the log: events, the age of the oldest in seconds, jobs that wait. */
  readonly lag?: { readonly events: number; readonly seconds: number; readonly jobs: number }
}

/** Asks every part of the world that the application needs. Never throws. */
export type HealthPort = () => Promise<readonly PartHealth[]>

function answer(status: 200 | 503, body: unknown, requestId: string): Response {
  const headers = { ...securityHeaders, "Cache-Control": "no-store", "Content-Type": "application/json; charset=utf-8" }
  return new Response(JSON.stringify(body), { status, headers: { ...headers, "X-Request-Id": requestId } })
}

/** `/health/live`: the isolate answers. No I/O. */
export function liveAnswer(requestId: string): Response {
  return answer(200, { status: "ok" }, requestId)
}

/** `/health/ready`: every part answers, or 503 with the parts that do not. */
export async function readyAnswer(health: HealthPort, requestId: string): Promise<Response> {
  const parts = await health()
  const ok = parts.every((part) => part.ok)
  return answer(ok ? 200 : 503, { status: ok ? "ok" : "unavailable", parts }, requestId)
}
