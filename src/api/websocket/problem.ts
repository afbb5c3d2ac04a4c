/** Problem -> JSON-RPC error: the code is -32000 less the gRPC number, but for those that JSON-RPC 2.0 §5.1 has a number for. */
import { type Code, codes } from "../../core/code.ts"
import type { Facts } from "../../core/door.ts"
import type { Json, JsonObject } from "../../core/json.ts"
import { limitsJson } from "../../core/limit-fields.ts"
import { Problem, type Violation } from "../../core/problem.ts"
import { problemFields, problemTypeField, problemTypeOf } from "../../core/problem-fields.ts"

const standard: Partial<Record<Code, number>> = {
  INVALID_ARGUMENT: -32602,
  UNIMPLEMENTED: -32601,
  INTERNAL: -32603,
}

/** The number of a code. */
export function numberOfCode(code: Code): number {
  return standard[code] ?? -32001 - codes.indexOf(code)
}

/** An error without an id: what was heard was no call. */
export function encodeFault(code: number, message: string): string {
  return JSON.stringify({ jsonrpc: "2.0", id: null, error: { code, message } })
}

/** The error of a call. */
export function refuse(id: string | number, problem: Problem, facts?: Pick<Facts, "requestId" | "limits">): string {
  const limits = facts?.limits ?? problem.options.limits ?? []
  const data = {
    code: problem.code,
    ...(facts === undefined ? {} : { requestId: facts.requestId }),
    ...problemTypeField(problem),
    ...(limits.length === 0 ? {} : { limits: limitsJson(limits) }),
    ...problemFields(problem),
  }
  return JSON.stringify({
    jsonrpc: "2.0",
    id,
    error: { code: numberOfCode(problem.code), message: problem.message, data },
  })
}

/** `data` of an error as `refuse` writes it. */
interface Told {
  readonly code?: Code
  readonly requestId?: string
  readonly type?: string
  readonly limits?: readonly JsonObject[]
  readonly violations?: readonly Violation[]
  readonly retryAfter?: number
  readonly maxAge?: number
  readonly approval?: { readonly id: string; readonly page: string }
}

/** The problem that an error frame tells, whole, for those who carry it through another door. What is no code of ours is a fault of ours. */
export function problemOf(error: { readonly message?: string; readonly data?: Json }): Problem {
  const { code, requestId, limits, violations, retryAfter, maxAge, approval, ...more } = (error.data ?? {}) as Told
  const known = codes.find((one) => one === code) ?? "INTERNAL"
  const type = problemTypeOf(more.type)
  const told = { ...(requestId === undefined ? {} : { requestId }), ...(limits === undefined ? {} : { limits }) }
  return new Problem(known, error.message ?? "Something went wrong on our side", {
    ...(type === undefined ? {} : { type }),
    ...(violations === undefined ? {} : { violations }),
    ...(retryAfter === undefined ? {} : { retryAfterSeconds: retryAfter }),
    ...(maxAge === undefined ? {} : { maxAgeSeconds: maxAge }),
    ...(approval === undefined ? {} : { approval }),
    told,
  })
}
