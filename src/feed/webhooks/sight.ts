/**
 * What an endpoint's owner may see, now: a record that is there is read by the planner like any other read of theirs; of one that is gone the image
 * in the log is judged in memory, and only its id is told. What cannot be told is not visible.
 */
import { evaluate } from "../../authorization/memory.ts"
import type { Event } from "../../core/event.ts"
import { handlerGet } from "../../core/handler-plans.ts"
import { type Model, type Models, modelOf } from "../../core/model.ts"
import type { Reading, Row, Store } from "../../core/ports.ts"
import type { User } from "../../core/principal.ts"
import { type GrantKey, readGrant } from "../../database/grant.ts"
import { imageBeforeEnd } from "../../database/log.ts"
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

/** What a record belonged to: as it is, or as it was when it went with it. */
async function parentOf(
  { models, database, openStore }: SightPorts,
  resource: string,
  id: string,
): Promise<Row | null> {
  const row = await openStore().withSecrets(resource, "id", id)
  if (row !== null) return row
  const image = await imageBeforeEnd(database, resource, id)
  return image && imageOf(modelOf(models, resource), image)
}

/** Asks the policy again and again until it names no fact that was not loaded. */
async function couldSee(
  ports: SightPorts,
  model: Model,
  image: Event["before"],
  { principal, now }: Reading & { readonly principal: User },
): Promise<boolean> {
  if (image === null) return false
  const { models, database } = ports
  const row = imageOf(model, image)
  const grants = new Map<string, string | null>()
  const parents = new Map<string, Row | null>()
  for (;;) {
    const missing: (() => Promise<unknown>)[] = []
    const outcome = evaluate(model.policy.read, {
      models,
      model,
      principal,
      now,
      row,
      grants(kind, resource, recordId) {
        const key: GrantKey = { kind, resource, recordId, userId: principal.id }
        const name = JSON.stringify(key)
        if (!grants.has(name)) missing.push(async () => grants.set(name, await readGrant(database, models, key)))
        return grants.get(name) ?? null
      },
      parent(resource, id) {
        const name = JSON.stringify([resource, id])
        if (!parents.has(name)) missing.push(async () => parents.set(name, await parentOf(ports, resource, id)))
        return parents.get(name) ?? null
      },
    })
    if (missing.length === 0) return outcome === true
    await Promise.all(missing.map((load) => load()))
  }
}
