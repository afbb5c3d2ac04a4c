/**
 * Organizations as limits, budgets and caches see them: which resource they are, who belongs to one, and which one a call names. What a caller
 * may see is never decided here: the policy of a resource is, in the statement that reads it.
 */
import type { JsonObject } from "./json.ts"
import type { Model, Models } from "./model.ts"
import type { Operation } from "./operation.ts"
import type { CompiledOperation } from "./registry.ts"

/** What `app({ organizations })` takes. */
export interface OrganizationOptions {
  /** The resource whose records are the organizations; it declares `members`. */
  readonly resource: string
  /** Its column that holds the name of the plan that it is on. */
  readonly plan?: string
}

/** Which resource the organizations are; null: the application has none. */
export type OrganizationRule = OrganizationOptions | null

/** A user's place in an organization. */
export interface Membership {
  /** Id of the organization's record. */
  readonly organization: string
  readonly role: string
  /** Name of the organization's plan; null when the application has no plans. */
  readonly plan: string | null
}

/**
 * The rule of an application, checked.
 * @throws Error naming the fault and the cure
 */
export function organizationRule(options: OrganizationOptions | undefined, models: Models): OrganizationRule {
  if (options === undefined) return null
  const { resource, plan } = options
  const model = models.get(resource)
  if (!model) throw new Error(`organizations: no resource is named ${resource}`)
  if (!model.members) throw new Error(`organizations: ${resource} declares no members, so nobody belongs to one`)
  if (plan === undefined) return options
  const column = model.columns.get(plan)
  if (column?.kind.type !== "enum" || column.nullable)
    throw new Error(`organizations: the plan ${plan} of ${resource} is not an enumeration() that is always there`)
  return options
}

const textOf = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null)

/** The one value that a filter pins a column to: `{ organizationId: "…" }` or `{ organizationId: { eq: "…" } }`. */
function pinned(filter: unknown, column: string): string | null {
  if (typeof filter !== "object" || filter === null) return null
  const term = (filter as JsonObject)[column]
  return textOf(term) ?? (typeof term === "object" && term !== null ? textOf((term as JsonObject).eq) : null)
}

/** Whether a call of an operation can name an organization, as `organizationNamed` finds it. */
export function namesOrganization(operation: Operation, model: Model | null, rule: OrganizationRule): boolean {
  if (rule === null) return false
  if (operation.organization !== undefined) return true
  const { standard } = operation
  if (!model || !standard || model.tenant === null) return false
  switch (standard.verb) {
    case "create":
      return Object.hasOwn(operation.input.shape, model.tenant)
    case "list":
    case "aggregate":
    case "watch":
      return model.filter.has(model.tenant)
    case "batch":
      return false
    default:
      return model.tenant === "id"
  }
}

/**
 * The organization that a call names, before anything is read: by the property that the operation declares, by the tenant of what is created,
 * or by the tenant that a list is filtered to. Whoever names one need not belong to it.
 * @param input validated
 * @returns its id; null when the call names none
 */
export function organizationNamed(operation: CompiledOperation, input: JsonObject): string | null {
  if (operation.organization !== undefined) return textOf(input[operation.organization])
  const { model, standard } = operation
  if (!model || !standard || model.tenant === null) return null
  switch (standard.verb) {
    case "create":
      return textOf(input[model.tenant])
    case "list":
    case "aggregate":
    case "watch":
      return pinned(input.filter, model.tenant)
    default:
      // The organization itself is its own tenant.
      return model.tenant === "id" ? textOf(input.id) : null
  }
}
