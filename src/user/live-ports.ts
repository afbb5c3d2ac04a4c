/** Where the live part of an object meets the world. Composed from the application: it judges by its policies and reads by its plans. */
import type { Called, Ending } from "../core/called.ts"
import type { FeedObject, TopicAddress } from "../core/feed-object.ts"
import type { Frames } from "../core/frames.ts"
import type { JsonObject } from "../core/json.ts"
import type { LimitedCaller } from "../core/limit-places.ts"
import type { LiveObject, TopicObject } from "../core/live-object.ts"
import type { Observe } from "../core/observation.ts"
import type { Store } from "../core/ports.ts"
import type { CompiledOperation, Registry } from "../core/registry.ts"
import type { Metering } from "../core/usage.ts"

/** What a live object needs. */
export interface LivePorts {
  readonly registry: Registry
  readonly metering: Metering
  readonly database: D1Database
  readonly frames: Frames
  /** Counts a watch by its limits, and says what is left. Throws RESOURCE_EXHAUSTED, or UNAVAILABLE when nobody can count. */
  count(operation: CompiledOperation, caller: LimitedCaller, input: JsonObject): Promise<readonly JsonObject[]>
  /** A store of its own for a read, from the primary. */
  openStore(): Store
  /** Where the watchers of a resource meet. */
  address(resource: string, tenant: string | null, record: string | null): TopicAddress
  topic(name: string): TopicObject
  feed(): Pick<FeedObject, "attend" | "leave">
  /** The object with the streams that a user's keys opened. */
  streams(user: string): Pick<LiveObject, "endStreams">
  /** Runs an operation through the pipeline, for whoever sits at a socket. */
  call(called: Called): Promise<Ending>
  readonly observe: Observe
  now(): Date
}

/** Who sits at a socket, as the Worker found out. */
export interface Sitter extends LimitedCaller {
  /** Set when another door has counted what comes over it. */
  readonly isCounted?: true
}

/** Carries the sitter from the Worker to the object; no request from outside reaches an object. */
export const sitterHeader = "X-Selvage-Sitter"

/** How much one object, one socket and one frame may ask for. */
export const liveLimits = {
  /** Sockets of one person; of one user's keys; of one object for callers who are nobody. */
  personSockets: 20,
  serviceSockets: 100,
  anonymousSockets: 1000,
  watchesPerSocket: 50,
  /** Records that a watch may hold when it begins. */
  recordsMax: 1000,
  /** Events that are read to resume; who is further behind begins anew. */
  backfillMax: 5000,
  /** About how many bytes of images are held to resume. */
  backfillBytes: 16 * 1024 * 1024,
  /** Frames and bytes that a socket may leave unacknowledged. */
  unackedFrames: 1000,
  unackedBytes: 4 * 1024 * 1024,
  /** What is not a call, before the socket is closed. */
  garbageMax: 5,
  topicsPerSocket: 10,
  messageBytes: 4096,
} as const

/** Why a socket is closed, beyond the codes of RFC 6455 §7.4.1. */
export const closeCodes = { policy: 1008, tooLarge: 1009, over: 4401, slow: 4008 } as const
