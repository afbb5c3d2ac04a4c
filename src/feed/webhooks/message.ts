/** What an endpoint is sent: the body of Standard Webhooks, "Payload structure". */
import type { Json } from "../../core/json.ts"
import type { DueDelivery } from "../../database/webhooks.ts"
import type { Sight } from "./sight.ts"
import { pingType } from "./subscription.ts"

/**
 * The body of a message.
 * @param sight what the owner may be told; null for a ping, which tells of nothing
 */
export function bodyOf(delivery: DueDelivery, sight: Sight | null): string {
  const { type, event, createdAt, recordId, sequence } = delivery
  const data: Json =
    sight === null || event === null
      ? { endpointId: delivery.endpointId }
      : { sequence, id: recordId, change: event.change, record: sight.record, changed: [...sight.changed] }
  return JSON.stringify({ type, timestamp: event?.at ?? createdAt, data })
}

/** True for the message that only tries the endpoint out. */
export function isPing({ type }: Pick<DueDelivery, "type">): boolean {
  return type === pingType
}
