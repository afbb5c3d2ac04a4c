/** The runtime around `serve`, held by a test. */
import { env, waitUntil } from "cloudflare:workers"
import type { Observation } from "../../src/core/observation.ts"
import { defaultLeaseRules } from "../../src/server/leases.ts"

/** A runtime whose observations the test reads, or that nobody reads. */
export function runtime(observe: (observation: Observation) => void = () => undefined) {
  return { observe, waitUntil }
}

/** Leases of an isolate that a test settles: they lie idle after a moment and not a second. */
export const briefLeases = { ...defaultLeaseRules, idleMs: 20 }

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
