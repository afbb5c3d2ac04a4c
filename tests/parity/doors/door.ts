/** What the suite asks of a client, whatever it speaks: wire JSON in, wire JSON or the shared code out, and what was told beside it. */
import type { Json, JsonObject } from "../../../src/core/json.ts"
import type { CompiledOperation } from "../../../src/core/registry.ts"
import type { DoorName } from "../people.ts"

/** A call. */
export interface Call {
  /** null: nobody calls. */
  readonly token: string | null
  readonly operation: CompiledOperation
  readonly input: JsonObject
  readonly idempotencyKey?: string
  readonly bookmark?: string
}

/** What stands beside an answer. */
export interface Told {
  readonly requestId: string | null
  readonly bookmark: string | null
  readonly replayed: boolean
  /** What the call was counted by: names, what is left of each. */
  readonly limits: readonly { readonly name: string; readonly remaining: number }[]
  /** Seconds. */
  readonly retryAfter: number | null
  readonly deprecated: boolean
}

/** How a call ended. */
export type Ending =
  | { readonly code: "OK"; readonly value: Json | undefined; readonly told: Told }
  | {
      readonly code: string
      readonly detail: string
      readonly violations: readonly { readonly path: string; readonly code: string }[]
      readonly told: Told
    }

/** A client of a door. */
export interface DoorClient {
  readonly name: DoorName
  /** True when its decoding leaves what is absent absent and what is null null. */
  readonly isExact: boolean
  serves(operation: CompiledOperation): boolean
  call(call: Call): Promise<Ending>
  close(): Promise<void>
}

/** RateLimit of draft-ietf-httpapi-ratelimit-headers-11 as a structured list (RFC 9651), no more than the suite needs of it. */
export function limitsIn(header: string | null): Told["limits"] {
  return [...(header ?? "").matchAll(/"([^"]+)";r=(\d+)/g)].map(([, name = "", left]) => ({
    name,
    remaining: Number(left),
  }))
}

/** What headers of HTTP tell. */
export function toldIn(headers: Headers): Told {
  const wait = headers.get("retry-after")
  return {
    requestId: headers.get("x-request-id"),
    bookmark: headers.get("x-selvage-bookmark"),
    replayed: headers.get("idempotent-replayed") === "true",
    limits: limitsIn(headers.get("ratelimit")),
    retryAfter: wait === null ? null : Number(wait),
    deprecated: /^@\d+$/.test(headers.get("deprecation") ?? "") && headers.has("sunset"),
  }
}

/** The headers of a call, for doors over HTTP. */
export function headersOf({ token, idempotencyKey, bookmark }: Call): Record<string, string> {
  return {
    ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
    ...(idempotencyKey === undefined ? {} : { "Idempotency-Key": idempotencyKey }),
    ...(bookmark === undefined ? {} : { "X-Selvage-Bookmark": bookmark }),
  }
}

/** A call that has no answer in this time hangs. */
export const patienceMs = 10_000
