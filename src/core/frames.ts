/** The frames of a live connection as the object that holds it sees them; the WebSocket door knows how they are written. */
import type { Facts } from "./door.ts"
import type { Json, JsonObject } from "./json.ts"
import type { Problem } from "./problem.ts"

/** A call. */
export interface HeardCall {
  readonly kind: "call"
  /** null: the caller wants no answer. */
  readonly id: string | number | null
  readonly method: string
  readonly params: JsonObject
}

/** Not a call: what is answered, and whether the connection is over. */
export interface HeardGarbage {
  readonly kind: "garbage"
  readonly answer: string
  readonly isTooLarge: boolean
}

/** What a frame said. A batch is answered with one frame. */
export type Heard =
  | HeardCall
  | HeardGarbage
  | { readonly kind: "batch"; readonly parts: readonly (HeardCall | HeardGarbage)[] }

/** Reads and writes frames. */
export interface Frames {
  hear(message: string | ArrayBuffer): Heard
  /** @param meta facts of a call of the pipeline: its bookmark, whether it was replayed */
  answer(id: string | number, result: Json, meta?: JsonObject): string
  /** One frame of the answers of a batch. */
  together(answers: readonly string[]): string
  /** @param facts of a call of the pipeline: its id, what it was counted by */
  refuse(id: string | number, problem: Problem, facts?: Pick<Facts, "requestId" | "limits">): string
  tell(method: string, params: JsonObject): string
}
