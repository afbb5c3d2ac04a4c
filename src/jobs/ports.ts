/** The world of those who run jobs. Filled in app.ts. */
import type { Outbound } from "../core/job.ts"
import type { Mail } from "../core/outbox.ts"
import type { Ports } from "../core/ports.ts"
import type { Registry } from "../core/registry.ts"
import type { Sealer } from "../core/sealing.ts"

/** What running a job takes. */
export interface JobPorts {
  readonly registry: Registry
  readonly database: D1Database
  readonly sealer: Sealer
  /** Those of the pipeline. */
  readonly pipeline: Ports
  readonly outbound: Outbound["fetch"]
  /** @param id of the letter: the same when it is sent again */
  sendMail(id: string, mail: Mail): Promise<void>
  /** 0 to 1. */
  chance(): number
}
