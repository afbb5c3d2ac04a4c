/**
 * Tags: what a kept answer depends on, and what a change touches. `articles` is touched by every change of an article, `articles/<id>` by the changes
 * of one, and `articles/*` when it is not known which of them have changed. Pure; the store, the feed and the caches share it.
 */

import { changesAny } from "./audience.ts"
import { type CacheRule, type Caching, isDark } from "./caching.ts"
import type { Write } from "./changes.ts"
import { conditionReads } from "./deciding.ts"
import type { Event } from "./event.ts"
import { type Model, type Models, modelOf } from "./model.ts"
import type { OrganizationRule } from "./organization.ts"
import type { Filter, Plan, Selection } from "./plan.ts"
import type { Condition } from "./policy.ts"
import type { Principal } from "./principal.ts"

/** The tag of one record. */
export function recordTag(resource: string, id: string): string {
  return `${resource}/${id}`
}

/** The tag that is touched when it is not known which records of a resource have changed. */
export function everyRecordTag(resource: string): string {
  return `${resource}/*`
}

/** What the memberships of a user depend on; no resource has such a name. */
const memberNoun = "@member"
/** The same for an organization's plan. */
const planNoun = "@plan"

/** The tags of what is known of a user's memberships in these organizations. */
export function membershipTags(user: string, organizations: readonly string[]): readonly string[] {
  return [
    recordTag(memberNoun, user),
    everyRecordTag(memberNoun),
    ...organizations.map((id) => recordTag(planNoun, id)),
    everyRecordTag(planNoun),
  ]
}

/**
 * The tags of a read.
 * @param principal for whom it is made: what nobody of that kind could see, the answer does not depend on
 */
export function tagsOfPlan(models: Models, plan: Plan, principal: Principal): ReadonlySet<string> {
  const tags = new Set<string>()
  const model = modelOf(models, plan.resource)
  const isOne = plan.kind === "get" && plan.key === undefined
  if (isOne) for (const tag of [recordTag(model.name, plan.id), everyRecordTag(model.name)]) tags.add(tag)
  else tags.add(model.name)
  const place = { models, principal, tags }
  addDeciding(place, model, model.policy.read)
  if (plan.kind !== "aggregate") addSelection(place, plan)
  if (plan.kind !== "get" && plan.filter !== null) addFilter(place, model, plan.filter)
  return tags
}

interface Place {
  readonly models: Models
  readonly principal: Principal
  readonly tags: Set<string>
}

/** The resources beside the record's own that decide about a condition. */
function addDeciding({ models, tags }: Place, model: Model, condition: Condition): void {
  for (const name of conditionReads(models, model, condition)) if (name !== model.name) tags.add(name)
}

/** Related records, as far as the reader could see any. */
function addRelated(place: Place, target: Model, where: Condition | null): boolean {
  const { models, principal, tags } = place
  const conditions = where === null ? [target.policy.read] : [target.policy.read, where]
  if (principal.kind === "anonymous" && conditions.some((one) => isDark(one, target, models))) return false
  tags.add(target.name)
  for (const one of conditions) addDeciding(place, target, one)
  return true
}

function addSelection(place: Place, { resource, fields, expand }: Selection): void {
  const { models } = place
  const model = modelOf(models, resource)
  for (const field of fields) {
    const rule = model.fields[field]?.read
    if (rule) addDeciding(place, model, rule)
    const computed = model.computed.get(field)
    const relation = computed && model.relations.get(computed.relation)
    if (relation) addRelated(place, modelOf(models, relation.resource), computed.where)
  }
  for (const inner of Object.values(expand))
    if (addRelated(place, modelOf(models, inner.resource), null)) addSelection(place, inner)
}

function addFilter(place: Place, model: Model, filter: Filter): void {
  if (filter.op === "and" || filter.op === "or") for (const one of filter.of) addFilter(place, model, one)
  else if (filter.op === "not") addFilter(place, model, filter.of)
  else if (filter.op === "some") {
    const relation = model.relations.get(filter.relation)
    if (!relation) return
    const target = modelOf(place.models, relation.resource)
    if (addRelated(place, target, null) && filter.of !== null) addFilter(place, target, filter.of)
  }
}

/** Whose changes the caches of an application want to hear of. */
export interface Touchable {
  readonly models: Models
  /** Resources that a kept answer may show. */
  readonly resources: ReadonlySet<string>
  readonly organizations: OrganizationRule
  /** The longest that an answer may be kept, milliseconds. */
  readonly lifeMs: number
}

/** How long what is known of memberships is kept, milliseconds. */
export const membershipsMs = 5 * 60_000

/** What there is to hear of in an application. */
export function touchableOf(
  models: Models,
  operations: Iterable<{ readonly caching: Caching | null }>,
  organizations: OrganizationRule,
): Touchable {
  const resources = new Set<string>()
  let lifeMs = organizations === null ? 0 : membershipsMs
  const add = ({ freshMs, staleMs }: CacheRule) => {
    lifeMs = Math.max(lifeMs, freshMs + staleMs)
  }
  for (const model of models.values()) {
    if (model.cache === null) continue
    add(model.cache)
    resources.add(model.name)
    for (const { relation } of model.computed.values()) {
      const target = model.relations.get(relation)
      if (target) resources.add(target.resource)
    }
  }
  for (const { caching } of operations) {
    if (!caching?.tags) continue
    add(caching)
    for (const name of caching.tags) resources.add(name)
  }
  return { models, resources, organizations, lifeMs }
}

/** The resource whose rows are the memberships; null without organizations. */
function grantsOf({ models, organizations }: Touchable) {
  return organizations === null ? null : modelOf(models, organizations.resource).members
}

/** The resources whose events touch a tag. */
export function concerning(touchable: Touchable): ReadonlySet<string> {
  const { resources, organizations } = touchable
  const grants = grantsOf(touchable)
  const members = grants === null || organizations === null ? [] : [grants.resource, organizations.resource]
  return new Set([...resources, ...members])
}

/** The tags that an event touches. */
export function tagsOfEvent(touchable: Touchable, event: Event): readonly string[] {
  const { resources, organizations } = touchable
  const tags: string[] = []
  if (resources.has(event.resource)) tags.push(event.resource, recordTag(event.resource, event.record))
  const grants = grantsOf(touchable)
  if (grants?.resource === event.resource)
    for (const image of [event.before, event.after]) {
      if (image === null) continue
      const user = image[grants.user]
      // A personal column stands in no image.
      tags.push(typeof user === "string" ? recordTag(memberNoun, user) : everyRecordTag(memberNoun))
    }
  const plan = organizations?.plan
  if (plan !== undefined && organizations?.resource === event.resource && changesAny(event, [plan]))
    tags.push(recordTag(planNoun, event.record))
  return tags
}

/** Resources whose rows go or change with a deleted record of `model`, its own among them. */
function reachedByDeletion(models: Models, model: Model, deleted = new Set<string>()): ReadonlySet<string> {
  deleted.add(model.name)
  const reached = new Set(deleted)
  for (const relation of model.relations.values()) {
    if (relation.kind !== "many" || relation.onDelete === "refuse") continue
    reached.add(relation.resource)
    if (relation.onDelete === "clear" || deleted.has(relation.resource)) continue
    for (const name of reachedByDeletion(models, modelOf(models, relation.resource), deleted)) reached.add(name)
  }
  return reached
}

/** Whether records of a resource go with others of it. */
function isTree({ name, relations }: Model): boolean {
  return [...relations.values()].some(({ kind, resource }) => kind === "many" && resource === name)
}

/** The tags that writes touch, as far as can be said before their events are there: at least those that their events touch. */
export function tagsOfWrites(touchable: Touchable, writes: readonly Write[]): readonly string[] {
  const { models, resources, organizations } = touchable
  const members = grantsOf(touchable)
  const tags = new Set<string>()
  const touchAll = (resource: string) => {
    if (resources.has(resource)) tags.add(resource).add(everyRecordTag(resource))
    if (members?.resource === resource) tags.add(everyRecordTag(memberNoun))
    if (organizations?.resource === resource) tags.add(everyRecordTag(planNoun))
  }
  for (const write of writes) {
    const { resource, id } = write
    if (resources.has(resource)) tags.add(resource).add(recordTag(resource, id))
    if (members?.resource === resource) {
      const user = write.kind === "create" ? write.values[members.user] : undefined
      tags.add(typeof user === "string" ? recordTag(memberNoun, user) : everyRecordTag(memberNoun))
    }
    if (organizations?.plan !== undefined && organizations.resource === resource) tags.add(recordTag(planNoun, id))
    if (write.kind !== "delete") continue
    const model = modelOf(models, resource)
    for (const other of reachedByDeletion(models, model)) if (other !== resource || isTree(model)) touchAll(other)
  }
  return [...tags]
}
