/** The nouns of webhooks: who wants to be told where, and what was sent. Whoever made an endpoint owns it; administrators read. */
import { all, any, compare, is, me, nobody, oneOf, role, rule } from "../../core/policy.ts"
import { resource } from "../../core/registry.ts"
import { immutable, stamp } from "../../core/resource.ts"
import { webhookDeliveryTable, webhookEndpointTable } from "../../database/schema-telling.ts"

const mine = rule("my own", is("ownerId", me))
const administrator = rule("administrators", role("admin"))

/** Where somebody wants to be told. Made and changed by the operations beside this file, which know addresses and secrets. */
export const webhookEndpoints = resource("webhook_endpoints", {
  table: webhookEndpointTable,
  tenant: "none",
  summary: "An address that is told of changes",
  policy: { read: any(mine, administrator), create: nobody(), update: mine, delete: mine },
  fields: { ownerId: stamp(me), tenantId: immutable() },
  filter: ["ownerId", "status"],
  operations: ["list", "get", "delete"],
})

// Before the first attempt nobody has judged whether the owner may see the record: that something happened to it is no news for them yet.
const judged = any(oneOf("status", ["delivered", "failed"]), compare("attempts", "gt", 0))

/** What was sent, and what came back. */
export const webhookDeliveries = resource("webhook_deliveries", {
  table: webhookDeliveryTable,
  tenant: "none",
  summary: "One event for one endpoint: what was sent and what came back",
  policy: {
    read: any(rule("my own, once judged", all(is("ownerId", me), judged)), administrator),
    create: nobody(),
    update: nobody(),
    delete: nobody(),
  },
  filter: ["ownerId", "endpointId", "status"],
  operations: ["list", "get"],
})
