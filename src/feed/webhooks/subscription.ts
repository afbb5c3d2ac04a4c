/** What an endpoint may ask to be told of, and which endpoints an event is for. The engine's own nouns are told to nobody, so nothing can loop. */
import { covers } from "../../core/credential.ts"
import type { Event } from "../../core/event.ts"
import type { Model } from "../../core/model.ts"
import type { Principal } from "../../core/principal.ts"
import { Problem, type Violation } from "../../core/problem.ts"
import type { Subscription } from "../../database/webhooks.ts"

/** Type of the event that `webhook_endpoints.test` sends. */
export const pingType = "webhooks.ping"

const form = /^([a-z][a-z0-9_]*)\.(created|updated|deleted|\*)$/

/** The models that events may be of, by name: those of the application whose records can be read through its interface. */
export type Tellable = ReadonlyMap<string, Model>

/** The type of an event: `tasks.updated`. */
export function typeOf(event: Pick<Event, "resource" | "change">): string {
  return `${event.resource}.${event.change}`
}

/** True when the endpoint asked for events like this one. */
export function matches(subscription: Subscription, event: Pick<Event, "resource" | "change" | "tenant">): boolean {
  if (subscription.tenantId !== event.tenant) return false
  return subscription.events.includes(typeOf(event)) || subscription.events.includes(`${event.resource}.*`)
}

/** What is wrong with a choice of events; none when nothing is. */
export function faultsOf(
  tellable: Tellable,
  { events, tenantId }: Pick<Subscription, "events" | "tenantId">,
): readonly Violation[] {
  return events.flatMap((text, n) => {
    const path = `/events/${n}`
    const model = tellable.get(form.exec(text)?.[1] ?? "")
    if (!model) {
      const message = `Not an event that is told: say a resource and created, updated, deleted or *, as "tasks.*"`
      return [{ path, code: "unknown_event", message }]
    }
    const isOfTenants = model.tenant !== null
    if (isOfTenants === (tenantId !== null)) return []
    const message = isOfTenants
      ? `${model.name} belong to tenants: say in tenantId whose`
      : `${model.name} belong to no tenant: an endpoint for them has no tenantId`
    return [{ path: isOfTenants ? "/tenantId" : path, code: isOfTenants ? "required" : "no_tenant", message }]
  })
}

/**
 * An endpoint outlives the call that makes it, so whoever makes it needs all that it will be given: a key the scopes to read each noun, and
 * an administrator who acts in another's name nothing less than that person.
 * @throws Problem PERMISSION_DENIED
 */
export function checkReach(principal: Principal, events: readonly string[]): void {
  if (principal.kind !== "user") return
  if (principal.impersonator !== undefined)
    throw new Problem("PERMISSION_DENIED", "Nobody may have another's events sent somewhere in their name")
  const { scopes } = principal
  if (scopes === undefined) return
  const missing = events.find((text) => !covers(scopes, { name: `${text.split(".")[0]}.get`, kind: "query" }))
  if (missing !== undefined)
    throw new Problem("PERMISSION_DENIED", `The key's scopes do not reach ${missing}: it needs to read what it is told`)
}
