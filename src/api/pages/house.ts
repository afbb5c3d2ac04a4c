/** What the places of the pages share. */
import type { Showing } from "./layout.ts"
import type { PagesOptions, Visit } from "./visit.ts"

/** Answers a visit. */
export type Handler = (visit: Visit) => Promise<Response>

/** What can be done at a path. */
export interface Place {
  readonly GET?: Handler
  readonly POST?: Handler
}

/** What every page is shown with. */
export interface House extends PagesOptions {
  showing(visit: Visit): Showing
}
