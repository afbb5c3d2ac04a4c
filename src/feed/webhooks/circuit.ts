/** The circuit breaker of an endpoint, and when it is given up: pure decisions over what D1 says of it. */
import { bounds } from "./ports.ts"

/** How an endpoint fares. */
export interface Condition {
  /** Failures in a row. */
  readonly failures: number
  /** Since when nothing arrived; null: the last delivery did. */
  readonly failingSince: string | null
  readonly openUntil: string | null
}

/** May it be called? `probe`: by one caller, who claims it. */
export type Verdict = { readonly kind: "closed" } | { readonly kind: "probe" } | { readonly kind: "open"; until: Date }

/** Whether an endpoint may be called now. */
export function judge({ openUntil }: Pick<Condition, "openUntil">, now: Date): Verdict {
  if (openUntil === null) return { kind: "closed" }
  const until = new Date(openUntil)
  return until > now ? { kind: "open", until } : { kind: "probe" }
}

/** Until when a circuit that opens now stays so: as long as the endpoint has been failing, within bounds, so that it doubles. */
export function opensUntil({ failingSince }: Pick<Condition, "failingSince">, now: Date): Date {
  const failingMs = failingSince === null ? 0 : now.getTime() - Date.parse(failingSince)
  return new Date(now.getTime() + Math.min(bounds.openMaxMs, Math.max(bounds.openMinMs, failingMs)))
}

/** Why an endpoint is given up after a failure; null when it is not. */
export function reasonToDisable(
  { failures, failingSince }: Pick<Condition, "failures" | "failingSince">,
  now: Date,
): string | null {
  if (failures >= bounds.disabledAfterFailures) return `${bounds.disabledAfterFailures} deliveries in a row failed`
  if (failingSince !== null && now.getTime() - Date.parse(failingSince) >= bounds.disabledAfterMs)
    return "Nothing arrived for 3 days"
  return null
}
