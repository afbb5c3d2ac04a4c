/**
 * Approvals: changes that a program wants to make under terms that let it make none without its user. What a user's object is asked about them, and
 * the stage that holds such a call back. Instants are milliseconds since 1970.
 */
import { canonicalText } from "./canonical.ts"
import { idempotencyOf, restored } from "./commit.ts"
import type { Json } from "./json.ts"
import type { GrantClient } from "./oauth.ts"
import type { User } from "./principal.ts"
import { Problem } from "./problem.ts"
import type { CompiledOperation } from "./registry.ts"
import { matched, openStore, type Run } from "./run.ts"
import type { Cause, Refusal } from "./user-object.ts"

/** How one stands. One that was used is gone. */
export type ApprovalState = "waiting" | "granted" | "refused"

/** A call that wants to be approved. The same operation and input of the same grant are the same call. */
export interface ApprovalCall {
  /** Its id when it is asked for the first time. */
  readonly id: string
  readonly grant: string
  readonly operation: string
  /** SHA-256 of the canonical input, hex. */
  readonly inputHash: string
  /** The input, sealed: the object cannot read it. */
  readonly input: string
}

/** An approval as its user sees it. */
export interface ApprovalView {
  readonly id: string
  readonly grant: string
  readonly client: Pick<GrantClient, "id" | "name" | "host">
  readonly operation: string
  readonly state: ApprovalState
  readonly createdAt: number
  /** When it is void: a day after it was asked for or decided on. */
  readonly expiresAt: number
}

/** The same with what it takes to show the call. */
export interface ApprovalDetail extends ApprovalView {
  readonly input: string
  readonly scopes: readonly string[]
}

/** What a call met. `granted`: it may go on, once, and the approval is used up. `full`: too many wait already. */
export type Claimed =
  | { readonly state: "granted" }
  | { readonly state: "refused" }
  | { readonly state: "full" }
  | { readonly state: "waiting"; readonly id: string; readonly isNew: boolean; readonly client: string }

/** The part of a user's object that keeps approvals. REFUSED when there is no such approval or grant. */
export interface ApprovalsObject {
  /** Uses an approval up, or asks for one; in one transaction, so that of calls at a time one goes on. */
  claimApproval(call: ApprovalCall, cause: Cause): Promise<Claimed | Refusal>
  listApprovals(): Promise<readonly ApprovalView[] | Refusal>
  getApproval(id: string): Promise<ApprovalDetail | Refusal>
  /** Any that was not used may be decided on anew. */
  decideApproval(id: string, state: "granted" | "refused", cause: Cause): Promise<ApprovalView | Refusal>
}

/** A call at the stage. */
export interface HeldCall {
  readonly principal: User & { readonly grant: string }
  readonly operation: CompiledOperation
  readonly input: Json
  /** Its canonical text. */
  readonly text: string
  readonly requestId: string
  readonly now: Date
}

/** Asks the person. */
export interface Approvals {
  /**
   * Lets a call go on that was approved.
   * @throws Problem FAILED_PRECONDITION (approval-required) while it waits, PERMISSION_DENIED when it was refused, RESOURCE_EXHAUSTED when too many
   *   wait, UNAUTHENTICATED when the grant is over, UNAVAILABLE when that cannot be found out
   */
  claim(call: HeldCall): Promise<void>
}

/** Longest input that a person is asked about, in characters. */
const inputMax = 32 * 1024

async function hold(run: Run, principal: HeldCall["principal"]): Promise<void> {
  const { operation } = matched(run)
  const { ports, now, arrival } = run
  if (operation.confidential)
    throw new Problem("PERMISSION_DENIED", `Nothing of ${operation.name} is kept, so nobody can be asked about it`)
  const text = canonicalText(run.input)
  if (text === null) throw new Problem("UNIMPLEMENTED", `The input of ${operation.name} cannot be shown to anybody`)
  if (text.length > inputMax) {
    const sentence = `What a person is to approve has at most ${inputMax} characters`
    throw new Problem("INVALID_ARGUMENT", sentence, { type: "payload-too-large" })
  }
  // What was done under the key is not done again, so nobody is asked again: it is answered as it was.
  const key = await idempotencyOf(run)
  const stored = key && (await openStore(run).replay(key.key, key.inputHash, now))
  if (stored) {
    run.output = await restored(run, stored)
    run.replayed = true
    return
  }
  await ports.approvals.claim({
    principal,
    operation,
    input: run.input as Json,
    text,
    requestId: arrival.requestId,
    now,
  })
}

/**
 * The stage before the handler: a change under terms that ask for an approval waits for it. What only looks goes on, a rehearsal, too.
 * @throws Problem as `Approvals.claim`; PERMISSION_DENIED, UNIMPLEMENTED and INVALID_ARGUMENT for what nobody can be asked about
 */
export function holdForApproval(run: Run): void | Promise<void> {
  const { principal } = run
  if (principal.kind !== "user" || principal.terms?.approval !== true) return
  const { operation, rehearsal } = matched(run)
  if (operation.kind !== "mutation" || rehearsal === true) return
  const { grant } = principal
  if (grant === undefined) throw new Error("Terms without a grant")
  return hold(run, { ...principal, grant })
}
