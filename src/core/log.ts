/**
 * The log as it is read: who may read a tenant's part of it, what is asked, and what a store answers. What a store answers is not masked yet;
 * `src/log` judges it for the reader before anything of it leaves.
 */
import type { Event } from "./event.ts"
import type { Models } from "./model.ts"
import type { Action } from "./policy.ts"
import type { Reading, Row } from "./ports.ts"

/** What `app({ log })` takes. */
export interface LogOptions {
  /**
   * Whoever may do `action` to a tenant's record (of `resource`) may read that tenant's log, all its records included. Left out, the log is
   * for administrators alone.
   */
  readonly tenant?: { readonly resource: string; readonly action: Action }
}

/** Who reads a tenant's log; null: administrators only. */
export type TenantRule = Required<LogOptions>["tenant"] | null

/** Which events. Absent filters filter nothing; instants are RFC 3339 UTC with milliseconds. */
export interface EventQuery {
  readonly resource?: string
  readonly record?: string
  readonly actor?: string
  readonly operation?: string
  readonly change?: Event["change"]
  readonly tenant?: string
  /** At this instant or later. */
  readonly from?: string
  /** Before this instant. */
  readonly to?: string
  readonly limit: number
  readonly cursor?: string
}

/** What the reader may do with what was asked for. */
export interface LogRight {
  /** The record itself is there and the reader may read it now. */
  readonly sees: boolean
  /** Reads the whole log. */
  readonly everything: boolean
  /** The tenant whose log the reader may read, as far as it was asked for; null: none. */
  readonly tenant: string | null
}

/** Facts for judging policies in memory: the reader's grants and the parents of what was read, as they are now. */
export interface KnownFacts {
  grants(kind: "members" | "shares", resource: string, record: string): string | null
  parent(resource: string, id: string): Row | null
}

/** Events, newest first, and all that is needed to say what the reader may see of them. */
export interface LogPage {
  readonly right: LogRight
  readonly events: readonly Event[]
  readonly nextCursor: string | null
  readonly known: KnownFacts
  /** Instant since which nothing was pruned; null when nothing ever was. */
  readonly keptSince: string | null
}

/** One record at an instant: the last change until then, the first one after it, and the row as it is now (personal columns null). */
export interface LogMoment {
  readonly right: LogRight
  readonly until: Event | null
  readonly next: Event | null
  readonly now: Row | null
  readonly known: KnownFacts
  readonly keptSince: string | null
}

/** A record beside one of its events. */
export interface LogStanding {
  readonly right: LogRight
  /** The row now; personal columns are null. */
  readonly now: Row | null
  readonly known: KnownFacts
}

/** Reads of the log. Each method is one round trip. Throws `Problem` only. */
export interface LogReads {
  /** A page of the log. Without a right to it there are no events. Throws INVALID_ARGUMENT at /cursor. */
  events(query: EventQuery, reading: Reading): Promise<LogPage>
  /** A page of one record's events, whatever became of it. */
  history(
    query: { readonly resource: string; readonly id: string; readonly limit: number; readonly cursor?: string },
    reading: Reading,
  ): Promise<LogPage>
  /** @param at RFC 3339 UTC with milliseconds */
  moment(
    query: { readonly resource: string; readonly id: string; readonly at: string },
    reading: Reading,
  ): Promise<LogMoment>
  /** One event by id, under no policy; null when there is none. */
  event(id: string): Promise<Event | null>
  /** The event's record as it is now. */
  standing(event: Event, reading: Reading): Promise<LogStanding>
}

/**
 * The rule of an application's log, checked.
 * @throws Error naming the fault when the rule could let somebody in whom it does not mean
 */
export function tenantRule(options: LogOptions | undefined, models: Models): TenantRule {
  const rule = options?.tenant
  if (rule === undefined) return null
  const model = models.get(rule.resource)
  if (!model) throw new Error(`log.tenant: no resource is named ${rule.resource}`)
  if (rule.action === "create") throw new Error("log.tenant: a creation has no record yet; name update or delete")
  // An id of it must be what a tenant column holds.
  const isTenant = [...models.values()].some(({ tenant, columns }) => {
    const kind = tenant === null ? undefined : columns.get(tenant)?.kind
    return kind?.type === "id" && kind.prefix === model.idPrefix
  })
  if (!isTenant) throw new Error(`log.tenant: no resource has ${rule.resource} as its tenant, so its ids name none`)
  return rule
}
