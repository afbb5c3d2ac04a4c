/**
 * What a call's limits ask for, and of whom: so many tokens, of the caller, the caller's address, or an organization that the caller belongs to.
 * Whoever names an organization that is not theirs pays alone, and hears nothing of it.
 */
import { networkOf } from "./address.ts"
import type { JsonObject } from "./json.ts"
import type { Allowance, DeclaredLimit } from "./limit.ts"
import { type Membership, organizationNamed } from "./organization.ts"
import { type Principal, principalId } from "./principal.ts"
import type { CompiledOperation } from "./registry.ts"

/** Who calls, as limits count them. */
export interface LimitedCaller {
  readonly principal: Principal
  /** As the platform tells it; null when there is none. */
  readonly address: string | null
}

/** What a limit asks of a call. */
export interface Wanted {
  readonly limit: DeclaredLimit
  readonly tokens: number
  /** The organization that the call names; null: none, or the limit does not ask. */
  readonly organization: string | null
}

/** Where it is drawn. */
export interface LimitPlace {
  readonly limit: DeclaredLimit
  readonly tokens: number
  readonly key: string
  readonly allowance: Allowance
  /** The organization that pays; null: the caller does. */
  readonly organization: string | null
}

/** How much of a batch is of the kind that a limit counts, by the organization that its records name. */
function recordsOf(limit: DeclaredLimit, { model }: CompiledOperation, input: JsonObject): readonly Wanted[] {
  const records = (input.records ?? []) as readonly (JsonObject & { readonly values?: JsonObject })[]
  const counts = new Map<string | null, number>()
  for (const { op, id, values } of records) {
    if (op !== limit.counts) continue
    const named = op === "create" ? values?.[model?.tenant ?? ""] : id
    const organization = limit.per === "organization" && typeof named === "string" ? named : null
    counts.set(organization, (counts.get(organization) ?? 0) + 1)
  }
  return [...counts].map(([organization, count]) => ({ limit, tokens: limit.cost * count, organization }))
}

/**
 * What limits ask of a call.
 * @param operation null for a live connection that is opened
 * @param input validated; looked at by late limits alone
 */
export function wantedOf(
  limits: readonly DeclaredLimit[],
  operation: CompiledOperation | null,
  input: JsonObject,
): readonly Wanted[] {
  return limits.flatMap((limit): readonly Wanted[] => {
    const { counts, cost, per } = limit
    if (counts === "searches") return input.q === undefined ? [] : [{ limit, tokens: cost, organization: null }]
    if (counts !== "calls") return operation === null ? [] : recordsOf(limit, operation, input)
    const organization = per === "organization" && operation !== null ? organizationNamed(operation, input) : null
    return [{ limit, tokens: cost, organization }]
  })
}

/** Whether memberships decide whose tokens these are, or how many there are: they cost a look-up. */
export function asksForMemberships({ limit, organization }: Wanted, { principal }: LimitedCaller): boolean {
  if (principal.kind !== "user") return false
  return organization !== null || (limit.per !== "organization" && limit.allowances.size > 1)
}

/** Who is counted when it is not an organization. */
function subjectOf({ per }: DeclaredLimit, { principal, address }: LimitedCaller): string {
  const network = `address/${address === null ? "unknown" : networkOf(address)}`
  if (per === "address") return network
  if (per === "key" && principal.kind === "user" && principal.key !== undefined) return principal.key
  return principalId(principal) ?? network
}

/** What the best of some plans allows; what the lowest does when there is none. */
function bestOf({ allowances }: DeclaredLimit, plans: readonly (string | null)[]): readonly [string | null, Allowance] {
  const all = [...allowances]
  const best = all.findLast(([plan]) => plans.includes(plan)) ?? all[0]
  if (best === undefined) throw new Error("A limit allows nothing")
  return best
}

/**
 * Where tokens are drawn.
 * @param memberships of the caller; empty when nobody asked for them
 */
export function placeOf(
  { limit, tokens, organization }: Wanted,
  caller: LimitedCaller,
  memberships: readonly Membership[],
): LimitPlace {
  const { per, name } = limit
  const own = organization === null ? undefined : memberships.find((one) => one.organization === organization)
  const plans = per !== "organization" ? memberships.map(({ plan }) => plan) : own ? [own.plan] : []
  const [plan, allowance] = bestOf(limit, plans)
  const whom = own?.organization ?? subjectOf(limit, caller)
  // What is counted under one key always has the same limit, so a plan has a count of its own.
  const key = plan === null ? `call/${name}/${whom}` : `call/${name}/${plan}/${whom}`
  return { limit, tokens, key, allowance, organization: own?.organization ?? null }
}
