/**
 * Branches: a read policy taken apart into the ways by which a row comes into sight, each with what drives it (the principal's grants, or a
 * value that a column must equal) and the conditions that remain to be tested. Refuses (null) a policy of which one way has no driver or no
 * index that yields its rows in the order of the list; such a list is answered by a plain scan.
 */
import { allows, type PredicateScope } from "../authorization/sql.ts"
import { parameters } from "../authorization/statement.ts"
import { comparandOf } from "../authorization/value.ts"
import { membersOf, sharesOf } from "../authorization/vocabulary.ts"
import { type Model, modelOf } from "../core/model.ts"
import type { Condition } from "../core/policy.ts"
import type { Grants } from "../core/resource.ts"
import { servingColumns } from "./index-choice.ts"
import type { Key } from "./keyset.ts"

/** What yields the values that the driven column takes. */
export type Driver =
  | { readonly from: "grants"; readonly grants: Grants; readonly role: string | null }
  | { readonly from: "condition"; readonly condition: Extract<Condition, { kind: "compare" | "in" }> }

/** One way into sight. */
export interface Branch {
  readonly driver: Driver
  /** The row's column that the driver gives a value to; `id` names single rows. */
  readonly column: string
  /** The grants' column whose value the row's tenant must equal for the index to serve; null when it serves without. */
  readonly tenantFrom: string | null
  /** The grants' column that is known to hold the row's tenant, whether the index needs it or not. */
  readonly grantTenant: string | null
  /** What else must hold. */
  readonly residual: Condition
  /** The columns by which the index is entered; none for single rows. */
  readonly entry: ReadonlySet<string>
}

/** More ways than this are not merged. Bounded by D1's five terms of a compound SELECT: a queue and four steps. */
const branchesMax = 4

/**
 * The branches of a read policy for one principal.
 * @param pins columns that the filter holds equal to one value
 */
export function branchesOf(
  policy: Condition,
  scope: PredicateScope,
  keys: readonly Key[],
  pins: ReadonlyMap<string, string>,
): readonly Branch[] | null {
  const ways = alternatives(policy, scope)
  if (ways === null || ways.length === 0 || ways.length > branchesMax) return null
  const branches: Branch[] = []
  for (const way of ways) {
    const found = way.map((condition) => driven(condition, way, scope, keys, pins)).filter((branch) => branch !== null)
    const best = found.find((branch) => branch.column === "id") ?? found[0]
    if (!best) return null
    branches.push(best)
  }
  return branches
}

/** The policy as a list of conjunctions without constants; null when there are too many, or one that always holds. */
function alternatives(condition: Condition, scope: PredicateScope): readonly (readonly Condition[])[] | null {
  switch (condition.kind) {
    case "rule":
      return alternatives(condition.of, scope)
    case "any": {
      const children = condition.of.map((child) => alternatives(child, scope))
      return children.some((child) => child === null) ? null : bounded((children as (readonly Condition[])[][]).flat())
    }
    case "all": {
      let product: readonly (readonly Condition[])[] | null = [[]]
      for (const child of condition.of) {
        const ways = alternatives(child, scope)
        if (ways === null || product === null) return null
        product = bounded(product.flatMap((left) => ways.map((right) => [...left, ...right])))
      }
      return product
    }
    default: {
      const folded = allows(condition, { ...scope, parameters: parameters() })
      return folded === true ? [[]] : folded === false ? [] : [[condition]]
    }
  }
}

function bounded<T>(ways: readonly T[]): readonly T[] | null {
  return ways.length > 3 * branchesMax ? null : ways
}

function driven(
  condition: Condition,
  way: readonly Condition[],
  scope: PredicateScope,
  keys: readonly Key[],
  pins: ReadonlyMap<string, string>,
): Branch | null {
  const found = driverOf(condition, scope)
  if (!found) return null
  const residual: Condition = { kind: "all", of: way.filter((other) => other !== condition) }
  const grantTenant =
    found.driver.from === "grants" ? tenantOfGrants(found.driver.grants, found.target, found.column, scope) : null
  const branch = { driver: found.driver, column: found.column, residual, grantTenant }
  if (found.column === "id") return { ...branch, tenantFrom: null, entry: new Set() }
  const entry = servingColumns(scope.model, [found.column], keys, pins.keys())
  if (entry) return { ...branch, tenantFrom: null, entry }
  const tenant = scope.model.tenant
  if (grantTenant === null || tenant === null) return null
  const through = servingColumns(scope.model, [found.column, tenant], keys, pins.keys())
  return through && { ...branch, tenantFrom: grantTenant, entry: through }
}

function driverOf(
  condition: Condition,
  scope: PredicateScope,
): { driver: Driver; column: string; target: Model } | null {
  const { model, models } = scope
  switch (condition.kind) {
    case "member": {
      const grants = membersOf(models, condition.resource)
      return {
        driver: { from: "grants", grants, role: condition.role },
        column: condition.column,
        target: modelOf(models, condition.resource),
      }
    }
    case "shared":
      return { driver: { from: "grants", grants: sharesOf(model), role: condition.level }, column: "id", target: model }
    case "compare": {
      const column = model.columns.get(condition.column)
      if (!column || condition.op !== "eq" || comparandOf(column.kind) === null) return null
      return { driver: { from: "condition", condition }, column: condition.column, target: model }
    }
    case "in": {
      const column = model.columns.get(condition.column)
      if (!column || comparandOf(column.kind) === null || column.kind.type === "double") return null
      return { driver: { from: "condition", condition }, column: condition.column, target: model }
    }
    default:
      return null
  }
}

/**
 * The column of the grants that holds the tenant of the rows which a grant shows: known when both the grant's and the row's tenant are
 * stamped from the record that the grant is about.
 */
function tenantOfGrants(grants: Grants, target: Model, column: string, scope: PredicateScope): string | null {
  const table = modelOf(scope.models, grants.resource)
  if (table.tenant === null || target.tenant === null || scope.model.tenant === null) return null
  const ofGrant = table.fields[table.tenant]?.stamp
  if (ofGrant?.from !== "parent" || ofGrant.column !== grants.record || ofGrant.field !== target.tenant) return null
  if (column === "id") return target === scope.model ? table.tenant : null
  const ofRow = scope.model.fields[scope.model.tenant]?.stamp
  const follows = ofRow?.from === "parent" && ofRow.column === column && ofRow.field === target.tenant
  return follows ? table.tenant : null
}
