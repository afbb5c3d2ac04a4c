/** Webhooks as the registry and the feed take them. */
import type { Models } from "../../core/model.ts"
import type { Application, EngineParts } from "../../core/registry.ts"
import type { Resource } from "../../core/resource.ts"
import { deliverWebhook } from "./deliver.ts"
import { webhookOperations } from "./operations.ts"
import type { WebhookPorts } from "./ports.ts"
import { webhookDeliveries, webhookEndpoints } from "./resources.ts"
import type { Tellable } from "./subscription.ts"

export type { WebhookPorts } from "./ports.ts"
export { webhookReader } from "./reader.ts"

/**
 * What events may be told of: the application's own nouns that can be read through its interface. The engine's are told to nobody.
 * @param models of the finished registry
 */
export function tellableOf(application: Pick<Application, "resources">, models: Models): Tellable {
  const own = new Set(application.resources.map(({ name }) => name))
  return new Map([...models].filter(([name, { verbs }]) => own.has(name) && (verbs.has("get") || verbs.has("list"))))
}

/**
 * Resources, operations and the job of webhooks.
 * @param parts.ports gives the world when a call or a job runs: documents are made without one
 */
export function webhookParts(
  application: Pick<Application, "resources">,
  parts: { ports(): WebhookPorts; models(): Models },
): Required<EngineParts> {
  const tellable = () => tellableOf(application, parts.models())
  return {
    resources: [webhookEndpoints, webhookDeliveries] as readonly unknown[] as readonly Resource[],
    operations: webhookOperations({ ...parts, tellable }),
    jobs: [deliverWebhook(parts)],
  }
}
