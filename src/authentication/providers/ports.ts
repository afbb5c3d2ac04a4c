/** The world of sign-in with others: what the providers know us by, the one way out, and what is kept of what they said. */
import type { Outbound } from "../../core/job.ts"
import type { Observe } from "../../core/observation.ts"

/** What a provider knows the application by. */
export interface ProviderClient {
  readonly id: string
  readonly secret: string
}

/** Filled in world.ts. */
export interface ProviderPorts {
  /** By the provider's name; complete, or the application would not be served. */
  readonly clients: ReadonlyMap<string, ProviderClient>
  /** Refuses private addresses and redirects, and ends in time. */
  readonly fetch: Outbound["fetch"]
  /** Providers on this machine may be called without TLS: local trials alone. */
  readonly callsLoopback: boolean
  /** What is public and may be asked for again: discovery and keys, by issuer. */
  readonly cache: {
    get(kind: "metadata" | "keys", issuer: string): Promise<string | null>
    put(kind: "metadata" | "keys", issuer: string, text: string): Promise<void>
  }
  readonly observe: Observe
}
