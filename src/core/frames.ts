/** The frames of a live connection as the object that holds it sees them; the WebSocket door knows how they are written. */
import type { Json, JsonObject } from "./json.ts"
import type { Problem } from "./problem.ts"

/** What a frame said. */
export type Heard =
  | {
      readonly kind: "call"
      /** null: the caller wants no answer. */
      readonly id: string | number | null
      readonly method: string
      readonly params: JsonObject
    }
  /** Not a call: what is answered, and whether the connection is over. */
  | { readonly kind: "garbage"; readonly answer: string; readonly isTooLarge: boolean }

/** Reads and writes frames. */
export interface Frames {
  hear(message: string | ArrayBuffer): Heard
  answer(id: string | number, result: Json): string
  refuse(id: string | number, problem: Problem): string
  tell(method: string, params: JsonObject): string
}
