/** The runtime around `serve`, held by a test. */
import { env, waitUntil } from "cloudflare:workers"
import type { Observation } from "../../src/core/observation.ts"

/** A runtime whose observations the test reads, or that nobody reads. */
export function runtime(observe: (observation: Observation) => void = () => undefined) {
  return { observe, waitUntil }
}

/**
 * Timers of an isolate that a test settles: what lies idle is looked after soon, so that leased tokens go back within a moment and not a second. How long
 * an answer is waited for stays as it is.
 */
export function brief(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return scheduler.wait(signal ? milliseconds : Math.min(milliseconds, 20), signal ? { signal } : {})
}

/** Bindings as production has them: letters go to a binding, which keeps them. */
export function production(change: object = {}) {
  const sent: object[] = []
  const MAIL = {
    send: async (letter: object) => {
      sent.push(letter)
      return { messageId: "test" }
    },
  }
  const variables = {
    ENVIRONMENT: "production",
    PUBLIC_URL: "https://selvage.test",
    MAIL_FROM: "no-reply@selvage.test",
  }
  return { env: { ...env, ...variables, MAIL, ...change } as never, sent }
}
