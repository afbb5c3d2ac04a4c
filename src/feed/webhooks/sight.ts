/**
 * What an endpoint's owner may see, now: a record that is there is read by the planner like any other read of theirs; of one that is gone the image
 * in the log is judged in memory, and only its id is told. What cannot be told is not visible.
 */
import { judge } from "../../authorization/judge.ts"
import type { Event } from "../../core/event.ts"
import { handlerGet } from "../../core/handler-plans.ts"
import { type Model, type Models, modelOf } from "../../core/model.ts"
import type { Reading, Row, Store } from "../../core/ports.ts"
import type { User } from "../../core/principal.ts"
import { loadParents, loadStanding } from "../../database/standing.ts"
import type { DueDelivery } from "../../database/webhooks.ts"

/** What sight is judged with. */
export interface SightPorts {
  readonly models: Models
  readonly database: D1Database
  openStore(): Store
}

/** The owner as a principal, with the roles of now; null for who may not act any more. */
export function principalOf(ownerId: string, owner: DueDelivery["owner"]): User | null {
  if (owner?.status !== "active") return null
  return { kind: "user", id: ownerId, roles: [...owner.roles].sort() }
}

/** What of an event its owner may be told. */
export interface Sight {
  /** Masked; null for one that is gone. */
  readonly record: Row | null
  /** Names of what was written, as far as they may be read. */
  readonly changed: readonly string[]
}

/**
 * What the owner may be told of a delivery's event; null when nothing.
 * @param reading the owner and the instant
 */
export async function see(
  ports: SightPorts,
  delivery: Pick<DueDelivery, "resource" | "recordId" | "event">,
  endpoint: { readonly tenantId: string | null },
  reading: Reading & { readonly principal: User },
): Promise<Sight | null> {
  const { event, resource, recordId } = delivery
  if (event === null) return null
  const model = modelOf(ports.models, resource)
  const past = async (image: Event["before"]): Promise<Sight | null> =>
    (await couldSee(ports, model, image, reading)) ? { record: null, changed: [] } : null
  if (event.change === "deleted") return past(event.before)
  const record = await ports.openStore().get(handlerGet(ports.models, resource, recordId), reading)
  // Deleted meanwhile: that it was changed is still told, and the deletion follows.
  if (record === null && (await ports.openStore().withSecrets(resource, "id", recordId)) === null)
    return past(event.after)
  // A record that has gone to another tenant is none of this endpoint's any more.
  if (record === null || (model.tenant !== null && record[model.tenant] !== endpoint.tenantId)) return null
  return { record, changed: event.changed.filter((name) => Object.hasOwn(record, name)) }
}

/** The image without what the log does not keep: absent is UNKNOWN, null would be known. */
function imageOf(model: Model, image: NonNullable<Event["before"]>): Row {
  return Object.fromEntries(Object.entries(image).filter(([key]) => model.columns.get(key)?.personal === false))
}

async function couldSee(
  { models, database }: SightPorts,
  model: Model,
  image: Event["before"],
  { principal, now }: Reading & { readonly principal: User },
): Promise<boolean> {
  if (image === null) return false
  const row = imageOf(model, image)
  const [standing, parents] = await Promise.all([
    loadStanding(database, models, model, principal),
    loadParents(database, models, model, [row]),
  ])
  return judge({ models, model, now, standing, parents, filter: null, fields: ["id"] }, row) !== null
}
