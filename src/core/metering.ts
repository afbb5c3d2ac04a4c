/** Metering in the pipeline: whom a call is about before anything is read, what its answer tells of that, and what it has used. */
import type { JsonObject } from "./json.ts"
import { type Model, type Models, modelOf } from "./model.ts"
import type { Cost } from "./observation.ts"
import { type OrganizationRule, organizationNamed } from "./organization.ts"
import { estimateOf } from "./prices.ts"
import { matched, type Run } from "./run.ts"
import type { Figures, MeteredCall } from "./usage.ts"

const noCost: Cost = { trips: 0, rowsRead: 0, rowsWritten: 0 }

/** The stage before the handler: a budget that is spent stops the call here. */
export function admitUsage(run: Run): void | Promise<void> {
  const { operation } = matched(run)
  const { principal, now } = run
  if (principal.kind !== "user") return
  const charge = run.ports.metering.admit({ operation, principal, input: run.input as JsonObject, now })
  if (charge instanceof Promise)
    return charge.then((found) => {
      run.charge = found
    })
  run.charge = charge
}

/** What a call is estimated to have cost, in nano-dollars. */
export function estimateOfRun(run: Run, hasFailed: boolean): number {
  const isWritten = run.committed && !run.replayed && !hasFailed
  const sent = isWritten ? (run.recorder?.messages ?? []) : null
  return estimateOf(run.registry.usage.prices, run.store?.cost ?? noCost, sent)
}

/** Counts a call that has ended, if it counts for anybody. A watch is counted where it is held. */
export function countUsage(run: Run, estimate: number): void {
  if (run.charge === null || matched(run).operation.kind === "subscription") return
  const { rowsRead, rowsWritten } = run.store?.cost ?? noCost
  const figures: Figures = { calls: 1, rowsRead, rowsWritten, estimate }
  run.charge(figures, run.output)
}

/** What a call says of the organization that it is for. */
export interface Addressed {
  /** Named by the call itself. */
  readonly organization: string | null
  /** The resource of organizations' records that it is about; null: it is about none. */
  readonly resource: string | null
  /** Of those records, the ones that it names by id. */
  readonly ids: readonly string[]
  /** Organizations of records that a batch creates. */
  readonly tenants: readonly string[]
}

const nothing: Addressed = { organization: null, resource: null, ids: [], tenants: [] }

/** True when a record of the model belongs to one of the application's organizations. */
function isOwned(model: Model, rule: NonNullable<OrganizationRule>, models: Models): boolean {
  const kind = model.tenant === null ? undefined : model.columns.get(model.tenant)?.kind
  return kind?.type === "id" && kind.prefix === modelOf(models, rule.resource).idPrefix
}

function texts(values: readonly unknown[]): string[] {
  return values.filter((value): value is string => typeof value === "string" && value !== "")
}

/** What a call says before anything is read. */
export function addressedBy(
  { operation, input }: Pick<MeteredCall, "operation" | "input">,
  rule: NonNullable<OrganizationRule>,
  models: Models,
): Addressed {
  const organization = organizationNamed(operation, input)
  if (organization !== null) return { ...nothing, organization }
  const { policy, standard } = operation
  if (policy.kind !== "on") return nothing
  const model = modelOf(models, policy.resource)
  if (!isOwned(model, rule, models)) return nothing
  if (standard?.verb !== "batch") return { ...nothing, resource: model.name, ids: texts([input[policy.idFrom]]) }
  const records = (input.records ?? []) as readonly { readonly id?: string; readonly values?: JsonObject }[]
  return {
    ...nothing,
    resource: model.name,
    ids: texts(records.map(({ id }) => id)),
    tenants: texts(records.map(({ values }) => values?.[model.tenant as string])),
  }
}

/** The organizations of the records that an answer shows, one entry a record. */
export function tenantsShown({ operation, input }: MeteredCall, output: unknown, models: Models): readonly string[] {
  const { policy, standard } = operation
  if (policy.kind !== "on" || typeof output !== "object" || output === null) return []
  const { tenant } = modelOf(models, policy.resource)
  if (tenant === null) return []
  const { items, records, id } = output as { items?: unknown; records?: unknown; id?: unknown }
  // A handler's answer need not be the record that its policy is on.
  const isRecord = standard !== undefined || id === input[policy.idFrom]
  const rows: unknown =
    standard?.verb === "list" ? items : standard?.verb === "batch" ? records : isRecord ? [output] : []
  if (!Array.isArray(rows)) return []
  return texts(rows.map((row: JsonObject | null) => row?.[tenant]))
}
