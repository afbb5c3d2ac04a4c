/** Whether the parts answer: D1, KV, objects. Says which and how fast; the cause goes to the operator. */
import type { FeedObject, Lag } from "../core/feed-object.ts"
import type { Observe } from "../core/observation.ts"
import { healthKey, healthObjectName } from "./keys.ts"

/** One part's answer. */
export interface Health {
  readonly part: "database" | "cache" | "objects" | "feed"
  readonly ok: boolean
  readonly milliseconds: number
  /** How far behind the log the feed is. Told, not judged: a backlog is no reason to take traffic away. */
  readonly lag?: Lag
}

/** The parts that are asked. */
export interface Parts {
  readonly DB: D1Database
  readonly CACHE: KVNamespace
  readonly USER: DurableObjectNamespace
  feed(): FeedObject
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
  const ask = async <T>(part: Health["part"], question: () => Promise<T>, told?: (answer: T) => Partial<Health>) => {
    const started = clock.elapsed()
    const milliseconds = () => Math.round(clock.elapsed() - started)
    try {
      const answer = await question()
      return { part, ok: true, milliseconds: milliseconds(), ...told?.(answer) }
    } catch (cause) {
      observe({ kind: "unhealthy", at: clock.now().toISOString(), part, cause })
      return { part, ok: false, milliseconds: milliseconds() }
    }
  }
  return Promise.all([
    ask("database", () => parts.DB.prepare("select 1 from users limit 1").first()),
    ask("cache", () => parts.CACHE.get(healthKey)),
    ask("objects", () => (parts.USER.getByName(healthObjectName) as unknown as Pinged).ping()),
    ask(
      "feed",
      () => parts.feed().lag(),
      (lag) => ({ lag }),
    ),
  ])
}
