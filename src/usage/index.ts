/** Usage as the registry takes it: its operations, and the job that warns. */
import type { Job } from "../core/job.ts"
import type { Operation } from "../core/operation.ts"
import type { Application, Registry } from "../core/registry.ts"
import { type UsagePorts as OperationPorts, usageOperations } from "./operations.ts"
import { warningJobOf } from "./warning.ts"

export { metering } from "./metering.ts"
export { meters } from "./meters.ts"
export { warnedMax, warner } from "./warning.ts"

/** The world of the operations and of the job. */
export interface UsagePorts extends OperationPorts {
  /** Ids of the users who answer for an organization. */
  answerable(organizationId: string): Promise<readonly string[]>
}

/**
 * The parts of an application; none where nothing is counted.
 * @param options.registry when it is finished
 */
export function usageParts(
  { organizations, usage }: Application,
  { registry, ports }: { registry(): Registry; ports(): UsagePorts },
): { readonly operations: readonly Operation[]; readonly jobs: readonly Job[] } {
  const operations = usageOperations({
    hasOrganizations: organizations !== undefined,
    hasKeys: usage?.budgets?.key !== undefined,
    hasUsers: usage?.budgets?.user !== undefined,
    models: () => registry().models,
    rule: () => registry().usage,
    organizations: () => registry().organizations,
    ports,
  })
  return { operations, jobs: usage?.warn === undefined ? [] : [warningJobOf((id) => ports().answerable(id))] }
}
