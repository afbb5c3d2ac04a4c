/**
 * How a watch begins, and begins again: the list as it is, or, for who was away shortly and whose rights have not changed meanwhile, the events that
 * were missed. Everything up to the standing's place in the log is told here; what comes behind it waits in the watch's buffer.
 */
import { checkWatchFilter, dependenciesOf, type Standing } from "../authorization/judge.ts"
import { changesAny, sizeOf, tenantsOf, usersOf } from "../core/audience.ts"
import type { Event } from "../core/event.ts"
import type { Models } from "../core/model.ts"
import type { Page } from "../core/plan.ts"
import { principalId } from "../core/principal.ts"
import { Problem } from "../core/problem.ts"
import type { ResetReason } from "../core/watch.ts"
import { oldestKept } from "../database/log.ts"
import { readMissed } from "../database/missed.ts"
import { judged, listPlanOf, pass, readPage, standingNow } from "./live-delivery.ts"
import { type LivePorts, liveLimits } from "./live-ports.ts"
import { roomFor, save } from "./live-seat.ts"
import type { Watch } from "./live-watch.ts"

/** Why a watch is opened. */
export type Occasion =
  | { readonly kind: "list"; readonly reason: ResetReason }
  /** Goes on behind a place. */
  | { readonly kind: "resume"; readonly after: number }
  /** Facts may have changed since this standing; nothing is told when they have not. */
  | { readonly kind: "check"; readonly since: Standing }

/** What is going to be told. */
export type Opening = { readonly standing: Standing } & (
  | { readonly kind: "list"; readonly reason: ResetReason; readonly first: Page }
  | { readonly kind: "resume"; readonly events: readonly Event[] }
  | { readonly kind: "same" }
)

function isSame(one: Standing, other: Standing): boolean {
  const text = ({ principal, isActive, grants }: Standing) => JSON.stringify([principal, isActive, [...grants].sort()])
  return text(one) === text(other)
}

/** Whether an event changes what the watcher may see, beyond the record that it is about. */
function changesFacts(models: Models, { model, plan, seat }: Watch, event: Event): boolean {
  const user = principalId(seat.kept.principal)
  if (user !== undefined && usersOf(models, event).includes(user)) return true
  const columns = dependenciesOf(models, model).parents.get(event.resource)
  if (columns === undefined || event.change !== "updated" || !changesAny(event, columns)) return false
  const tenants = tenantsOf(models, event)
  return plan.tenant === null || tenants.size === 0 || tenants.has(plan.tenant)
}

/** Whether an event is about what the watch follows. */
export function concerns(models: Models, { plan }: Watch, event: Event): boolean {
  if (event.resource !== plan.resource) return false
  if (plan.record !== null) return event.record === plan.record
  return plan.tenant === null || tenantsOf(models, event).has(plan.tenant)
}

const pageRows = 500

/** The events behind a place; or why it has to be listed. */
async function missedSince(
  ports: LivePorts,
  watch: Watch,
  after: number,
  { sequence }: Standing,
): Promise<readonly Event[] | ResetReason> {
  const { models } = ports.registry
  if (after > sequence) return "after_unknown"
  const oldest = await oldestKept(ports.database)
  if (after < oldest - 1 || sequence - after > liveLimits.backfillMax) return "after_too_old"
  const { grants, parents } = dependenciesOf(models, watch.model)
  const resources = new Set([watch.plan.resource, "users", ...grants, ...parents.keys()])
  const missed: Event[] = []
  let size = 0
  for (let from = after; ; ) {
    const events = await readMissed(ports.database, { after: from, upTo: sequence, resources, limit: pageRows })
    if (events.some((event) => changesFacts(models, watch, event))) return "facts_changed"
    for (const event of events) {
      if (!concerns(models, watch, event)) continue
      missed.push(event)
      size += sizeOf(event)
    }
    if (size > liveLimits.backfillBytes) return "after_too_old"
    const last = events.at(-1)
    if (last === undefined || events.length < pageRows) return missed
    from = last.sequence
  }
}

/**
 * Loads what is to be told.
 * @throws Problem UNAUTHENTICATED for an account that is not active; RESOURCE_EXHAUSTED for more records than a watch may hold
 */
export async function prepare(ports: LivePorts, watch: Watch, occasion: Occasion): Promise<Opening> {
  const standing = await standingNow(ports, watch)
  if (!standing.isActive) throw new Problem("UNAUTHENTICATED", "The account is not active")
  // A role may have gone since the watch began, and with it a field that the filter looks at.
  checkWatchFilter(ports.registry.models, watch.plan.resource, standing.principal, watch.plan.filter)
  watch.standing = standing
  if (occasion.kind === "check" && isSame(occasion.since, standing)) return { kind: "same", standing }
  let reason: ResetReason = occasion.kind === "list" ? occasion.reason : "facts_changed"
  if (occasion.kind === "resume") {
    const missed = await missedSince(ports, watch, occasion.after, standing)
    if (typeof missed !== "string") return { kind: "resume", standing, events: missed }
    reason = missed
  }
  const wanted = listPlanOf(watch, { cursor: null, count: watch.plan.record === null })
  const first = await readPage(ports, watch, standing.principal, wanted)
  if (first.countCapped)
    throw new Problem("RESOURCE_EXHAUSTED", `A watch holds at most ${liveLimits.recordsMax} records: narrow the filter`)
  return { kind: "list", standing, reason, first }
}

const isUnderWay = (watch: Watch): boolean => watch.phase === "opening" && !watch.again

async function showList(ports: LivePorts, watch: Watch, opening: Extract<Opening, { kind: "list" }>): Promise<boolean> {
  const { standing, reason } = opening
  const { sequence, principal } = standing
  pass(watch, ports, { kind: "reset", sequence, reason })
  let page = opening.first
  for (;;) {
    for (const record of page.items) pass(watch, ports, { kind: "changed", sequence, record })
    save(watch.seat)
    if (page.nextCursor === null) return true
    if (!(await roomFor(watch.seat)) || !isUnderWay(watch)) return false
    const wanted = listPlanOf(watch, { cursor: page.nextCursor, count: false })
    page = await readPage(ports, watch, principal, wanted)
  }
}

async function showMissed(
  ports: LivePorts,
  watch: Watch,
  standing: Standing,
  events: readonly Event[],
): Promise<boolean> {
  for (let at = 0; at < events.length; at += 100) {
    for (const told of await judged(ports, watch, standing, events.slice(at, at + 100))) pass(watch, ports, told)
    save(watch.seat)
    if (!(await roomFor(watch.seat)) || !isUnderWay(watch)) return false
  }
  return true
}

/**
 * Tells what was loaded, as fast as it is acknowledged.
 * @returns false when it was not told to its end: the seat is empty, the watch is over, or it has to begin again
 */
export async function show(ports: LivePorts, watch: Watch, opening: Opening): Promise<boolean> {
  const { standing } = opening
  if (opening.kind === "list" && !(await showList(ports, watch, opening))) return false
  if (opening.kind === "resume" && !(await showMissed(ports, watch, standing, opening.events))) return false
  // An opening under which nothing had changed tells nothing; its place in the log has moved all the same.
  if (opening.kind !== "same") pass(watch, ports, { kind: "ready", sequence: standing.sequence })
  watch.cursor = Math.max(opening.kind === "same" ? watch.cursor : 0, opening.kind === "same" ? 0 : standing.sequence)
  save(watch.seat)
  return isUnderWay(watch)
}
