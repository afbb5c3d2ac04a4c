/** The bindings of the tests: the Worker's own, and those that tests/vitest.config.ts makes. */
import type { D1Migration } from "cloudflare:test"
import type { Env as WorkerEnv } from "../src/config.ts"

declare global {
  namespace Cloudflare {
    interface GlobalProps {
      mainModule: typeof import("../src/index.ts")
    }
    interface Env extends WorkerEnv {
      readonly TOKEN_ISSUER: string
      readonly TOKEN_AUDIENCE: string
      /** The private key that the Worker's TOKEN_PUBLIC_KEYS belongs to, as a JWK. */
      readonly TEST_SIGNING_KEY: string
      readonly TEST_MIGRATIONS: D1Migration[]
      /** Databases of their own, for the tests that break a log or prune one. */
      readonly TEST_LOG: D1Database
      readonly TEST_PRUNED: D1Database
      readonly TEST_ARCHIVE: R2Bucket
    }
  }
}
