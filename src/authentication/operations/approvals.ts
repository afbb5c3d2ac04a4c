/**
 * Changes that programs want to make and that wait for oneself: seen with what they would do, and decided on. For the person who signed in alone: a
 * program's token is no session.
 */
import * as z from "zod"
import type { ApprovalDetail, ApprovalView } from "../../core/approval.ts"
import type { Called, Ending } from "../../core/called.ts"
import type { Json, JsonObject } from "../../core/json.ts"
import type { EngineWork, Operation } from "../../core/operation.ts"
import { signedIn } from "../../core/policy.ts"
import { callerId, type User } from "../../core/principal.ts"
import { notFound } from "../../core/problem.ts"
import type { CompiledOperation } from "../../core/registry.ts"
import { causeOf, type Flow } from "../account.ts"
import { approvalPurpose } from "../approvals.ts"
import { ask } from "../objects.ts"

/** What the operations need beside the flows of accounts. */
export interface ApprovalParts extends Flow {
  operation(name: string): CompiledOperation | undefined
  /** Runs a call through the pipeline. */
  call(called: Called, requestId: string): Promise<Ending>
}

const instant = z.iso.datetime()
const id = z.string().min(1).max(64)

const fields = {
  id: z.string(),
  grant: z.string().describe("The grant of the program that asks"),
  client: z.object({ id: z.string(), name: z.string(), host: z.string().nullable() }),
  operation: z.string(),
  summary: z.string().describe("What the operation does, in words"),
  state: z.enum(["waiting", "granted", "refused"]),
  createdAt: instant,
  expiresAt: instant,
}

const approval = z.object(fields).meta({ id: "Approval" })

const change = z
  .object({
    resource: z.string(),
    change: z.enum(["create", "update", "delete"]),
    id: z.string().nullable().describe("null: the record is not yours to see, and its values are withheld"),
    fields: z.array(
      z.object({ field: z.string(), before: z.unknown().optional(), after: z.unknown().optional() }).meta({
        id: "ApprovalField",
      }),
    ),
  })
  .meta({ id: "ApprovalChange" })

const detail = z
  .object({
    ...fields,
    input: z.record(z.string(), z.unknown()).describe("What the operation would be called with"),
    changes: z.array(change).nullable().describe("What it would change as things stand; null: that cannot be tried"),
    refusal: z.string().nullable().describe("Why it would be refused as things stand"),
  })
  .meta({ id: "ApprovalDetail" })

function shown({ operation: find }: ApprovalParts, view: ApprovalView) {
  const { operation, createdAt, expiresAt, ...rest } = view
  return {
    ...rest,
    operation,
    summary: find(operation)?.summary ?? operation,
    createdAt: new Date(createdAt).toISOString(),
    expiresAt: new Date(expiresAt).toISOString(),
  }
}

/** What a call would do in the name of the person and within the scopes of the grant. What reaches beyond the database cannot be tried. */
async function tried(
  parts: ApprovalParts,
  { reading, caller }: EngineWork,
  { operation: name, grant, scopes }: ApprovalDetail,
  input: Json,
): Promise<{ changes: unknown[] | null; refusal: string | null }> {
  const operation = parts.operation(name)
  if (operation === undefined) return { changes: null, refusal: `There is no operation ${name} any more` }
  if (operation.kind !== "mutation" || operation.engine !== undefined) return { changes: null, refusal: null }
  const person = reading.principal as User
  const principal: User = { kind: "user", id: person.id, roles: person.roles, grant, scopes }
  const { address, userAgent } = caller
  const credentials = { address, bearer: null, userAgent, cookies: null }
  const ending = await parts.call(
    { credentials, principal, operation, input, idempotencyKey: null, bookmark: null, rehearsal: true },
    caller.requestId,
  )
  if (ending.problem === null) return { changes: (ending.output as { changes: unknown[] }).changes, refusal: null }
  const { code, message } = ending.problem
  return { changes: null, refusal: code === "UNIMPLEMENTED" ? null : message }
}

function listApprovals(parts: ApprovalParts): Operation {
  return {
    name: "approvals.list",
    kind: "query",
    summary: "Changes by programs that wait for oneself, or were decided on and not made yet",
    input: z.strictObject({}),
    output: z.object({ items: z.array(approval) }).meta({ id: "ApprovalList" }),
    policy: signedIn(),
    credential: "session",
    rest: { method: "GET", path: "/approvals" },
    engine: async (_: unknown, { reading }) => {
      const all = await ask(() => parts.ports().objects.user(callerId(reading.principal)).listApprovals())
      return { items: (all ?? []).map((one) => shown(parts, one)) }
    },
  }
}

function getApproval(parts: ApprovalParts): Operation {
  return {
    name: "approvals.get",
    kind: "query",
    summary: "One of them, with its input and what it would change",
    input: z.strictObject({ id }),
    output: detail,
    policy: signedIn(),
    credential: "session",
    rest: { method: "GET", path: "/approvals/{id}" },
    engine: async ({ id }: { id: string }, work) => {
      const person = callerId(work.reading.principal)
      const { objects, sealer } = parts.ports()
      const found = await ask(() => objects.user(person).getApproval(id))
      const text = found && (await sealer.open(approvalPurpose, person, found.input))
      if (found === null || text === null) throw notFound("approvals")
      const input = JSON.parse(text) as JsonObject
      const { input: _sealed, scopes: _scopes, ...view } = found
      return { ...shown(parts, view), input, ...(await tried(parts, work, found, input)) }
    },
  }
}

const decision = z.strictObject({ id, decision: z.enum(["grant", "refuse"]) }).meta({ id: "ApprovalDecision" })

function decideApproval(parts: ApprovalParts): Operation {
  return {
    name: "approvals.decide",
    kind: "mutation",
    summary: "Let a program make a change, once, or refuse it",
    input: decision,
    output: approval,
    policy: signedIn(),
    credential: "session",
    rest: { method: "POST", path: "/approvals/{id}/decision" },
    engine: async ({ id, decision: said }: z.output<typeof decision>, work) => {
      const object = parts.ports().objects.user(callerId(work.reading.principal))
      const state = said === "grant" ? "granted" : "refused"
      const decided = await ask(() => object.decideApproval(id, state, causeOf(work)))
      if (decided === null) throw notFound("approvals")
      return shown(parts, decided)
    },
  }
}

/** `approvals.*`. */
export function approvalOperations(parts: ApprovalParts): readonly Operation[] {
  return [listApprovals(parts), getApproval(parts), decideApproval(parts)]
}
