/** Whether the parts answer: D1, KV, objects. Says which and how fast; the cause goes to the operator. */
import type { Observe } from "../core/observation.ts"
import { healthKey, healthObjectName } from "./keys.ts"

/** One part's answer. */
export interface Health {
  readonly part: "database" | "cache" | "objects"
  readonly ok: boolean
  readonly milliseconds: number
}

/** The parts that are asked. */
export interface Parts {
  readonly DB: D1Database
  readonly CACHE: KVNamespace
  readonly USER: DurableObjectNamespace
}

/** An object that says that it runs. */
interface Pinged {
  ping(): Promise<"pong">
}

/** Asks every part once, all at the same time. */
export function checkHealth(
  parts: Parts,
  observe: Observe,
  clock: { now(): Date; elapsed(): number },
): Promise<Health[]> {
  const ask = async (part: Health["part"], question: () => Promise<unknown>): Promise<Health> => {
    const started = clock.elapsed()
    try {
      await question()
      return { part, ok: true, milliseconds: Math.round(clock.elapsed() - started) }
    } catch (cause) {
      observe({ kind: "unhealthy", at: clock.now().toISOString(), part, cause })
      return { part, ok: false, milliseconds: Math.round(clock.elapsed() - started) }
    }
  }
  return Promise.all([
    ask("database", () => parts.DB.prepare("select 1 from users limit 1").first()),
    ask("cache", () => parts.CACHE.get(healthKey)),
    ask("objects", () => (parts.USER.getByName(healthObjectName) as unknown as Pinged).ping()),
  ])
}
