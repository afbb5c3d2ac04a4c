/** Caches for tests of what lies around them. */
import type { AnswerCache } from "../../src/core/answers.ts"

/** A cache that keeps nothing: each call is answered by a read of its own. */
export const noAnswers: AnswerCache = {
  async answer({ bookmark }, load) {
    const { content } = await load({ bookmark, fresh: false, behind: false })
    return { state: "pass", content, shared: null }
  },
}
