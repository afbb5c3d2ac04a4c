/** Tells the feed that the log has grown, behind the answer: at most one call under way an isolate, and one more for what came meanwhile. */
import type { FeedObject } from "../core/feed-object.ts"

/** The platform drops what goes on behind an answer for more than 30 s, without a word: then nobody is under way any more. */
const givenUpMs = 35_000

/**
 * The poke of an isolate.
 * @param options.feed a stub for each call: a stub belongs to the call that made it
 * @param options.behind keeps work going after the answer, and tells the operator of its faults
 */
export function poker(options: { feed(): FeedObject; behind(work: Promise<unknown>): void; now(): Date }): () => void {
  const { feed, behind, now } = options
  let underWaySince: number | null = null
  let isDue = false
  const poke = async (since: number): Promise<void> => {
    try {
      do {
        isDue = false
        await feed().poke()
      } while (isDue && underWaySince === since)
    } finally {
      if (underWaySince === since) underWaySince = null
    }
  }
  return () => {
    isDue = true
    const at = now().getTime()
    if (underWaySince !== null && at - underWaySince < givenUpMs) return
    underWaySince = at
    behind(poke(at))
  }
}
