/**
 * What becomes of deleted accounts when their time of grace is over: the object ends everything and erases itself, then the row is stripped
 * of what is personal. The row stays, so that what refers to it stays whole; the log never had the personal values.
 */

import type { Write } from "../core/changes.ts"
import type { Ids } from "../core/context.ts"
import type { Store } from "../core/ports.ts"
import { system } from "../core/principal.ts"
import type { UserObject } from "../core/user-object.ts"
import { identitiesOf } from "../database/identities.ts"
import { endpointsOf, removeDeliveriesOf } from "../database/webhooks.ts"

/** The world of the departure. */
export interface LeavingPorts {
  readonly database: D1Database
  readonly ids: Ids
  openStore(): Store
  user(id: string): UserObject
}

const perRun = 50

const principal = system("the time of grace is over")

function removal(resource: string, id: string): Write {
  return { kind: "delete", resource, id, version: null, as: principal }
}

/** One person: the object first, so that nothing of it is left when the row says that it is gone. */
async function removeLeaver(ports: LeavingPorts, id: string, version: number, now: Date): Promise<void> {
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
  const endpoints = await endpointsOf(ports.database, id)
  const identities = await identitiesOf(ports.database, id)
  const writes: Write[] = [
    { kind: "update", resource: "users", id, values, version, as: principal },
    ...endpoints.map((endpoint) => removal("webhook_endpoints", endpoint)),
    ...identities.map((identity) => removal("identities", identity)),
  ]
  const parts = { decidedOn: [], reads: [], required: [], idempotency: null, outbox: [] }
  await ports.openStore().commit({ operation: "users.leave", requestId, principal, now, writes, ...parts })
  await removeDeliveriesOf(ports.database, id)
}

/**
 * Removes those whose time is over. One that fails does not hold up the others, and is tried again at the next run.
 * @returns how many are gone
 * @throws AggregateError with the faults, after everybody's turn
 */
export async function removeLeavers(ports: LeavingPorts, now: Date): Promise<number> {
  const { results } = await ports.database
    .prepare(
      `select "id", "version" from "users" where "status" = 'deleting' and "deleteAfter" <= ?1 order by "deleteAfter" limit ${perRun}`,
    )
    .bind(now.toISOString())
    .all<{ id: string; version: number }>()
  const faults: unknown[] = []
  for (const { id, version } of results) {
    try {
      await removeLeaver(ports, id, version, now)
    } catch (fault) {
      faults.push(fault)
    }
  }
  if (faults.length > 0)
    throw new AggregateError(faults, `${faults.length} of ${results.length} deleted accounts could not be removed`, {
      cause: faults[0],
    })
  return results.length
}
