/** The order to make one delivery: what the job is given, and what orders are kept in line by. */
import * as z from "zod"
import { jobMessage } from "../../core/job-message.ts"
import type { Message } from "../../core/outbox.ts"
import { system } from "../../core/principal.ts"
import type { NewDelivery } from "../../database/webhooks.ts"

/** Name of the job. */
export const deliverJob = "webhooks.deliver"

export const orderInput = z.object({
  deliveryId: z.string(),
  endpointId: z.string(),
  recordId: z.string(),
  /** When it was ordered: it is given up a day later. */
  since: z.iso.datetime(),
  /** Made already, and wanted again. */
  again: z.boolean().default(false),
})

export type Order = z.output<typeof orderInput>

/** What is told of one record to one endpoint arrives in the order of the log; nothing waits for anything else. */
export function keyOf({ endpointId, recordId }: Pick<Order, "endpointId" | "recordId">): string {
  return `${endpointId}/${recordId}`
}

/**
 * The order as a message of the outbox, on behalf of the endpoint's owner.
 * @param requestId of the call that caused it
 */
export function orderMessage(
  delivery: Pick<NewDelivery, "id" | "endpointId" | "recordId" | "ownerId">,
  call: { readonly now: Date; readonly requestId: string; readonly again: boolean },
): Message {
  const { id, endpointId, recordId, ownerId } = delivery
  const { now, requestId, again } = call
  const input = { deliveryId: id, endpointId, recordId, since: now.toISOString(), again }
  const key = keyOf(input)
  const more = { key, notBefore: null, run: null }
  return jobMessage({ principal: system("a webhook", ownerId), requestId }, deliverJob, input, more)
}
