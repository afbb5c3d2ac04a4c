/** The second half of a sign-in: the ticket of the first half, and a factor. Only now is there a session. */
import * as z from "zod"
import type { EngineWork, Operation } from "../../core/operation.ts"
import { anyone } from "../../core/policy.ts"
import { invalid } from "../../core/problem.ts"
import { admit, type Flow } from "../account.ts"
import { factorInputs, type GivenFactor, giveFactor } from "../second-factor.ts"
import { checkTransport, deviceTokenOf, handOver, signedIn, transport } from "../session-opening.ts"
import { readTicket } from "../sign-in-ticket.ts"

const input = z
  .strictObject({
    ticket: z.string().max(200).optional().describe("Of auth.signIn; left out where it is in a cookie"),
    ...factorInputs,
    transport,
  })
  .meta({ id: "VerifySecondFactor" })

type Input = z.output<typeof input>

/** The one refusal of tickets: over, used, another's, made up. */
export function invalidTicket() {
  return invalid("/ticket", "invalid_token", "The sign-in took too long, or was completed already; begin again")
}

/** The ticket that was sent, or that the browser keeps; and how the session is kept then. */
export async function presentedTicket(work: EngineWork, given: Pick<Input, "ticket" | "transport">) {
  const kept = given.ticket === undefined ? "cookie" : given.transport
  checkTransport(work, kept)
  const text = given.ticket ?? work.caller.cookies?.ticket ?? null
  const ticket = text === null ? null : await readTicket(text)
  if (ticket === null) throw invalidTicket()
  return { ...ticket, kept }
}

/** `auth.verifySecondFactor`. No D1 read; two calls of the object. */
export function verifySecondFactor(flow: Flow): Operation {
  return {
    name: "auth.verifySecondFactor",
    kind: "mutation",
    summary: "Complete a sign-in with a second factor: exactly one of code, recoveryCode and passkey",
    input,
    output: signedIn,
    policy: anyone(),
    confidential: true,
    rest: { method: "POST", path: "/auth/second-factor" },
    engine: async (given: Input, work) => {
      const ports = flow.ports()
      await admit(ports, "proof", work)
      const { user, sid, hash, kept } = await presentedTicket(work, given)
      const key = await ports.refreshTokens.sessionKey(user, sid)
      const giving = {
        userId: user,
        purpose: { ticket: hash },
        opening: (amr: readonly string[]) => ({ kind: "ticket", ticket: hash, sid, key, amr }) as const,
        over: invalidTicket,
      }
      const { grant, device } = await giveFactor(flow, work, giving, given as GivenFactor)
      const deviceToken = device === null ? null : await deviceTokenOf(ports, user, device)
      return handOver(flow, work, grant, { userId: user, transport: kept, deviceToken })
    },
  }
}
