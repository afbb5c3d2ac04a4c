/** Inbound webhooks in the OpenAPI document: they stand at a door of their own, and whoever sets a sender up looks for them here. */
import { type Inbound, inboundHeaders } from "../../core/inbound.ts"
import type { JsonObject } from "../../core/json.ts"
import type { Registry } from "../../core/registry.ts"

const problem = (description: string): JsonObject => ({
  description,
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
})

function described({ name, verify, operation }: Pick<Inbound, "name" | "verify" | "operation">): JsonObject {
  const parameters = inboundHeaders(verify).map((header) => ({
    name: header,
    in: "header",
    required: true,
    schema: { type: "string" },
  }))
  return {
    operationId: `hooks.${name}`,
    summary: operation.summary ?? `Receives messages for ${operation.name}`,
    description: "Signed by its sender. Done once, however often it comes.",
    tags: ["hooks"],
    security: [],
    parameters,
    requestBody: { required: true, content: { "application/json": { schema: {} } } },
    responses: {
      "204": { description: "Received, now or before." },
      "400": problem("Verified, but not what the operation takes."),
      "401": problem("The signature is not valid."),
      "413": problem("The body is too large."),
      "429": problem("Too many requests."),
    },
  }
}

/** The paths of a registry's inbound webhooks; none when it has none. */
export function inboundPaths({ inbound }: Registry): JsonObject {
  return Object.fromEntries([...inbound.values()].map((one) => [`/hooks/${one.name}`, { post: described(one) }]))
}
