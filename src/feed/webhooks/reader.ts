/**
 * Webhooks as a reader of the log: each event becomes one delivery for each endpoint that asked for it, with its job, in one batch. The list of
 * endpoints is kept in memory; an event about an endpoint or its owner makes it be read again, and the log brings every such event past here.
 */
import type { Event } from "../../core/event.ts"
import { outboxStatement } from "../../database/outbox.ts"
import {
  deliveriesStatement,
  type NewDelivery,
  readSubscriptions,
  type Subscription,
  undelivered,
} from "../../database/webhooks.ts"
import type { Reader } from "../tail.ts"
import { orderMessage } from "./order.ts"
import type { WebhookPorts } from "./ports.ts"
import { webhookEndpoints } from "./resources.ts"
import { matches, type Tellable, typeOf } from "./subscription.ts"

/** Deliveries a batch: D1 takes 2 MB a value. */
const batchRows = 500

/** The nouns whose changes decide who is told. */
const deciding: ReadonlySet<string> = new Set([webhookEndpoints.name, "users"])

type ReaderPorts = Pick<WebhookPorts, "database" | "outbox" | "mint" | "now" | "poke">
type Wanted = NewDelivery & { readonly requestId: string }

/**
 * Makes the reader.
 * @param tellable the resources that events are told of
 */
export function webhookReader(ports: ReaderPorts, tellable: Tellable): Reader {
  // By the object's storage, so that one that comes back after another ran elsewhere begins without a memory.
  const known = new WeakMap<SqlStorage, readonly Subscription[]>()
  return {
    name: "webhooks",
    wants(sql, { hasEndpoints }) {
      if (known.get(sql)?.length) return true
      known.delete(sql)
      return hasEndpoints
    },
    async read(events, sql) {
      if (events.some(({ resource }) => deciding.has(resource))) known.delete(sql)
      const subscriptions = known.get(sql) ?? (await readSubscriptions(ports.database))
      known.set(sql, subscriptions)
      const all = events
        .filter(({ resource }) => tellable.has(resource))
        .flatMap((event) => subscriptions.filter((one) => matches(one, event)).map((one) => wanted(ports, one, event)))
      for (let from = 0; from < all.length; from += batchRows) await enqueue(ports, all.slice(from, from + batchRows))
    },
  }
}

function wanted({ mint }: Pick<WebhookPorts, "mint">, endpoint: Subscription, event: Event): Wanted {
  return {
    id: mint("delivery"),
    endpointId: endpoint.id,
    ownerId: endpoint.ownerId,
    eventId: event.id,
    sequence: event.sequence,
    type: typeOf(event),
    resource: event.resource,
    recordId: event.record,
    requestId: event.requestId,
  }
}

/** Deliveries and jobs together or not at all: whoever reads the page again finds either both or none. */
async function enqueue({ database, outbox, now, poke }: ReaderPorts, all: readonly Wanted[]): Promise<void> {
  const rows = await undelivered(database, all)
  if (rows.length === 0) return
  const at = now()
  const messages = rows.map((row) => orderMessage(row, { now: at, requestId: row.requestId, again: false }))
  const sealed = await outbox.prepare(messages, at)
  const statements = [deliveriesStatement(rows, at), outboxStatement(sealed)]
  await database.batch(statements.map(({ sql, binds }) => database.prepare(sql).bind(...binds)))
  // The turn that reads this may have looked for due jobs before.
  poke()
}
