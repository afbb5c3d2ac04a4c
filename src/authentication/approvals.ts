/** Asks a person about a change that a program wants to make: the person's object keeps the question, the inbox tells of it. */
import type { Approvals, HeldCall } from "../core/approval.ts"
import { notificationMessages } from "../core/inbox.ts"
import type { Outbox } from "../core/outbox.ts"
import type { Store } from "../core/ports.ts"
import { system } from "../core/principal.ts"
import { Problem } from "../core/problem.ts"
import type { AccountPorts } from "./account.ts"
import { ask } from "./objects.ts"

/** What an input is sealed for. */
export const approvalPurpose = "approval"

/** What asking takes. */
export interface ApprovalPorts extends Pick<AccountPorts, "objects" | "sealer" | "ids" | "origin"> {
  readonly outbox: Outbox
  openStore(): Store
  poke(): void
  behind(work: Promise<unknown>): void
  /** SHA-256 of text, hex. */
  hash(text: string): Promise<string>
}

/** The page where one is decided on. */
function pathOf(id: string): string {
  return `/account/approvals/${id}`
}

/** Tells the person that something waits: in the inbox, and by letter when nobody looks. */
async function tell(ports: ApprovalPorts, call: HeldCall, id: string, client: string): Promise<void> {
  const { operation, requestId, now, principal: person } = call
  const principal = system("a program asks for an approval", person.id)
  const { messages } = notificationMessages({ principal, requestId, ids: ports.ids, now }, person.id, {
    kind: "approval.asked",
    title: `“${client.slice(0, 60)}” asks: ${(operation.summary ?? operation.name).slice(0, 120)}`,
    body: "It waits for your answer for a day. Nothing is changed before you have said yes.",
    url: pathOf(id),
    data: { approval: id, grant: person.grant, operation: operation.name },
  })
  const outbox = await ports.outbox.prepare(messages, now)
  const parts = { writes: [], decidedOn: [], required: [], reads: [], idempotency: null }
  await ports.openStore().commit({ operation: "approvals.ask", requestId, principal, now, ...parts, outbox })
  ports.poke()
  await ports.outbox.dispatch(outbox)
}

function refusalOf(state: "refused" | "full"): Problem {
  if (state === "refused")
    return new Problem("PERMISSION_DENIED", "Whoever let this program in has refused this change")
  return new Problem("RESOURCE_EXHAUSTED", "Too many changes wait for an approval already", { retryAfterSeconds: 60 })
}

/** Asking over the world of an isolate. */
export function approvalsOf(ports: ApprovalPorts): Approvals {
  return {
    async claim(call) {
      const { principal, operation, input, text, requestId } = call
      const { id: person, grant } = principal
      const asked = {
        id: ports.ids.mint("approval"),
        grant,
        operation: operation.name,
        inputHash: await ports.hash(text),
        input: await ports.sealer.seal(approvalPurpose, person, JSON.stringify(input)),
      }
      const cause = { requestId, actor: person }
      const claimed = await ask(() => ports.objects.user(person).claimApproval(asked, cause))
      // The grant has ended, and this isolate has not heard of it yet.
      if (claimed === null) throw new Problem("UNAUTHENTICATED", "The credential is not valid")
      if (claimed.state === "granted") return
      if (claimed.state !== "waiting") throw refusalOf(claimed.state)
      const { id, isNew, client } = claimed
      if (isNew) ports.behind(tell(ports, call, id, client))
      const page = ports.origin + pathOf(id)
      const sentence = `This waits until it is approved at ${page} by whoever let the program in. Then make the same call again`
      throw new Problem("FAILED_PRECONDITION", sentence, { type: "approval-required", approval: { id, page } })
    },
  }
}
