/** Where the objects meet the world: clock, randomness, the hub and the log. Tests hold them; an answer that takes too long is none. */
import { typeid } from "typeid-js"
import { type HubObject, hubObjectName, type Revocation } from "../core/hub-object.ts"
import type { PendingEvent } from "../core/security-event.ts"
import { writeToLog } from "./security-events.ts"

/** The bindings of wrangler.toml that the objects use. */
export interface ObjectBindings {
  readonly DB: D1Database
  readonly HUB: DurableObjectNamespace
}

/** What a user's object needs. */
export interface ObjectPorts {
  /** Milliseconds since 1970. */
  now(): number
  random(length: number): Uint8Array
  /** Id of an event. */
  newId(): string
  /** Throws when the hub did not acknowledge. */
  revoke(revocations: readonly Revocation[]): Promise<void>
  /** Throws when the log does not have them. */
  log(user: string, events: readonly PendingEvent[]): Promise<void>
}

const hubTimeoutMs = 5000

/** The answer, when it comes in time. Throws when it does not. */
export async function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | null = null
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`No answer within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    if (timer !== null) clearTimeout(timer)
  }
}

/** The ports over the real world. */
export function objectPorts(env: ObjectBindings): ObjectPorts {
  return {
    now: () => Date.now(),
    random: (length) => crypto.getRandomValues(new Uint8Array(length)),
    newId: () => typeid("event").toString(),
    async revoke(revocations) {
      const hub = env.HUB.getByName(hubObjectName) as unknown as HubObject
      const answer = await within(hubTimeoutMs, hub.revoke(revocations))
      if ("error" in answer) throw new Error(`The hub answered ${answer.error}: ${answer.cause ?? ""}`)
    },
    log: (user, events) => writeToLog(env.DB, user, events),
  }
}
