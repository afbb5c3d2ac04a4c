/** An application that is told things: the workspace with four senders of messages. */
import * as z from "zod"
import application from "../../src/app/index.ts"
import { organizations } from "../../src/app/organizations.ts"
import { hmacHeader, type InboundOptions, inbound, standardWebhook } from "../../src/core/inbound.ts"
import { operation } from "../../src/core/operation.ts"
import { nobody } from "../../src/core/policy.ts"

export const secret = `whsec_${btoa("a secret of thirty-two bytes ....")}`
export const other = `whsec_${btoa("another one of thirty-two bytes .")}`
export const plain = "It's a Secret to Everybody"

/** Registers a customer; no door but the inbound one leads to it. */
export const registerCustomer = operation("customers.register", {
  kind: "mutation",
  input: z.strictObject({ name: z.string().min(1).max(100), userId: z.string() }),
  output: z.object({ id: z.string() }),
  policy: nobody(),
  handle: ({ input, changes }) => changes.create(organizations, { name: input.name, createdBy: input.userId }) as never,
})

export const asIs: InboundOptions["input"] = ({ body }) => body

export const hooked = {
  ...application,
  inbound: [
    inbound("billing", {
      verify: standardWebhook({ secret: "BILLING_SECRET" }),
      operation: registerCustomer,
      input: asIs,
    }),
    inbound("sales", {
      verify: standardWebhook({ secret: "BILLING_SECRET" }),
      operation: registerCustomer,
      input: asIs,
    }),
    inbound("forge", {
      verify: hmacHeader({
        header: "X-Hub-Signature-256",
        secret: "FORGE_SECRET",
        prefix: "sha256=",
        id: "X-Delivery",
      }),
      operation: registerCustomer,
      input: asIs,
    }),
    inbound("shop", {
      verify: hmacHeader({ header: "X-Shop-Hmac", secret: "FORGE_SECRET", encoding: "base64" }),
      operation: registerCustomer,
      input: asIs,
    }),
  ],
}
