/** The bindings of the tests: the Worker's own, and what vitest.config.ts adds. */
import type { D1Migration } from "cloudflare:test"
import type { Env as WorkerEnv } from "selvage/worker"

declare global {
  namespace Cloudflare {
    interface GlobalProps {
      mainModule: typeof import("../src/index.ts")
    }
    interface Env extends WorkerEnv {
      readonly TEST_MIGRATIONS: D1Migration[]
    }
  }
}
