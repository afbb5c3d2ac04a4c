/**
 * Usage: what calls have cost, by organization, API key and user, a UTC day at a time; and budgets, which stop calls instead of billing them. What is
 * declared, what an isolate and the object of an account tell one another. Counting is in `src/usage`.
 */
import type { JsonObject } from "./json.ts"
import { type Models, modelOf } from "./model.ts"
import type { OrganizationRule } from "./organization.ts"
import type { Action } from "./policy.ts"
import { type Prices, pricesOf } from "./prices.ts"
import type { Principal } from "./principal.ts"
import type { CompiledOperation } from "./registry.ts"
import type { GrantTerms } from "./terms.ts"

/** What calls have used. Whole numbers; `estimate` in nano-dollars (prices.ts). */
export interface Figures {
  readonly calls: number
  readonly rowsRead: number
  readonly rowsWritten: number
  readonly estimate: number
}

export const noFigures: Figures = Object.freeze({ calls: 0, rowsRead: 0, rowsWritten: 0, estimate: 0 })

/** The sum of two. */
export function plus(one: Figures, other: Figures): Figures {
  return {
    calls: one.calls + other.calls,
    rowsRead: one.rowsRead + other.rowsRead,
    rowsWritten: one.rowsWritten + other.rowsWritten,
    estimate: one.estimate + other.estimate,
  }
}

/** For whom usage is counted. */
export interface Account {
  /** `grant`: what a program may use that a user has let in. */
  readonly kind: "organization" | "key" | "user" | "grant"
  readonly id: string
}

/** What a budget bounds. */
export const bounded = ["rowsRead", "rowsWritten"] as const
export type Bounded = (typeof bounded)[number]

/** How much an account may use in a UTC day. What is left out has no bound; 0 lets nothing through. */
export type Budget = { readonly [what in Bounded]?: number }

/** The budget of a grant: its bound holds for rows read and for rows written, each. null: it has none. */
export function budgetOfTerms(terms: GrantTerms | undefined): Budget | null {
  return terms == null || terms.rows === null ? null : { rowsRead: terms.rows, rowsWritten: terms.rows }
}

/** What `app({ usage })` takes. */
export interface UsageOptions {
  /** Whoever may do this to an organization's record may read its usage. Left out: administrators of the application alone. */
  readonly read?: Action
  /** Whoever may do this to it may set it a lower budget than its plan's. Left out: nobody. */
  readonly lower?: Action
  /** Members with this role in the organization or a higher one are told when 80 % and when all of its budget is spent. Left out: nobody is. */
  readonly warn?: string
  /** By UTC day. */
  readonly budgets?: {
    /** Of every organization, or by the name of its plan: then every plan is named. */
    readonly organization?: Budget | { readonly plans: Readonly<Record<string, Budget>> }
    /** Of every API key. */
    readonly key?: Budget
    /** Of every user and service account, whatever organization their calls are for. */
    readonly user?: Budget
  }
  readonly prices?: Partial<Prices>
}

/** The same, checked. */
export interface UsageRule {
  readonly read: Action | null
  readonly lower: Action | null
  /** Roles whose holders are warned; empty: nobody is. */
  readonly warned: readonly string[]
  /** True when some organization has a budget. */
  readonly hasBudgets: boolean
  /** null: none. */
  organizationBudget(plan: string | null): Budget | null
  readonly keyBudget: Budget | null
  readonly userBudget: Budget | null
  readonly prices: Prices
}

function checkBudget(where: string, budget: Budget): void {
  for (const [what, most] of Object.entries(budget)) {
    if (!(bounded as readonly string[]).includes(what))
      throw new Error(`usage.budgets: ${where} bounds ${what}; there are ${bounded.join(" and ")}`)
    if (!Number.isSafeInteger(most) || most < 0)
      throw new Error(`usage.budgets: ${what} of ${where} is not a whole number of rows`)
  }
}

type Plans = { readonly plans: Readonly<Record<string, Budget>> }

function checkPlans({ plans }: Plans, organizations: NonNullable<OrganizationRule>, models: Models): void {
  const { resource, plan } = organizations
  const kind = plan === undefined ? undefined : modelOf(models, resource).columns.get(plan)?.kind
  if (kind?.type !== "enum")
    throw new Error("usage.budgets: organization names plans, but organizations.plan names none")
  for (const name of kind.values)
    if (!Object.hasOwn(plans, name))
      throw new Error(`usage.budgets: the plan ${name} has none; {} is one without a bound`)
  for (const [name, budget] of Object.entries(plans)) {
    if (!kind.values.includes(name)) throw new Error(`usage.budgets: there is no plan ${name}`)
    checkBudget(`the plan ${name}`, budget)
  }
}

function rolesFrom(least: string | undefined, organizations: NonNullable<OrganizationRule>, models: Models) {
  if (least === undefined) return []
  const roles = modelOf(models, organizations.resource).members?.roles ?? []
  if (!roles.includes(least)) throw new Error(`usage.warn: ${organizations.resource} has no role ${least}`)
  return roles.slice(roles.indexOf(least))
}

/**
 * The rule of an application, checked.
 * @throws Error naming the fault and the cure
 */
export function usageRule(
  options: UsageOptions | undefined,
  organizations: OrganizationRule,
  models: Models,
): UsageRule {
  const { read = null, lower = null, warn, budgets = {}, prices } = options ?? {}
  const { organization = null, key = null, user = null } = budgets
  const isOfOrganizations = read !== null || lower !== null || warn !== undefined || organization !== null
  if (organizations === null && isOfOrganizations)
    throw new Error("usage: read, lower, warn and budgets.organization take app({ organizations })")
  if (read === "create" || lower === "create")
    throw new Error("usage: a creation has no record yet; name read, update or delete")
  for (const [where, budget] of Object.entries({ key, user })) if (budget !== null) checkBudget(where, budget)
  const byPlan = organization !== null && "plans" in organization ? organization : null
  const one = byPlan === null ? (organization as Budget | null) : null
  if (byPlan !== null && organizations !== null) checkPlans(byPlan, organizations, models)
  if (one !== null) checkBudget("organization", one)
  const plans = byPlan && new Map(Object.entries(byPlan.plans))
  return {
    read,
    lower,
    warned: organizations === null ? [] : rolesFrom(warn, organizations, models),
    hasBudgets: organization !== null || lower !== null,
    organizationBudget(plan) {
      // A plan that this code does not know, such as one of a newer deployment, is not without a bound by silence.
      if (plans !== null) return plans.get(plan ?? "") ?? { rowsRead: 0, rowsWritten: 0 }
      // Whoever may set a budget may have set one where the declaration has none.
      return one ?? (lower === null ? null : {})
    },
    keyBudget: key,
    userBudget: user,
    prices: pricesOf(prices),
  }
}

/** The UTC day of an instant, `2026-11-21`. */
export function dayOf(at: Date): string {
  return at.toISOString().slice(0, 10)
}

/** Whole seconds until the day after this one begins; one at least. */
export function secondsLeft(day: string, now: Date): number {
  return Math.max(1, Math.ceil((renewalOf(day).getTime() - now.getTime()) / 1000))
}

/** When the budget of a day's successor begins. */
export function renewalOf(day: string): Date {
  return new Date(Date.parse(`${day}T00:00:00.000Z`) + 86_400_000)
}

/** The stricter of two, side by side. */
export function stricter(one: Budget, other: Budget): Budget {
  const least = (what: Bounded) =>
    Math.min(one[what] ?? Number.POSITIVE_INFINITY, other[what] ?? Number.POSITIVE_INFINITY)
  return Object.fromEntries(
    bounded.map((what) => [what, least(what)]).filter(([, most]) => most !== Number.POSITIVE_INFINITY),
  )
}

/** How an account stands. */
export interface Standing {
  /** The newest UTC day that its object has heard of; what is behind counts for it. */
  readonly day: string
  /** Spent on that day. */
  readonly spent: Figures
  /** The budget that the organization has set itself. */
  readonly own: Budget
}

/** What an isolate has counted. The same number twice is counted once. */
export interface UsageReport {
  /** The isolate. */
  readonly reporter: string
  /** Higher than that of its report before. */
  readonly number: number
  readonly day: string
  readonly figures: Figures
  /** What the declaration gives the account, for the warnings; null: nothing. */
  readonly budget: Budget | null
}

/** A mark that was passed by a report: 80 or 100 percent. */
export interface Passed {
  readonly what: Bounded
  readonly percent: number
  readonly budget: number
}

/** A day of the series. */
export interface UsageDay extends Figures {
  readonly day: string
}

/** What the object of an account answers to. */
export interface MeterObject {
  standing(day: string): Promise<Standing>
  /** Counts once by reporter and number. `passed`: marks that no report of the day had passed before this one. */
  report(report: UsageReport): Promise<Standing & { readonly passed: readonly Passed[] }>
  /** Days with usage from `from` to `to`, both included, oldest first. */
  days(from: string, to: string): Promise<readonly UsageDay[]>
  /** The budget that the organization sets itself; {}: none. */
  setOwn(own: Budget): Promise<void>
}

/** A call, as far as metering asks. */
export interface MeteredCall {
  readonly operation: CompiledOperation
  readonly principal: Principal
  /** Validated. */
  readonly input: JsonObject
  readonly now: Date
}

/** Counts a call that has ended, with what it answered. Never throws, never waits. */
export type Charge = (figures: Figures, output: unknown) => void

/** Metering behind the pipeline. */
export interface Metering {
  /**
   * Finds out for whom a call counts, and whether they may still.
   * @returns how to count it; null: it counts for nobody
   * @throws Problem RESOURCE_EXHAUSTED when a budget is spent; UNAVAILABLE when that cannot be found out
   */
  admit(call: MeteredCall): Charge | null | Promise<Charge | null>
  /** Counts what is read for a principal after its call: reopened watches. `organization` is the tenant that they are about, when there is one. */
  spend(principal: Principal, organization: string | null, figures: Figures): void
}
