/** The bindings of the tests: the Worker's own, and those that vitest.config.ts makes. */
import type { D1Migration } from "cloudflare:test"

declare global {
  namespace Cloudflare {
    interface GlobalProps {
      mainModule: typeof import("../src/index.ts")
    }
    interface Env {
      readonly DB: D1Database
      readonly TEST_MIGRATIONS: D1Migration[]
      /** openapi.yml, as JSON. */
      readonly TEST_SPECIFICATION: string
      readonly TEST_README: string
    }
  }
}
