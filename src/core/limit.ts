/**
 * Limits as they are declared: how much, whose calls are counted together, what a call costs. Parsed and checked when the registry is built;
 * what makes no sense is refused with the declaration, the fault and the cure.
 */
import type { Limit, Verdict } from "./limiting.ts"
import type { StandardVerb } from "./resource.ts"

/** Whose calls are counted together. */
export type LimitPer = "principal" | "address" | "key" | "organization"

/** What each plan gives, by the plan's name; every plan of the application stands in it. */
export type ByPlan = Readonly<Record<string, string>>

/** One limit. It has a rate, a quota, or both; both are counted, and the tighter one decides. */
export interface LimitOptions {
  /**
   * `principal`: the user, whatever session or key; nobody counts by address. `key`: the API key; a call without one counts for its principal.
   * `address`: the network (of IPv6 the /64). `organization`: the one that the call names, for its members; anybody else counts for themselves.
   */
  readonly per: LimitPer
  /** Tokens that come back: a number, a slash and s, m, h or d, such as `"100/m"`; 1,000 a second at most. */
  readonly rate?: string | ByPlan
  /** Tokens that may be taken at once after a rest, 1 to 1,000,000; the number of the rate when left out. */
  readonly burst?: number
  /** Tokens of a day (UTC), exactly: `"10000/d"`; 10,000,000 at most. */
  readonly quota?: string | ByPlan
  /** Tokens that a call takes, 1 when left out. `"rows"`: as many as the rows that it read, but one at least; known, and taken, afterwards. */
  readonly cost?: number | "rows"
  /** Lets calls through uncounted while nobody can count. They are refused (UNAVAILABLE) when this is left out. */
  readonly whenUnreachable?: "admit"
}

/** One limit or several; a call takes from all of them or is refused. */
export type LimitList = LimitOptions | readonly LimitOptions[]

/** Limits of a resource's standard operations: the same for all of them, counted together, or by verb. */
export type ResourceLimits = LimitList | { readonly [V in StandardVerb]?: LimitList }

/** What `app({ limits })` takes. */
export interface AppLimits {
  /** Counts every call, all operations together, beside what they declare; 1,000 a minute of a principal when left out. `[]`: none. */
  readonly default?: LimitList
  /** Counts every list and aggregate with a search (`q`); 120 a minute of a principal when left out. `[]`: none. */
  readonly search?: LimitList
}

/** What a plan allows, as it is counted and told. */
export interface Allowance {
  /** Takes what one call costs. */
  readonly limit: Limit
  /** Tokens of who has rested. */
  readonly tokens: number
  /** Seconds in which all of them come back. */
  readonly windowSeconds: number
}

/** What a limit counts: every call; calls with a search; the records of one kind in a batch. */
export type Counts = "calls" | "searches" | "create" | "update" | "delete"

/** A limit, checked. */
export interface DeclaredLimit {
  /** Told to callers, and part of what is counted by: the same name counts together. Printable ASCII without quotes. */
  readonly name: string
  readonly per: LimitPer
  readonly counts: Counts
  /** Tokens of one call, or of one record of a batch. */
  readonly cost: number
  /** What it cost beyond that is known afterwards. */
  readonly isByRows: boolean
  /** By plan, the lowest first; without plans there is one, under null. */
  readonly allowances: ReadonlyMap<string | null, Allowance>
  readonly admitsUncounted: boolean
}

/** The limits of an operation: those that are known with the caller, and those that look at the input. */
export interface CallLimits {
  readonly early: readonly DeclaredLimit[]
  readonly late: readonly DeclaredLimit[]
}

/** A limit as a caller may hear of it. */
export interface ToldLimit {
  readonly name: string
  /** Tokens of who has rested, and seconds in which all of them come back. */
  readonly tokens: number
  readonly windowSeconds: number
  /** The organization that it was counted for; null: the caller, or the caller's address. */
  readonly organization: string | null
  readonly verdict: Verdict
}

/** What a list of limits is compiled with. */
export interface LimitSetting {
  /** Whose declaration it is, for errors: `Operation tasks.assign`. */
  readonly subject: string
  /** What the names of its limits begin with. */
  readonly name: string
  readonly counts: Counts
  /** The plans of the application, the lowest first; null: it has none. */
  readonly plans: readonly string[] | null
  /** The operation when its calls can name no organization; null: they can. */
  readonly nameless: string | null
  /** True where whoever proves who they are must never go uncounted. */
  readonly isAuthentication: boolean
}

const perMinute = { s: 60, m: 1, h: 1 / 60, d: 1 / 1440 } as const
const burstMax = 1_000_000
const perDayMax = 10_000_000
const ratePerMinuteMax = 60_000
const secondsPerDay = 86_400

const isWhole = (value: unknown, most: number): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= most

function rateAllowance(
  { burst }: LimitOptions,
  text: string,
  cost: number,
  refuse: (fault: string) => never,
): Allowance {
  const [, digits, unit] = /^([1-9]\d{0,8})\/([smhd])$/.exec(text) ?? []
  if (digits === undefined)
    return refuse(`rate "${text}" is not a number, a slash and one of s, m, h and d, such as "100/m"`)
  const ratePerMinute = Number(digits) * perMinute[unit as keyof typeof perMinute]
  if (ratePerMinute > ratePerMinuteMax) refuse(`rate "${text}" is above 1,000 a second, the most that is counted`)
  const tokens = burst ?? Number(digits)
  if (!isWhole(tokens, burstMax)) refuse(`rate "${text}" takes a burst of at most 1,000,000; say one`)
  if (cost > tokens) refuse(`a cost of ${cost} is above its burst of ${tokens}, so no call would ever be admitted`)
  const windowSeconds = Math.max(1, Math.ceil((tokens / ratePerMinute) * 60 - 1e-6))
  return { limit: { ratePerMinute, burst: tokens, cost }, tokens, windowSeconds }
}

function quotaAllowance(text: string, cost: number, refuse: (fault: string) => never): Allowance {
  const [, digits] = /^([1-9]\d{0,8})\/d$/.exec(text) ?? []
  if (digits === undefined) return refuse(`quota "${text}" is not a number of tokens a day, such as "10000/d"`)
  const perDay = Number(digits)
  if (perDay > perDayMax) refuse(`quota "${text}" is above 10,000,000 a day, the most that is counted`)
  if (cost > perDay) refuse(`a cost of ${cost} is above its quota of ${perDay}, so no call would ever be admitted`)
  return { limit: { perDay, cost }, tokens: perDay, windowSeconds: secondsPerDay }
}

function byPlan(
  given: string | ByPlan,
  what: "rate" | "quota",
  { plans }: LimitSetting,
  make: (text: string) => Allowance,
  refuse: (fault: string) => never,
): ReadonlyMap<string | null, Allowance> {
  if (typeof given === "string") return new Map([[null, make(given)]])
  if (plans === null) return refuse(`its ${what} is by plan, and app({ organizations: { plan } }) names no plan`)
  for (const plan of Object.keys(given))
    if (!plans.includes(plan)) refuse(`its ${what} names the plan ${plan}; there are ${plans.join(", ")}`)
  const missing = plans.find((plan) => !Object.hasOwn(given, plan))
  if (missing !== undefined) refuse(`its ${what} lacks the plan ${missing}; say what it gives`)
  return new Map(plans.map((plan) => [plan, make(given[plan] as string)]))
}

const pers: readonly LimitPer[] = ["principal", "address", "key", "organization"]

function checkOptions(options: LimitOptions, setting: LimitSetting, refuse: (fault: string) => never): void {
  const { per, rate, burst, quota, cost = 1, whenUnreachable } = options
  if (!pers.includes(per)) refuse(`per is one of ${pers.join(", ")}, not ${String(per)}`)
  if (rate === undefined && quota === undefined) refuse("it has neither a rate nor a quota; say one")
  if (burst !== undefined && rate === undefined) refuse("a burst belongs to a rate; say one")
  if (burst !== undefined && !isWhole(burst, burstMax)) refuse(`burst ${burst} is not a whole number of 1 to 1,000,000`)
  if (cost !== "rows" && !isWhole(cost, burstMax)) refuse(`cost ${String(cost)} is neither a whole number nor "rows"`)
  if (per === "organization" && setting.nameless !== null)
    refuse(
      `per organization, which calls of ${setting.nameless} do not name; say which property does (organization: "…"), or count per principal`,
    )
  if (whenUnreachable === undefined) return
  if ((whenUnreachable as unknown) !== "admit") refuse('whenUnreachable is "admit" or left out')
  if (setting.isAuthentication)
    refuse('whenUnreachable: "admit" would let anybody guess while nobody can count; leave it out')
}

/**
 * Checks and compiles limits.
 * @throws Error naming the declaration, the fault and the cure
 */
export function compileLimits(list: LimitList, setting: LimitSetting): readonly DeclaredLimit[] {
  const taken = new Map<string, number>()
  // Two of one kind are two limits, so they have two names.
  const named = (name: string): string => {
    const count = (taken.get(name) ?? 0) + 1
    taken.set(name, count)
    return count === 1 ? name : `${name}/${count}`
  }
  const refuse = (fault: string): never => {
    throw new Error(`${setting.subject}, limit: ${fault}`)
  }
  return [list].flat().flatMap((options: LimitOptions): DeclaredLimit[] => {
    checkOptions(options, setting, refuse)
    const { per, rate, quota, cost = 1, whenUnreachable } = options
    const tokens = cost === "rows" ? 1 : cost
    const common = {
      per,
      counts: setting.counts,
      cost: tokens,
      isByRows: cost === "rows",
      admitsUncounted: whenUnreachable === "admit",
    }
    const name = `${setting.name}/${per}`
    const rated = (text: string) => rateAllowance(options, text, tokens, refuse)
    const daily = (text: string) => quotaAllowance(text, tokens, refuse)
    const found: DeclaredLimit[] = []
    if (rate !== undefined)
      found.push({ ...common, name: named(name), allowances: byPlan(rate, "rate", setting, rated, refuse) })
    if (quota !== undefined)
      found.push({ ...common, name: named(`${name}/day`), allowances: byPlan(quota, "quota", setting, daily, refuse) })
    return found
  })
}
