/**
 * What becomes of deleted accounts when their time of grace is over: the object ends everything and erases itself, then the row is stripped
 * of what is personal. The row stays, so that what refers to it stays whole; the log never had the personal values.
 */

import type { Ids } from "../core/context.ts"
import type { Store } from "../core/ports.ts"
import { system } from "../core/principal.ts"
import type { UserObject } from "../core/user-object.ts"

/** The world of the departure. */
export interface LeavingPorts {
  readonly database: D1Database
  readonly ids: Ids
  openStore(): Store
  user(id: string): UserObject
}

const perRun = 50

/** Removes those whose time is over; what fails is tried again at the next run. Gives how many are gone. */
export async function removeLeavers(ports: LeavingPorts, now: Date): Promise<number> {
  const { results } = await ports.database
    .prepare(
      `select "id", "version" from "users" where "status" = 'deleting' and "deleteAfter" <= ?1 order by "deleteAfter" limit ${perRun}`,
    )
    .bind(now.toISOString())
    .all<{ id: string; version: number }>()
  const principal = system("the time of grace is over")
  let removed = 0
  for (const { id, version } of results) {
    const requestId = ports.ids.mint("request")
    const answer = await ports.user(id).destroy({ requestId, actor: "system" })
    if ("error" in answer) throw new Error(`The object of ${id} answered ${answer.error}: ${answer.cause ?? ""}`)
    const values = {
      status: "deleted",
      email: null,
      name: "Deleted user",
      passwordSealed: null,
      emailVerifiedAt: null,
      deleteAfter: null,
      roles: [],
    }
    const writes = [{ kind: "update" as const, resource: "users", id, values, version, as: principal }]
    const parts = { decidedOn: [], reads: [], required: [], idempotency: null, outbox: [] }
    await ports.openStore().commit({ operation: "users.leave", requestId, principal, now, writes, ...parts })
    removed++
  }
  return removed
}
