/**
 * A watch as a stream, for doors that stream over something else: one call over a connection of its own to the live object, whose frames are
 * acknowledged as they are taken, so that a slow reader is slow all the way.
 */
import type { JsonObject } from "../../core/json.ts"
import type { WatchStream } from "../../core/watch.ts"
import { connectionOver } from "./connection.ts"

/** Acknowledges every so many frames: the object's bound is far above. */
const ackEvery = 50

/**
 * Opens a watch over a connection.
 * @param socket to the live object, not accepted yet
 * @throws Problem as the live object refuses; UNAVAILABLE when the connection ends before its answer
 */
export async function watchOver(socket: WebSocket, method: string, input: JsonObject): Promise<WatchStream> {
  const connection = connectionOver(socket)
  let stream: WatchStream
  try {
    stream = await connection.watch(method, input)
  } catch (thrown) {
    connection.close()
    throw thrown
  }
  let acknowledged = 0
  return {
    why: stream.why,
    close() {
      stream.close()
      connection.close()
    },
    async next() {
      const told = stream.next()
      // Asked for more: what was taken before has been passed on.
      const passed = connection.passed()
      if (passed - acknowledged >= ackEvery) {
        acknowledged = passed
        connection.acknowledge(passed)
      }
      return told
    },
  }
}
