/** What a row of the table says: who calls what with what, and what must come of it, whichever door it goes through. */
import type { Json, JsonObject } from "../../src/core/json.ts"
import type { DoorName } from "./people.ts"

/** What earlier rows of the same door have made: ids and cursors by name. */
export type Kept = Readonly<Record<string, string>>

/** A part of a row that may need what earlier rows have made. */
type From<T> = T | ((kept: Kept, door: DoorName) => T)

/** Who calls: the owner of the organization, somebody from another one, nobody, or the owner with less than all rights. */
export type Actor =
  | "owner"
  | "stranger"
  | "nobody"
  | "owner, with an expired token"
  | "owner, who may only read comments"

/** One call and its end. */
export interface Row {
  readonly name: string
  readonly actor?: Actor
  readonly operation: string
  readonly input: From<JsonObject>
  readonly idempotencyKey?: string
  /** The value, literally; matchers stand for ids and instants of the moment. */
  readonly value?: From<Json>
  /** The code of a refusal, and the places of its faults. */
  readonly code?: string
  readonly paths?: readonly string[]
  /** What stands in the log afterwards under the call's id: how often each resource was created, updated, deleted. Nothing when left out. */
  readonly events?: Readonly<Record<string, number>>
  /** Names of what it was counted by, when not by the default alone. */
  readonly limits?: readonly string[]
  /** What is left of the tightest. */
  readonly remaining?: number
  readonly replayed?: true
  readonly retryAfter?: number
  readonly deprecated?: true
  /** Keeps properties of the answer: by the name in `Kept`, the property. */
  readonly keep?: Readonly<Record<string, string>>
}

/** A part of a row, with what was made before. */
export function resolved<T>(part: From<T>, kept: Kept, door: DoorName): T {
  return typeof part === "function" ? (part as (kept: Kept, door: DoorName) => T)(kept, door) : part
}
