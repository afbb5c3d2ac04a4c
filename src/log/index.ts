/** The log as the registry takes it: its operations. */
import type { TenantRule } from "../core/log.ts"
import type { Models } from "../core/model.ts"
import type { Operation } from "../core/operation.ts"
import type { Retention } from "./archive.ts"
import { listEvents } from "./events.ts"
import { getPast, listHistory } from "./history.ts"
import { pruneOperation } from "./prune.ts"
import { revertChange } from "./revert.ts"
import type { LogKeeping } from "./seal.ts"

/** The world of the log's maintenance. */
export type LogPorts = LogKeeping & Retention

/**
 * The operations of the log.
 * @param models of the finished registry
 * @param rule who reads a tenant's log, when the registry is finished
 * @param ports the world of its maintenance
 */
export function logOperations(
  models: () => Models,
  rule: () => TenantRule,
  ports: () => LogPorts,
): readonly Operation[] {
  return [listEvents(models, rule), listHistory(models), getPast(models), revertChange(models), pruneOperation(ports)]
}
