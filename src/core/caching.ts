/**
 * What may stand in a cache that everybody shares, and for how long: answers that are the same for nobody and for everybody. A declaration from
 * which anything private could get there is refused by name, with the cure.
 */
import { couldPass } from "./fold.ts"
import type { JsonObject } from "./json.ts"
import { type Model, type Models, modelOf } from "./model.ts"
import type { Operation } from "./operation.ts"
import { type Condition, walk } from "./policy.ts"
import { anonymous } from "./principal.ts"

/** A length of time: `"60s"`, `"10m"`, `"1h"`, `"1d"`. */
export type Duration = `${number}${"s" | "m" | "h" | "d"}`

/** What a resource takes under `cache`. */
export interface CacheOptions {
  /** How long an answer is fresh; 1 s to 1 day. Whatever holds it downstream (browsers, proxies) keeps it as long and cannot be told otherwise. */
  readonly public: Duration
  /** How much longer it may be given while a new one is made behind it (RFC 5861 §3); not at all when left out, 1 day at most. */
  readonly swr?: Duration
}

/** What an operation takes under `cache`. */
export interface OperationCacheOptions extends CacheOptions {
  /** Names of the resources that its handler reads: a change of one of them makes its answers void. */
  readonly tags: readonly string[]
}

/** How long answers are kept. */
export interface CacheRule {
  /** Milliseconds that an answer is fresh. */
  readonly freshMs: number
  /** Milliseconds beyond these that it may be given while it is renewed. */
  readonly staleMs: number
}

/** How the answers of an operation are cached. */
export interface Caching extends CacheRule {
  /**
   * Who is answered from the cache. `everybody`: the engine knows that the answer is the same for all. `anonymous`: a handler decides, so whoever
   * proved who they are is answered by a run of their own.
   */
  readonly audience: "everybody" | "anonymous"
  /** The resources that a handler may read; null: the engine derives them from the plan. */
  readonly tags: ReadonlySet<string> | null
}

const units = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const dayMs = units.d

function milliseconds(subject: string, name: string, text: string): number {
  const [, digits, unit] = /^([1-9][0-9]{0,5})([smhd])$/.exec(text) ?? []
  const length = Number(digits) * (units[unit as keyof typeof units] ?? Number.NaN)
  if (!(length <= dayMs))
    throw new Error(`${subject}: cache.${name} is ${JSON.stringify(text)}; give "1s" to "1d", as "60s" or "10m"`)
  return length
}

/**
 * The rule that options say.
 * @param subject who declares it, for the message
 * @throws Error for what is no length of time
 */
export function cacheRule(subject: string, options: CacheOptions): CacheRule {
  return {
    freshMs: milliseconds(subject, "public", options.public),
    staleMs: options.swr === undefined ? 0 : milliseconds(subject, "swr", options.swr),
  }
}

/** The value of a condition that has the same for every row and every caller; null when it depends on either. */
export function constantOf(condition: Condition): boolean | null {
  switch (condition.kind) {
    case "always":
      return condition.value
    case "rule":
      return constantOf(condition.of)
    case "not": {
      const inner = constantOf(condition.of)
      return inner === null ? null : !inner
    }
    case "all":
    case "any": {
      const parts = condition.of.map(constantOf)
      const deciding = condition.kind === "any"
      if (parts.includes(deciding)) return deciding
      return parts.includes(null) ? null : !deciding
    }
    default:
      return null
  }
}

/** Whether a condition asks who the caller is. */
function asksWho(condition: Condition): boolean {
  return [...walk(condition)].some(
    (node) =>
      ["signedIn", "role", "member", "shared", "can"].includes(node.kind) ||
      (node.kind === "compare" && node.value.from === "principal"),
  )
}

/** Why records of a resource are not the same for everybody; null when they are. */
function differsBy(model: Model, models: Models): string | null {
  if (constantOf(model.policy.read) !== true) return "not anyone() may read it"
  const masked = Object.entries(model.fields).find(([, { read }]) => read && constantOf(read) !== true)
  if (masked) return `not anyone() may read its field ${masked[0]}`
  for (const [name, { relation: via, where }] of model.computed) {
    const relation = model.relations.get(via)
    const target = relation && models.get(relation.resource)
    if (!target || constantOf(target.policy.read) !== true)
      return `its computed field ${name} shows what not anyone() may read`
    if (where && asksWho(where)) return `its computed field ${name} depends on who asks`
  }
  return null
}

/**
 * Holds a resource's `cache` against its policy.
 * @throws Error naming what could let something private in, and the cure
 */
export function checkResourceCache(model: Model, models: Models): void {
  if (model.cache === null) return
  const fault = differsBy(model, models)
  if (fault !== null)
    throw new Error(
      `Resource ${model.name}: it cannot be cached for everybody, since ${fault}; open that, or take cache away`,
    )
}

/** The same for an operation. */
export function checkOperationCache(operation: Operation, models: Models): void {
  const { cache } = operation
  if (cache === undefined) return
  const refuse = (fault: string): never => {
    throw new Error(`Operation ${operation.name}: ${fault}`)
  }
  if (operation.standard) refuse("the cache of a standard operation is its resource's: say it there")
  if (operation.engine) refuse("an operation of the engine has no cache; take it away")
  if (operation.kind !== "query") refuse(`a ${operation.kind} cannot be cached; only a query can: take cache away`)
  if (operation.confidential)
    refuse("it is confidential, so nothing of it may be kept: take cache or confidential away")
  if (operation.credential) refuse("it asks for a session, so its answers belong to one person: take cache away")
  const { policy } = operation
  if (policy.kind === "on" || constantOf(policy) !== true)
    refuse("its policy is not anyone(), so its answers are not for everybody: open it, or take cache away")
  if (cache.tags.length === 0)
    refuse("cache.tags is empty; name the resources that its handler reads, so that their changes make answers void")
  const unknown = cache.tags.find((name) => !models.has(name))
  if (unknown !== undefined) refuse(`cache.tags names ${unknown}, which is no resource`)
  cacheRule(`Operation ${operation.name}`, cache)
}

const cachedVerbs: ReadonlySet<string> = new Set(["get", "list", "aggregate"])

/** How an operation's answers are cached; null: not at all. */
export function cachingOf(operation: Operation, model: Model | null): Caching | null {
  if (operation.standard) {
    if (!model?.cache || !cachedVerbs.has(operation.standard.verb)) return null
    return { ...model.cache, audience: "everybody", tags: null }
  }
  if (operation.cache === undefined) return null
  const rule = cacheRule(`Operation ${operation.name}`, operation.cache)
  return { ...rule, audience: "anonymous", tags: new Set(operation.cache.tags) }
}

/** Of two rules the shorter in each. */
function shorter(one: CacheRule, other: CacheRule): CacheRule {
  return { freshMs: Math.min(one.freshMs, other.freshMs), staleMs: Math.min(one.staleMs, other.staleMs) }
}

/**
 * The rule of one read: the shortest of all resources that it shows. null when it expands one that says no `cache`, or none that there is.
 * @param expand as the caller wrote it
 */
export function ruleOfRead(models: Models, model: Model, expand: unknown): CacheRule | null {
  if (model.cache === null) return null
  if (expand === undefined) return model.cache
  if (expand === null || typeof expand !== "object") return null
  let rule: CacheRule = model.cache
  for (const [name, more] of Object.entries(expand as JsonObject)) {
    const relation = model.relations.get(name)
    const inner =
      relation && ruleOfRead(models, modelOf(models, relation.resource), (more as JsonObject | null)?.expand)
    if (!inner) return null
    rule = shorter(rule, inner)
  }
  return rule
}

/** Whether nobody could see a record that fulfils the condition. */
export function isDark(condition: Condition, model: Model, models: Models): boolean {
  return !couldPass(condition, anonymous, { model, models })
}
