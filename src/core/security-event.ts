/** What happened to an account, as its object records it: types only. */
import type { JsonObject } from "./json.ts"

/** A security event as the user sees it. */
export interface EventView {
  readonly id: string
  readonly at: number
  readonly kind: string
  readonly actor: string
  readonly impersonator: string | null
  readonly requestId: string
  readonly fields: JsonObject
}

/** An event on its way to the log: no secret and no personal value; `changed` names the personal ones too. */
export interface PendingEvent extends EventView {
  readonly changed: readonly string[]
}
