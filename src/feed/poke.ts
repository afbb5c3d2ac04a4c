/** Tells the feed that the log has grown, behind the answer: at most one call under way an isolate, and one more for what came meanwhile. */
import type { FeedObject } from "../core/feed-object.ts"

/**
 * The poke of an isolate.
 * @param options.feed a stub for each call: a stub belongs to the call that made it
 * @param options.behind keeps work going after the answer, and tells the operator of its faults
 */
export function poker(options: { feed(): FeedObject; behind(work: Promise<unknown>): void }): () => void {
  let isUnderWay = false
  let isDue = false
  const poke = async (): Promise<void> => {
    isUnderWay = true
    try {
      do {
        isDue = false
        await options.feed().poke()
      } while (isDue)
    } finally {
      isUnderWay = false
    }
  }
  return () => {
    isDue = true
    if (!isUnderWay) options.behind(poke())
  }
}
