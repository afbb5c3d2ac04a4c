/** What a commit has touched, told to the isolate that made it: its own caches must not be behind its own writes. */
import type { Write } from "../core/changes.ts"

/** Who hears of commits. */
export interface Touching {
  /** The tags that writes touch. None: nobody is to be told, and the commit asks for nothing. */
  tagsOf(writes: readonly Write[]): readonly string[]
  /**
   * They are committed.
   * @param sequence of the newest event in the log, theirs among the older ones
   */
  touched(tags: readonly string[], sequence: number): void
}
