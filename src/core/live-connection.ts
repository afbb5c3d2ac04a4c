/**
 * A connection to a live object as a door speaks over it that has callers of its own in front: calls and watches of one person over one socket, as
 * many as a socket may hold. Types only.
 */
import type { Json, JsonObject } from "./json.ts"
import type { WatchStream } from "./watch.ts"

/** What a call over a connection answered. */
export interface LiveAnswer {
  readonly result: Json
  /** Facts of the call: `requestId`, `bookmark`, `replayed`. */
  readonly meta: JsonObject
}

/** How a connection ended, as RFC 6455 §7.1.5 and §7.1.6 have it. */
export interface Closed {
  readonly code: number
  readonly reason: string
}

/** A connection under way. */
export interface LiveConnection {
  /**
   * Calls an operation. Facts that other doors have in headers stand in `_meta`.
   * @throws Problem as the call is refused; INVALID_ARGUMENT for a frame that is too large; UNAVAILABLE when the connection ends before the answer
   */
  call(method: string, params: JsonObject): Promise<LiveAnswer>
  /** Begins a watch. @throws Problem as `call` does */
  watch(method: string, input: JsonObject): Promise<WatchStream>
  /** Number of a frame, so that it and all before it have been passed on by whoever reads the watches. */
  passed(): number
  /** Tells the object that everything up to a frame has been taken: whoever leaves too much untaken is closed as too slow. */
  acknowledge(frame: number): void
  /** Settles when the connection is over; does not reject. */
  readonly over: Promise<Closed>
  /** Ends the connection with all that runs over it. Does not throw. */
  close(): void
}
