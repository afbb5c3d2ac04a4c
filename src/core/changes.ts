/**
 * Changes: what a handler wants written. Nothing is written while it runs; the writer turns the list into one guarded batch, with the
 * events, the stored answer and the guards, so that all of it commits or none.
 */
import type { Found, Select, Which } from "./context.ts"
import type { Notification } from "./inbox.ts"
import type { Enqueue } from "./job.ts"
import type { Json } from "./json.ts"
import type { Mail } from "./outbox.ts"
import type { Principal } from "./principal.ts"
import type { Resource, RowOf } from "./resource.ts"

/** One wanted write. `as` is the principal whose policy guards it: the caller, or a stated system. */
export type Write =
  | {
      readonly kind: "create"
      readonly resource: string
      readonly id: string
      readonly values: Readonly<Record<string, Json>>
      readonly as: Principal
      /** Undoes a deletion: stamps that the record had may be given. */
      readonly restores?: true
    }
  | {
      readonly kind: "update"
      readonly resource: string
      readonly id: string
      readonly values: Readonly<Record<string, Json>>
      /** The version the row must have; null when any will do. */
      readonly version: number | null
      readonly as: Principal
    }
  | {
      readonly kind: "delete"
      readonly resource: string
      readonly id: string
      readonly version: number | null
      readonly as: Principal
    }

/** Stands for a row that exists only after the commit; the pipeline puts the row in its place in the handler's output. */
export class Pending<T = unknown> {
  /** Whose result: a write's row, or a read's that is made in the same batch after all writes. */
  readonly of: "write" | "read"
  /** Position of the write or read in its list. */
  readonly index: number
  /** The id of the record, known before the commit. */
  readonly id: string
  /** Carries the type of the row; never set. */
  declare readonly row?: T

  constructor(index: number, id: string, of: "write" | "read" = "write") {
    this.index = index
    this.id = id
    this.of = of
  }
}

/** Columns and their values; undefined is as if it were left out. */
export type Values<R extends Resource> = { readonly [K in keyof RowOf<R["table"]>]?: RowOf<R["table"]>[K] | undefined }

/** What a handler gets to write with. */
export interface Changes {
  /** A new record. The id is made now, unless it comes from `ids.mint` of this call or a stated system; `values` are wire JSON under property names. */
  create<R extends Resource>(resource: R, values: Values<R>): Pending<RowOf<R["table"]>>
  /** Changes some columns of a record. */
  update<R extends Resource>(resource: R, id: string, values: Values<R>): Pending<RowOf<R["table"]>>
  /** Removes a record and what its relations say goes with it. */
  delete<R extends Resource>(resource: R, id: string): void
  /**
   * The record as the caller sees it after the changes, with relations and computed fields: read in the same batch, for the output.
   * Its place in the output is null when the caller may not see it.
   */
  read<R extends Resource>(resource: R, which: Which, select?: Select): Pending<Found<R>>
  /** A letter, kept in the same batch and sent after the commit by the job `mail.send`: never for a change that did not happen. */
  mail(mail: Mail): void
  /**
   * A notification in somebody's inbox, kept in the same batch; mailed when it stays unseen and its owner wants letters.
   * @returns its id
   * @throws Error for one that is longer than an inbox takes
   */
  notify(userId: string, notification: Notification): string
  /**
   * A job, kept in the same batch and run after the commit, on behalf of the caller.
   * @returns id of the record in `job_runs` when the job is tracked
   * @throws Problem INVALID_ARGUMENT when the input is not what the job takes
   */
  readonly enqueue: Enqueue
  /** The same, guarded by a stated system principal instead of the caller's policy. The reason stands in the code, aloud. */
  as(principal: Principal): Changes
}
