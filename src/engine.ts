/** The engine's own resources, operations and jobs beside an application's: the registry that every door serves. */
import type { AccountPorts } from "./authentication/account.ts"
import { type ApprovalParts, approvalOperations } from "./authentication/operations/approvals.ts"
import { accountParts } from "./authentication/operations/index.ts"
import { unwatchable } from "./authorization/judge.ts"
import { explainOperation } from "./core/explain.ts"
import type { Models } from "./core/model.ts"
import { type Application, buildRegistry, type Registry } from "./core/registry.ts"
import { type WebhookPorts, webhookParts } from "./feed/webhooks/index.ts"
import { jobParts } from "./jobs/index.ts"
import { type LogPorts, logOperations } from "./log/index.ts"
import { type UsagePorts, usageParts } from "./usage/index.ts"

/** The world of the engine's own operations. */
export interface EnginePorts {
  readonly accounts: AccountPorts
  readonly log: LogPorts
  readonly webhooks: WebhookPorts
  readonly usage: UsagePorts
  readonly call: ApprovalParts["call"]
}

const worldless = (): never => {
  throw new Error("This registry was made for documents: it serves no calls")
}

/**
 * The registry of an application with the engine's own operations. The generated documents are made from it without a world.
 * @param ports gives the world of the engine's operations when one of them runs
 */
export function registryOf(
  application: Application,
  options: { readonly development: boolean },
  ports: () => EnginePorts = worldless,
): Registry {
  const models = (): Models => registry.models
  const accounts = accountParts({ rules: application.accounts, ports: () => ports().accounts }, models)
  const approvals = approvalOperations({
    rules: application.accounts,
    ports: () => ports().accounts,
    operation: (name) => registry.operations.get(name),
    call: (called, requestId) => ports().call(called, requestId),
  })
  const webhooks = webhookParts(application, { ports: () => ports().webhooks, models })
  const jobs = jobParts(application)
  const log = logOperations(
    models,
    () => registry.logTenant,
    () => ports().log,
  )
  const usage = usageParts(application, { registry: () => registry, ports: () => ports().usage })
  const registry: Registry = buildRegistry(application, {
    engine: {
      resources: [...accounts.resources, ...jobs.resources, ...webhooks.resources],
      operations: [
        ...accounts.operations,
        ...approvals,
        ...jobs.operations,
        ...webhooks.operations,
        explainOperation(models, options),
        ...log,
        ...usage.operations,
      ],
      jobs: [...accounts.jobs, ...jobs.jobs, ...webhooks.jobs, ...usage.jobs],
    },
    eager: options.development,
    unwatchable,
  })
  return registry
}
