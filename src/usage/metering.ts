/**
 * For whom a call counts, and whether they may still. A key and a user count whatever they call; an organization only what its own members call for it,
 * so a stranger who names one spends nothing of it. What stands behind its answer (who belongs where, whose a record is) is asked behind it, but
 * where a budget is spent: then before anything else.
 */
import { type Addressed, addressedBy, tenantsShown } from "../core/metering.ts"
import type { Models } from "../core/model.ts"
import type { Membership, OrganizationRule } from "../core/organization.ts"
import { hasRole, type Principal, type User } from "../core/principal.ts"
import { Problem } from "../core/problem.ts"
import {
  type Account,
  type Budget,
  budgetOfTerms,
  type Charge,
  type Figures,
  type MeteredCall,
  type Metering,
  type UsageRule,
} from "../core/usage.ts"
import type { Meters } from "./meters.ts"

/** The world of metering. */
export interface MeteringPorts {
  readonly models: Models
  readonly organizations: OrganizationRule
  readonly rule: UsageRule
  readonly meters: Meters
  memberships(principal: Principal): Promise<readonly Membership[]>
  /** The organizations that records belong to, or belonged to when they went. One round trip. */
  tenantsOf(resource: string, ids: readonly string[]): Promise<readonly string[]>
  behind(work: Promise<unknown>): void
}

/** An account and what the declaration gives it. */
interface Payer {
  readonly account: Account
  readonly budget: Budget | null
}

const organizationOf = ({ rule }: MeteringPorts, { organization: id, plan }: Membership): Payer => ({
  account: { kind: "organization", id },
  budget: rule.organizationBudget(plan),
})

/** Usage of usage would never rest. */
const isUsage = ({ operation }: MeteredCall): boolean =>
  operation.engine !== undefined && operation.name.startsWith("usage.")

/** The grant, the key and the user of a call, as far as they have budgets: nobody counts for them otherwise. */
function ownPayers({ rule }: MeteringPorts, { id, key, grant, terms }: User): Payer[] {
  const payers: Payer[] = []
  const budget = budgetOfTerms(terms)
  if (budget !== null && grant !== undefined) payers.push({ account: { kind: "grant", id: grant }, budget })
  if (rule.keyBudget !== null && key !== undefined)
    payers.push({ account: { kind: "key", id: key }, budget: rule.keyBudget })
  if (rule.userBudget !== null) payers.push({ account: { kind: "user", id }, budget: rule.userBudget })
  return payers
}

/** What keeps an account safe (sign out, end a session, change the password) is stopped by no budget but that of the key or program that calls it. */
const mayStop = (call: MeteredCall, { account }: Payer): boolean =>
  call.operation.engine === undefined || account.kind === "key" || account.kind === "grant"

/** Of the organizations that the answer shows, the one of most records that the caller belongs to. */
function mostShown(memberships: readonly Membership[], shown: readonly string[]): Membership | null {
  const counts = new Map<string, number>()
  for (const tenant of shown) counts.set(tenant, (counts.get(tenant) ?? 0) + 1)
  let most: Membership | null = null
  for (const one of memberships)
    if ((counts.get(one.organization) ?? 0) > (most === null ? 0 : (counts.get(most.organization) ?? 0))) most = one
  return most
}

/** Who pays for a call that has ended; `"look"`: only its records can tell. */
function payerOf(
  memberships: readonly Membership[],
  to: Addressed,
  shown: readonly string[],
): Membership | null | "look" {
  if (to.organization !== null) return memberships.find(({ organization }) => organization === to.organization) ?? null
  if (to.resource === null || memberships.length === 0) return null
  if (shown.length > 0) return mostShown(memberships, shown)
  if (memberships.length === 1) return memberships[0] ?? null
  return to.ids.length > 0 ? "look" : mostShown(memberships, to.tenants)
}

/** What a call has used and answered. */
interface Ended {
  readonly figures: Figures
  readonly output: unknown
}

/** Counts a call for the organization that it turns out to be for: at once, unless a record has to be asked. */
function chargeOrganization(
  ports: MeteringPorts,
  call: MeteredCall,
  to: Addressed,
  { figures, output }: Ended,
  memberships: readonly Membership[],
): void {
  const count = (one: Membership | null) => {
    if (one === null) return
    const { account, budget } = organizationOf(ports, one)
    ports.meters.count(account, budget, figures)
  }
  const found = payerOf(memberships, to, tenantsShown(call, output, ports.models))
  const look = async () => count(mostShown(memberships, await ports.tenantsOf(to.resource ?? "", to.ids)))
  if (found === "look") ports.behind(look())
  else count(found)
}

function chargeFor(
  ports: MeteringPorts,
  call: MeteredCall,
  own: readonly Payer[],
  to: Addressed | null,
  memberships: readonly Membership[] | null,
): Charge | null {
  if (own.length === 0 && to === null) return null
  return (figures, output) => {
    for (const { account, budget } of own) ports.meters.count(account, budget, figures)
    if (to === null) return
    const ended = { figures, output }
    if (memberships !== null) return chargeOrganization(ports, call, to, ended, memberships)
    const load = ports.memberships(call.principal)
    ports.behind(load.then((found) => chargeOrganization(ports, call, to, ended, found)))
  }
}

/** What a call by somebody of several organizations meets, one of which has spent its budget. */
async function checkSeveral(
  ports: MeteringPorts,
  call: MeteredCall,
  memberships: readonly Membership[],
  to: Addressed,
): Promise<void> {
  const spent = new Map<string, Problem>()
  for (const one of memberships) {
    const { account, budget } = organizationOf(ports, one)
    const problem = budget && ports.meters.refusal(account, budget, call.operation.kind, call.now)
    if (problem) spent.set(one.organization, problem)
  }
  const [first] = spent.values()
  if (first === undefined) return
  if (to.ids.length + to.tenants.length === 0) {
    const sentence = `${first.message}. Name another organization to go on in that one`
    throw new Problem(first.code, sentence, first.options)
  }
  const found = to.ids.length === 0 ? [] : await ports.tenantsOf(to.resource ?? "", to.ids)
  for (const tenant of [...found, ...to.tenants]) {
    const problem = spent.get(tenant)
    if (problem) throw problem
  }
}

/** Whether the organization that a call is for may still. */
async function checkOrganization(
  ports: MeteringPorts,
  call: MeteredCall,
  memberships: readonly Membership[],
  to: Addressed,
): Promise<void> {
  const only = memberships.length === 1 && to.organization === null ? memberships[0] : undefined
  const one = only ?? memberships.find(({ organization }) => organization === to.organization)
  if (one === undefined) return to.organization === null ? checkSeveral(ports, call, memberships, to) : undefined
  const { account, budget } = organizationOf(ports, one)
  if (budget !== null) await ports.meters.check(account, budget, call.operation.kind, call.now)
}

/** Who counts a call, and whose budgets hold it. */
interface Counted {
  readonly own: readonly Payer[]
  /** Of those, the ones that may stop it. */
  readonly held: readonly Payer[]
  readonly to: Addressed | null
  /** The same where an organization's budget may stop it. */
  readonly asked: Addressed | null
}

/** The check before a handler, where some budget holds the caller. */
async function admitHeld(
  ports: MeteringPorts,
  call: MeteredCall,
  { own, held, to, asked }: Counted,
): Promise<Charge | null> {
  const { kind } = call.operation
  for (const payer of held) {
    const { account, budget } = payer
    if (budget !== null && mayStop(call, payer)) await ports.meters.check(account, budget, kind, call.now)
  }
  if (asked === null) return chargeFor(ports, call, own, to, null)
  const memberships = await ports.memberships(call.principal)
  await checkOrganization(ports, call, memberships, asked)
  return chargeFor(ports, call, own, to, memberships)
}

/** Metering of an isolate. */
export function metering(ports: MeteringPorts): Metering {
  const { rule, organizations, models } = ports
  return {
    admit(call) {
      const { principal } = call
      if (principal.kind !== "user" || isUsage(call)) return null
      const own = ownPayers(ports, principal)
      const addressed = organizations === null ? null : addressedBy(call, organizations, models)
      const isAbout = addressed !== null && (addressed.organization ?? addressed.resource) !== null
      const to = isAbout ? addressed : null
      // Whoever runs the application gets in to see what is the matter. What a person has asked of a program holds for it all the same.
      const isRunner = hasRole(principal, "admin")
      const held = isRunner ? own.filter(({ account }) => account.kind === "grant") : own
      const asked = !isRunner && rule.hasBudgets ? to : null
      const isHeld = held.length > 0 || asked !== null
      return isHeld ? admitHeld(ports, call, { own, held, to, asked }) : chargeFor(ports, call, own, to, null)
    },
    spend(principal, organization, figures) {
      if (principal.kind !== "user") return
      for (const { account, budget } of ownPayers(ports, principal)) ports.meters.count(account, budget, figures)
      if (organizations === null) return
      const count = async () => {
        const memberships = await ports.memberships(principal)
        const only = memberships.length === 1 ? memberships[0] : undefined
        const one = organization === null ? only : memberships.find((each) => each.organization === organization)
        if (one === undefined) return
        const payer = organizationOf(ports, one)
        ports.meters.count(payer.account, payer.budget, figures)
      }
      ports.behind(count())
    },
  }
}
