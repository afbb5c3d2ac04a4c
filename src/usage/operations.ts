/**
 * `usage.*`: what an organization, an API key or a user has used, today and by day, and the budget that an organization sets itself. For whoever the
 * application's declaration names, and for administrators of the application. They count against no budget, so that one that is spent can be looked at.
 */
import * as z from "zod"
import { type Models, modelOf } from "../core/model.ts"
import type { EngineWork, Operation } from "../core/operation.ts"
import type { OrganizationRule } from "../core/organization.ts"
import { type Action, signedIn } from "../core/policy.ts"
import { hasRole, principalId, system } from "../core/principal.ts"
import { denied, invalid, notFound } from "../core/problem.ts"
import {
  type Account,
  type Budget,
  bounded,
  budgetOfTerms,
  dayOf,
  type MeterObject,
  noFigures,
  renewalOf,
  type Standing,
  stricter,
  type UsageRule,
} from "../core/usage.ts"
import type { Meters } from "./meters.ts"

/** The world of the operations. */
export interface UsagePorts {
  meter(account: Account): MeterObject
  readonly meters: Pick<Meters, "settle" | "doubt">
}

/** What the operations are made with. */
export interface UsageParts {
  /** Of whom there is usage, beside organizations. */
  readonly hasOrganizations: boolean
  readonly hasKeys: boolean
  readonly hasUsers: boolean
  models(): Models
  rule(): UsageRule
  organizations(): OrganizationRule
  ports(): UsagePorts
}

/** Whose usage is asked for. */
interface Whose {
  readonly organizationId?: string
  readonly keyId?: string
}

const id = z.string().min(1).max(100)
const rows = z.int().min(0).max(Number.MAX_SAFE_INTEGER)
const figures = {
  calls: z.int(),
  rowsRead: z.int(),
  rowsWritten: z.int(),
  estimate: z.int().describe("Nano-dollars: US$ × 10⁻⁹"),
}
const limits = z.object({ rowsRead: rows.nullable(), rowsWritten: rows.nullable() })

const usage = z
  .object({
    day: z.iso.date().describe("UTC"),
    ...figures,
    budget: limits.meta({ id: "UsageBudget" }).describe("Of a day; null: no bound"),
    left: limits.meta({ id: "UsageLeft" }),
    renewsAt: z.iso.datetime(),
  })
  .meta({ id: "Usage" })

const usageDays = z
  .object({ items: z.array(z.object({ day: z.iso.date(), ...figures }).meta({ id: "UsageDay" })) })
  .meta({ id: "UsageDayList" })

function whoseInput({ hasOrganizations, hasKeys }: UsageParts) {
  const organizationId = id.optional().describe("The organization")
  const keyId = id.optional().describe("The API key, for whoever may see it; left out, the one that calls")
  return { ...(hasOrganizations ? { organizationId } : {}), ...(hasKeys ? { keyId } : {}) }
}

/** The right of the caller to an organization; its plan's budget. */
async function organizationBudget(
  parts: UsageParts,
  { store, reading }: EngineWork,
  organizationId: string,
  action: Action | null,
): Promise<Budget | null> {
  const { resource = "", plan } = parts.organizations() ?? {}
  if (!hasRole(reading.principal, "admin")) {
    const permits = (what: Action) => store.permits(resource, organizationId, what, reading)
    if (action === null || !(await permits(action)))
      throw (await permits("read")) ? denied("do this with the usage of this organization") : notFound(resource)
  }
  const wanted = {
    kind: "get",
    resource,
    id: organizationId,
    fields: plan === undefined ? ["id"] : [plan],
    expand: {},
  } as const
  const asSystem = { ...reading, principal: system("what an organization may spend", principalId(reading.principal)) }
  const row = await store.get(wanted, asSystem)
  if (row === null) throw notFound(resource)
  return parts.rule().organizationBudget(plan === undefined ? null : String(row[plan]))
}

/** Whose usage it is, when the caller may see it, and the budget that the declaration gives them. */
async function found(
  parts: UsageParts,
  work: EngineWork,
  { organizationId, keyId }: Whose,
): Promise<{ account: Account; budget: Budget | null }> {
  const { keyBudget, userBudget, read } = parts.rule()
  const { principal, now } = work.reading
  const caller = principal.kind === "user" ? principal : null
  if (organizationId !== undefined && keyId !== undefined)
    throw invalid("/keyId", "conflict", "Name an organization or a key, not both")
  if (organizationId !== undefined)
    return {
      account: { kind: "organization", id: organizationId },
      budget: await organizationBudget(parts, work, organizationId, read),
    }
  const termed = keyId === undefined ? budgetOfTerms(caller?.terms) : null
  if (termed !== null && caller?.grant !== undefined)
    return { account: { kind: "grant", id: caller.grant }, budget: termed }
  const own = parts.hasKeys ? caller?.key : undefined
  const key = keyId ?? own
  if (key !== undefined) {
    const { name } = modelOf(parts.models(), "api_keys")
    const asked = hasRole(principal, "admin") ? system("whose usage a key is", caller?.id) : principal
    const row = await work.store.get(
      { kind: "get", resource: name, id: key, fields: ["id"], expand: {} },
      { principal: asked, now },
    )
    if (row === null) throw notFound(name)
    return { account: { kind: "key", id: key }, budget: keyBudget }
  }
  if (caller !== null && parts.hasUsers) return { account: { kind: "user", id: caller.id }, budget: userBudget }
  const what = parts.hasOrganizations ? "organizationId" : "keyId"
  throw invalid(`/${what}`, "required", "Say whose usage")
}

function shown({ day, spent, own }: Standing, budget: Budget | null, now: Date) {
  // A day on which nothing was counted yet begins all the same.
  const today = dayOf(now) > day ? dayOf(now) : day
  const used = today === day ? spent : noFigures
  const limit = stricter(budget ?? {}, own)
  const of = (value: (most: number, what: (typeof bounded)[number]) => number) =>
    Object.fromEntries(bounded.map((what) => [what, limit[what] === undefined ? null : value(limit[what], what)]))
  return {
    day: today,
    ...used,
    budget: of((most) => most),
    left: of((most, what) => Math.max(0, most - used[what])),
    renewsAt: renewalOf(today).toISOString(),
  }
}

function getUsage(parts: UsageParts): Operation {
  return {
    name: "usage.get",
    kind: "query",
    summary: "What was used today, and what is left of the budget",
    input: z.strictObject(whoseInput(parts)),
    output: usage,
    policy: signedIn(),
    rest: { method: "GET", path: "/usage" },
    engine: async (given: Whose, work) => {
      const { account, budget } = await found(parts, work, given)
      return shown(await parts.ports().meters.settle(account, budget), budget, work.reading.now)
    },
  }
}

const dayMs = 86_400_000
const daysMax = 400
const daysDefault = 30

function listUsage(parts: UsageParts): Operation {
  const day = z.iso.date().optional()
  return {
    name: "usage.list",
    kind: "query",
    summary: "What was used, by UTC day, oldest first; days without use are left out",
    input: z.strictObject({
      ...whoseInput(parts),
      from: day.describe(`${daysDefault - 1} days before \`to\` when left out`),
      to: day.describe("Included; today when left out"),
    }),
    output: usageDays,
    policy: signedIn(),
    rest: { method: "GET", path: "/usage/days" },
    engine: async (given: Whose & { from?: string; to?: string }, work) => {
      const to = given.to ?? dayOf(work.reading.now)
      const from = given.from ?? dayOf(new Date(Date.parse(to) - (daysDefault - 1) * dayMs))
      if (from > to) throw invalid("/from", "after_end", "The series ends before it begins")
      if (Date.parse(to) - Date.parse(from) >= daysMax * dayMs)
        throw invalid("/from", "too_long", `A series has ${daysMax} days at most`)
      const { account, budget } = await found(parts, work, given)
      const { meter, meters } = parts.ports()
      await meters.settle(account, budget)
      return { items: await meter(account).days(from, to) }
    },
  }
}

const own = rows.nullable().describe("Rows a day, within the plan's; null: the plan's")
const budgetInput = z
  .strictObject({ organizationId: id, rowsRead: own, rowsWritten: own })
  .meta({ id: "UsageBudgetSet" })

function setBudget(parts: UsageParts): Operation {
  return {
    name: "usage.setBudget",
    kind: "mutation",
    summary: "Set an organization a lower budget than its plan gives it",
    input: budgetInput,
    output: usage,
    policy: signedIn(),
    rest: { method: "PUT", path: "/usage/budget" },
    engine: async ({ organizationId, ...given }: z.output<typeof budgetInput>, work) => {
      const budget = await organizationBudget(parts, work, organizationId, parts.rule().lower)
      for (const what of bounded)
        if ((given[what] ?? 0) > (budget?.[what] ?? Number.POSITIVE_INFINITY))
          throw invalid(`/${what}`, "too_large", `The plan gives ${budget?.[what]} a day`)
      const account: Account = { kind: "organization", id: organizationId }
      const { meter, meters } = parts.ports()
      await meter(account).setOwn(
        Object.fromEntries(bounded.flatMap((what) => (given[what] === null ? [] : [[what, given[what]]]))),
      )
      meters.doubt(account)
      return shown(await meters.settle(account, budget), budget, work.reading.now)
    },
  }
}

/** `usage.*`; none where nothing is counted. */
export function usageOperations(parts: UsageParts): readonly Operation[] {
  const { hasOrganizations, hasKeys, hasUsers } = parts
  if (!hasOrganizations && !hasKeys && !hasUsers) return []
  return [getUsage(parts), listUsage(parts), ...(hasOrganizations ? [setBudget(parts)] : [])]
}
