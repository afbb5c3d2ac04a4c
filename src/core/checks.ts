/** What a declaration must be before it is served. Each refusal names the declaration, the fault and the cure. */
import { getTableConfig } from "drizzle-orm/sqlite-core"
import { freshSeconds } from "./assurance.ts"
import { checkOperationCache, checkResourceCache } from "./caching.ts"
import { needsNoRow } from "./fold.ts"
import type { Model, Models } from "./model.ts"
import type { Mount } from "./mount.ts"
import type { Operation } from "./operation.ts"
import { type Condition, walk } from "./policy.ts"
import type { Grants } from "./resource.ts"
import { schemasOf } from "./schema.ts"

function refuse(subject: string, fault: string): never {
  throw new Error(`${subject}: ${fault}`)
}

/** Two resources on one table would be two policies on one row. */
export function checkTables(models: Models): void {
  const tables = new Map<string, string>()
  for (const model of models.values()) {
    const other = tables.get(model.table)
    if (other) refuse(`Resource ${model.name}`, `its table ${model.table} belongs to ${other} already`)
    tables.set(model.table, model.name)
  }
}

/** Everything that can be wrong with a resource. */
export function checkResource(model: Model, models: Models): void {
  const subject = `Resource ${model.name}`
  if (!/^[a-z][a-z0-9_]*$/.test(model.name)) refuse(subject, "a name is lower case letters, digits and _")
  if ((model.resource.tenant as unknown) === undefined)
    refuse(subject, 'it names no tenant; name the column, or say tenant: "none"')
  if (model.tenant !== null && !model.columns.has(model.tenant))
    refuse(subject, `its tenant ${model.tenant} is not a column`)
  checkForeignKeys(model)
  checkUniqueness(model)
  checkRelations(model, models)
  checkComputed(model, models)
  for (const grants of [model.members, model.shares]) if (grants) checkGrants(model, grants, models)
  for (const action of ["read", "create", "update", "delete"] as const) {
    const condition = model.policy?.[action]
    if (!condition) refuse(subject, `it has no policy for ${action}; write one, or nobody() to close it`)
    checkCondition(condition, model, models, `${subject}, policy ${action}`)
  }
  checkFields(model, models)
  checkLists(model)
  checkResourceCache(model, models)
  schemasOf(model)
}

function checkForeignKeys(model: Model): void {
  for (const key of getTableConfig(model.resource.table).foreignKeys) {
    for (const action of [key.onDelete, key.onUpdate]) {
      if (action === undefined || action === "no action" || action === "restrict") continue
      refuse(
        `Resource ${model.name}`,
        `SQL ${action} deletes or changes rows without an event; say onDelete on the many() relation instead`,
      )
    }
  }
}

function checkUniqueness(model: Model): void {
  if (model.tenant === null) return
  for (const index of model.indexes) {
    const own = index.columns.length === 1 && (index.columns[0] === "id" || index.columns[0] === "rowKey")
    if (!index.unique || own || index.columns.includes(model.tenant) || referencesRecord(model, index.columns)) continue
    refuse(
      `Resource ${model.name}`,
      `unique index ${index.name} lacks the tenant ${model.tenant}: a conflict would tell of another tenant's row`,
    )
  }
}

/** A unique index over the id of a parent record cannot meet another tenant's row: the parent belongs to one tenant. */
function referencesRecord(model: Model, columns: readonly string[]): boolean {
  return [...model.relations.values()].some((relation) => relation.kind === "one" && columns.includes(relation.column))
}

function checkRelations(model: Model, models: Models): void {
  for (const [name, relation] of model.relations) {
    const subject = `Resource ${model.name}, relation ${name}`
    const target = models.get(relation.resource)
    if (!target) refuse(subject, `no resource is named ${relation.resource}`)
    if (model.columns.has(name)) refuse(subject, "a column has that name already")
    const owner = relation.kind === "one" ? model : target
    const column = owner.columns.get(relation.column)
    if (!column) refuse(subject, `${owner.name} has no column ${relation.column}`)
    if (relation.kind === "many" && !leadsIndex(target, relation.column)) {
      refuse(
        subject,
        `no index of ${target.name} leads with ${relation.column}; add index(…).on(table.${relation.column}, table.createdAt, table.id)`,
      )
    }
    if (relation.kind === "many" && relation.onDelete === "delete" && deletes(target, model.name, models, new Set())) {
      refuse(
        subject,
        `deleting one of ${model.name} comes back to ${model.name}: say onDelete "refuse" or "clear" somewhere on the way`,
      )
    }
    if (relation.kind === "many" && relation.onDelete === "clear" && !column.nullable)
      refuse(subject, `${relation.column} cannot be cleared: it is not null`)
  }
}

function checkComputed(model: Model, models: Models): void {
  for (const [name, { relation: via, where }] of model.computed) {
    const subject = `Resource ${model.name}, computed ${name}`
    if (model.columns.has(name) || model.relations.has(name))
      refuse(subject, "a column or relation has that name already")
    const relation = model.relations.get(via)
    if (relation?.kind !== "many") refuse(subject, `${via} is not a many() relation of ${model.name}`)
    const target = models.get(relation.resource)
    if (where && target) checkCondition(where, target, models, subject)
  }
}

/** Whether deleting a record of `model` deletes, in the end, records of `name` through another resource. A tree of one resource may. */
function deletes(model: Model, name: string, models: Models, seen: Set<string>): boolean {
  if (model.name === name || seen.has(model.name)) return false
  seen.add(model.name)
  return [...model.relations.values()].some((relation) => {
    if (relation.kind !== "many" || relation.onDelete !== "delete") return false
    const next = models.get(relation.resource)
    return next !== undefined && (next.name === name || deletes(next, name, models, seen))
  })
}

function leadsIndex(model: Model, column: string): boolean {
  return model.indexes.some(
    (index) => index.columns[0] === column || (index.columns[0] === model.tenant && index.columns[1] === column),
  )
}

function checkGrants(model: Model, grants: Grants, models: Models): void {
  const subject = `Resource ${model.name}, grants in ${grants.resource}`
  const target = models.get(grants.resource)
  if (!target) refuse(subject, "no such resource")
  for (const column of [grants.record, grants.user, grants.role])
    if (!target.columns.has(column)) refuse(subject, `no column ${column}`)
  const usable = target.indexes.some(
    (index) => index.columns[0] === grants.user && index.columns.includes(grants.record),
  )
  if (!usable)
    refuse(
      subject,
      `policies look grants up by user: add index(…).on(table.${grants.user}, table.${grants.record}, table.${grants.role})`,
    )
}

function checkCondition(condition: Condition, model: Model, models: Models, subject: string): void {
  for (const node of walk(condition)) {
    if (!node || typeof node !== "object" || !("kind" in node))
      refuse(subject, "a term is missing (undefined in all() or any())")
    if ("column" in node && !model.columns.has(node.column))
      refuse(subject, `${model.name} has no readable column ${node.column}`)
    if (node.kind === "member") {
      const members = models.get(node.resource)?.members
      if (!members) refuse(subject, `memberOf("${node.resource}"): that resource declares no members`)
      if (node.role !== null && !members.roles.includes(node.role))
        refuse(subject, `${node.resource} has no role ${node.role}; it has ${members.roles.join(", ")}`)
      if (node.column !== "id" && !leadsIndex(model, node.column)) {
        refuse(
          subject,
          `no index leads with ${node.column} (or with the tenant and then it), so the policy would scan the table`,
        )
      }
    }
    if (node.kind === "shared") {
      if (!model.shares) refuse(subject, `shared("${node.level}"): ${model.name} declares no shares`)
      if (!model.shares.roles.includes(node.level))
        refuse(subject, `no level ${node.level}; there are ${model.shares.roles.join(", ")}`)
    }
    if (
      node.kind === "compare" &&
      node.value.from === "principal" &&
      !leadsIndex(model, node.column) &&
      node.op === "eq" &&
      node.column !== "id"
    ) {
      refuse(
        subject,
        `no index leads with ${node.column} (or with the tenant and then it), so the policy would scan the table`,
      )
    }
    if (node.kind === "can") checkInheritance(node.action, node.column, model, models, subject)
  }
}

function checkInheritance(
  action: keyof Model["policy"],
  column: string,
  model: Model,
  models: Models,
  subject: string,
): void {
  const seen = new Set([model.name])
  let current = model
  let via: string | null = column
  while (via !== null) {
    const name: string = via
    const relation = [...current.relations.values()].find(
      (candidate) => candidate.kind === "one" && candidate.column === name,
    )
    const target = relation && models.get(relation.resource)
    if (!target) refuse(subject, `can("${action}", "${name}"): ${current.name} has no one() relation over ${name}`)
    if (seen.has(target.name))
      refuse(subject, `can("${action}", "${column}") comes back to ${target.name}: policies would inherit in a circle`)
    seen.add(target.name)
    const next: Condition | undefined = [...walk(target.policy[action])].find((node) => node.kind === "can")
    via = next?.kind === "can" ? next.column : null
    current = target
  }
}

function checkFields(model: Model, models: Models): void {
  for (const [key, rule] of Object.entries(model.fields)) {
    const subject = `Resource ${model.name}, field ${key}`
    if (!model.columns.has(key)) refuse(subject, "no such column")
    for (const condition of [rule.read, rule.write]) if (condition) checkCondition(condition, model, models, subject)
    if (rule.stamp?.from === "own") {
      const { resource, column } = rule.stamp
      const unique = models.get(resource)?.indexes.some((one) => one.unique && one.columns.join() === column)
      if (!unique) refuse(subject, `own("${resource}", "${column}"): no resource ${resource} has that unique column`)
    }
    if (rule.stamp?.from === "parent") {
      const { column, field } = rule.stamp
      const relation = [...model.relations.values()].find(
        (candidate) => candidate.kind === "one" && candidate.column === column,
      )
      const target = relation && models.get(relation.resource)
      if (!target) refuse(subject, `parent("${column}", …): ${model.name} has no one() relation over ${column}`)
      if (!target.columns.has(field)) refuse(subject, `parent(…, "${field}"): ${target.name} has no such column`)
    }
  }
}

function checkLists(model: Model): void {
  const subject = `Resource ${model.name}`
  for (const key of model.filter) {
    if (!model.columns.has(key)) refuse(subject, `filter names ${key}, which is not a column`)
    const indexed = key === "id" || model.indexes.some((index) => index.columns.slice(0, 3).includes(key))
    if (!indexed) refuse(subject, `filter names ${key}, which no index holds among its first three columns`)
  }
  for (const key of model.sort) {
    // The order by default: asked for by lists alone.
    if (key === "createdAt" && !model.verbs.has("list")) continue
    if (!model.columns.has(key)) refuse(subject, `sort names ${key}, which is not a column`)
    if (!model.indexes.some((index) => index.columns.includes(key)))
      refuse(subject, `sort names ${key}, which stands in no index`)
  }
  for (const key of model.search) {
    if (model.columns.get(key)?.kind.type !== "text") refuse(subject, `search names ${key}, which is not a text column`)
  }
}

/** One place, one mount: of two that overlap it would not be known whose problems are whose. */
export function checkMounts(mounts: readonly Mount[]): void {
  for (const [n, { prefix }] of mounts.entries()) {
    const other = mounts
      .slice(0, n)
      .find((one) => `${one.prefix}/`.startsWith(`${prefix}/`) || `${prefix}/`.startsWith(`${one.prefix}/`))
    if (other) refuse(`Mount ${prefix}`, `it overlaps with the mount ${other.prefix}`)
  }
}

function checkFresh({ fresh, credential }: Operation, subject: string): void {
  if (fresh === undefined) return
  try {
    freshSeconds(fresh)
  } catch (fault) {
    refuse(subject, `fresh: ${(fault as Error).message}`)
  }
  if (credential !== "session")
    refuse(subject, 'fresh asks for a person who proved who they are; say credential: "session", too')
}

/** Everything that can be wrong with an operation. */
export function checkOperation(operation: Operation, models: Models): void {
  const subject = `Operation ${operation.name}`
  if (!/^[a-z][A-Za-z0-9_]*\.[a-z][A-Za-z0-9]*$/.test(operation.name)) refuse(subject, "a name is noun.verb")
  const policy = operation.policy
  if (!policy) refuse(subject, "it has no policy; write one, or anyone() to open it")
  if (policy.kind === "on") {
    if (!models.has(policy.resource)) refuse(subject, `on(): no resource is named ${policy.resource}`)
    if (!operation.standard && !Object.hasOwn(operation.input.shape, policy.idFrom))
      refuse(subject, `on(): the input has no ${policy.idFrom}`)
  } else if (!needsNoRow(policy)) {
    refuse(subject, "its policy names columns, but no record; use on(resource, action)")
  }
  if (operation.organization !== undefined && !Object.hasOwn(operation.input.shape, operation.organization))
    refuse(subject, `organization: the input has no ${operation.organization}`)
  if (!operation.standard && !operation.engine && !operation.handle) refuse(subject, "it has no handle")
  checkFresh(operation, subject)
  checkOperationCache(operation, models)
  for (const [, name] of operation.rest?.path.matchAll(/\{(\w+)\}/g) ?? []) {
    if (!Object.hasOwn(operation.input.shape, name as string))
      refuse(subject, `its path names {${name}}, which is not in the input`)
  }
}
