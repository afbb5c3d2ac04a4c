/** The keys that access tokens are signed with, for administrators: turned early or because one is compromised. A timer does what is due. */
import * as z from "zod"
import type { Operation } from "../../core/operation.ts"
import { role } from "../../core/policy.ts"
import type { Flow } from "../account.ts"

const input = z
  .strictObject({
    mode: z
      .enum(["due", "early", "compromised"])
      .default("due")
      .describe(
        "due: what time asks for. early: the next key signs from now on, when it has been published for a day. compromised: all keys and all access tokens end within five minutes; sessions stay and refresh",
      ),
  })
  .meta({ id: "RotateKeys" })

const output = z
  .object({
    steps: z
      .array(
        z.object({
          kind: z.enum(["remove", "retire", "activate", "create"]),
          kid: z.string().nullable().describe("null for a key that was made"),
        }),
      )
      .describe("What was done, in order; empty when nothing was due"),
  })
  .meta({ id: "RotateKeysAnswer" })

/** `auth.rotateKeys`. The private parts are sealed under KEK, which the Worker alone has: so it is done here and not by a script. */
export function rotateKeys(flow: Flow): Operation {
  return {
    name: "auth.rotateKeys",
    kind: "mutation",
    summary: "Turn the keys that access tokens are signed with",
    input,
    output,
    policy: role("admin"),
    credential: "session",
    rest: { method: "POST", path: "/auth/rotate-keys" },
    engine: async ({ mode }: z.output<typeof input>, work) => {
      const steps = await flow.ports().signing.rotate(work.reading.now, mode)
      return { steps: steps.map((step) => ({ kind: step.kind, kid: step.kind === "create" ? null : step.kid })) }
    },
  }
}
