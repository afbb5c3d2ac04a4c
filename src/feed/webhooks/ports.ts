/** What webhooks need of the world, and the numbers that bound them. Filled in world.ts; asked for when a call or a job runs. */
import type { Outbox } from "../../core/outbox.ts"
import type { Store } from "../../core/ports.ts"
import type { Sealer } from "../../core/sealing.ts"

/** The world of webhooks. */
export interface WebhookPorts {
  readonly database: D1Database
  /** Over the key-encryption ring. */
  readonly sealer: Sealer
  readonly outbox: Outbox
  /** Name of the application, for letters. */
  readonly title: string
  /** `http` addresses are taken, too: development alone. */
  readonly development: boolean
  mint(prefix: string): string
  random(length: number): Uint8Array
  /** Reads from the primary. */
  openStore(): Store
  /** False for a host that leads to a private network or, outside of local trials, to this machine. Does not resolve names. */
  isPublicHost(hostname: string): boolean
  now(): Date
  /** There are new jobs. */
  poke(): void
}

const second = 1000
const hour = 3600 * second

/** How webhooks are bounded. Units are last in the names. */
export const bounds = {
  endpointsPerOwner: 20,
  /** The secret before a rotation signs beside the new one for so long. */
  previousSecretMs: 24 * hour,
  /** One call, from the resolving of the name to the end of the answer. */
  callMs: 10 * second,
  /** Of the answer's body. */
  keptBytes: 4096,
  /** Of the body that was sent, in the log of deliveries; what is sent is whole. */
  keptLength: 65_536,
  /** Failures in a row that open the circuit. */
  opensAfter: 5,
  openMinMs: 30 * second,
  openMaxMs: hour,
  /** The call that tries an open circuit out has so long before another may. */
  probeMs: 30 * second,
  /** A delivery that did not arrive is given up after so long. */
  givenUpAfterMs: 24 * hour,
  disabledAfterMs: 3 * 24 * hour,
  disabledAfterFailures: 100,
} as const
