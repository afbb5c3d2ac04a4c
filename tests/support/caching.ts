/** Doubles of what a call passes, for tests of what lies around it. */
import type { AnswerCache } from "../../src/core/answers.ts"
import type { Ports } from "../../src/core/ports.ts"

/** A cache that keeps nothing: each call is answered by a read of its own. */
export const noAnswers: AnswerCache = {
  async answer({ bookmark }, load) {
    const { content } = await load({ bookmark, fresh: false, behind: false })
    return { state: "pass", content, shared: null }
  },
}

/** Nothing is kept, nobody is counted and nobody asked. */
export const unheld: Pick<Ports, "answers" | "metering" | "approvals"> = {
  answers: noAnswers,
  metering: { admit: () => null, spend: () => undefined },
  approvals: { claim: async () => undefined },
}
