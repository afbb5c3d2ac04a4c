/** Which limits an operation has: the application's, its own or its resource's, and for a batch those of what it does. */
import {
  type AppLimits,
  type CallLimits,
  type Counts,
  compileLimits,
  type DeclaredLimit,
  type LimitList,
  type LimitSetting,
  type ResourceLimits,
} from "./limit.ts"
import { type Model, type Models, modelOf } from "./model.ts"
import type { Operation } from "./operation.ts"
import { namesOrganization, type OrganizationRule } from "./organization.ts"
import type { StandardVerb } from "./resource.ts"

/** Calls that nobody counts: those of the application itself. */
export const unlimited: CallLimits = { early: [], late: [] }

/** What counts when an application says nothing. */
const usual: Required<AppLimits> = {
  default: { per: "principal", rate: "1000/m" },
  search: { per: "principal", rate: "120/m" },
}

/** The limits of an application. */
export interface LimitRules {
  /** Those of a call that is no operation: a live connection that is opened. */
  readonly connection: CallLimits
  of(operation: Operation, model: Model | null): CallLimits
}

/** The plans of an application, the lowest first; null: it has none. */
function plansOf(rule: OrganizationRule, models: Models): readonly string[] | null {
  if (rule?.plan === undefined) return null
  const kind = modelOf(models, rule.resource).columns.get(rule.plan)?.kind
  return kind?.type === "enum" ? kind.values : null
}

function isByVerb(limit: ResourceLimits): limit is { readonly [V in StandardVerb]?: LimitList } {
  return !Array.isArray(limit) && !Object.hasOwn(limit, "per")
}

/** Where somebody proves who they are, or what nobody may store goes in or out. */
function isAuthentication({ name, confidential, credential }: Operation): boolean {
  return name.startsWith("auth.") || confidential === true || credential !== undefined
}

/** What looks at the input waits until it is known. */
function split(all: readonly DeclaredLimit[]): CallLimits {
  const isLate = ({ per, counts }: DeclaredLimit) => per === "organization" || counts !== "calls"
  return { early: all.filter((one) => !isLate(one)), late: all.filter(isLate) }
}

/** Limits by verb name verbs that the resource has. */
export function checkResourceLimits({ name, verbs, resource: { limit } }: Model): void {
  if (limit === undefined || !isByVerb(limit)) return
  for (const verb of Object.keys(limit))
    if (!verbs.has(verb as StandardVerb))
      throw new Error(
        `Resource ${name}, limit: ${verb} is not among its operations; there are ${[...verbs].join(", ")}`,
      )
}

const writes = ["create", "update", "delete"] as const

/**
 * The rules of an application.
 * @throws Error naming the declaration, the fault and the cure; `of` does the same for its operation
 */
export function limitRules(options: AppLimits | undefined, rule: OrganizationRule, models: Models): LimitRules {
  const plans = plansOf(rule, models)
  const everywhere = { counts: "calls", plans, nameless: "most operations", isAuthentication: false } as const
  const given = { ...usual, ...options }
  const defaults = compileLimits(given.default, { ...everywhere, subject: "limits.default", name: "default" })
  const searches = compileLimits(given.search, {
    ...everywhere,
    subject: "limits.search",
    name: "search",
    counts: "searches",
  })
  // The default may let calls through uncounted, but never where somebody could guess meanwhile.
  const strict = defaults.map((one) => ({ ...one, admitsUncounted: false }))

  const settingOf = (operation: Operation, model: Model | null, subject: string, name: string): LimitSetting => ({
    subject,
    name,
    counts: "calls",
    plans,
    nameless: namesOrganization(operation, model, rule) ? null : operation.name,
    isAuthentication: isAuthentication(operation),
  })

  const ofResource = (operation: Operation, model: Model, verb: StandardVerb): readonly DeclaredLimit[] => {
    const { limit } = model.resource
    if (limit === undefined) return []
    const subject = `Resource ${model.name}`
    if (!isByVerb(limit)) return compileLimits(limit, settingOf(operation, model, subject, model.name))
    const compiled = (one: StandardVerb, counts: Counts) =>
      compileLimits(limit[one] ?? [], {
        ...settingOf(operation, model, `${subject}, ${one}`, `${model.name}.${one}`),
        counts,
        // A record of a batch names what a call of its kind would, and its own limit was checked for that.
        ...(counts === "calls" ? {} : { nameless: null }),
      })
    // A batch is no way around the limits of what it does.
    const inside = verb === "batch" ? writes.flatMap((one) => compiled(one, one)) : []
    return [...compiled(verb, "calls"), ...inside]
  }

  return {
    connection: split(defaults),
    of(operation, model) {
      const { standard } = operation
      const own = operation.limit
        ? compileLimits(operation.limit, settingOf(operation, model, `Operation ${operation.name}`, operation.name))
        : []
      const standing = model && standard ? ofResource(operation, model, standard.verb) : []
      const isSearch = model && model.search.length > 0 && (standard?.verb === "list" || standard?.verb === "aggregate")
      return split([
        ...(isAuthentication(operation) ? strict : defaults),
        ...own,
        ...standing,
        ...(isSearch ? searches : []),
      ])
    },
  }
}
