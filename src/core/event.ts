/** One row of the append-only log: who did what to which record, what it was before and what it is after. */
import type { Json } from "./json.ts"

export interface Event {
  /** Position in the log; the resume cursor of everything that reads it. */
  readonly sequence: number
  readonly id: string
  /** RFC 3339 UTC. */
  readonly at: string
  /** Id of the user, `"anonymous"`, or `"system"`. */
  readonly actor: string
  readonly impersonator: string | null
  /** Why: stated when the system acts, and when a change is undone. */
  readonly reason: string | null
  readonly operation: string
  readonly resource: string
  readonly record: string
  readonly change: "created" | "updated" | "deleted"
  readonly tenant: string | null
  /** All columns but secret ones; personal ones stand as null in `before` and `after` and are named in `changed`. */
  readonly before: Readonly<Record<string, Json>> | null
  readonly after: Readonly<Record<string, Json>> | null
  /** Property names that were given by the write. */
  readonly changed: readonly string[]
  readonly requestId: string
}
