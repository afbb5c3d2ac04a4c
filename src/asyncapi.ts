/** The AsyncAPI document (3.0) of an application: the live side of its doors, each of which says its own part. Refuses one name for two things. */
import { graphqlChannels } from "./api/graphql/asyncapi.ts"
import { eventChannels } from "./api/rest/asyncapi.ts"
import { liveChannels } from "./api/websocket/asyncapi.ts"
import type { AsyncApiPart } from "./core/asyncapi.ts"
import type { JsonObject } from "./core/json.ts"
import type { Registry } from "./core/registry.ts"
import { closeCodes, liveLimits } from "./user/live-ports.ts"

const host = {
  host: "{host}",
  variables: { host: { default: "localhost:8787", description: "Where this document stands" } },
  security: [{ $ref: "#/components/securitySchemes/bearer" }],
}

function merged(parts: readonly AsyncApiPart[], kind: keyof AsyncApiPart): JsonObject {
  const all: Record<string, JsonObject> = {}
  for (const part of parts)
    for (const [name, value] of Object.entries(part[kind])) {
      const known = all[name]
      if (known && JSON.stringify(known) !== JSON.stringify(value))
        throw new Error(`Two ${kind} of the live side are named ${name}; give one schema another .meta({ id })`)
      all[name] = value
    }
  return all
}

/**
 * Writes the document.
 * @throws Error when a schema of the application has the name of another
 */
export function asyncApiDocument(registry: Registry): JsonObject {
  const parts = [liveChannels(registry, { closeCodes, ...liveLimits }), eventChannels(registry), graphqlChannels()]
  return {
    asyncapi: "3.0.0",
    info: {
      title: registry.title,
      version: registry.version,
      description: "Live queries, calls over sockets, presence and the inbox. Everything else is in openapi.json.",
    },
    defaultContentType: "application/json",
    servers: { sockets: { ...host, protocol: "wss" }, events: { ...host, protocol: "https" } },
    channels: merged(parts, "channels"),
    operations: merged(parts, "operations"),
    components: {
      schemas: merged(parts, "schemas"),
      messages: merged(parts, "messages"),
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "An access token, or the key of a program" },
      },
    },
  }
}
