/** The organizations that a user belongs to, with role and plan, as they are in the database. One round trip. */
import { quote } from "../authorization/statement.ts"
import { columnOf } from "../authorization/vocabulary.ts"
import { type Models, modelOf } from "../core/model.ts"
import type { Membership, OrganizationRule } from "../core/organization.ts"

/** More organizations than this one person has: what is beyond counts for no limit. */
const membershipsMax = 1000

/** The statement of an application; its one parameter is the id of the user. */
function membershipsSql(models: Models, { resource, plan }: NonNullable<OrganizationRule>): string {
  const organizations = modelOf(models, resource)
  const grants = organizations.members
  if (!grants) throw new Error(`${resource} declares no members`)
  const members = modelOf(models, grants.resource)
  const member = (key: string) => `m.${quote(columnOf(members, key).name)}`
  const planSql = plan === undefined ? "null" : `o.${quote(columnOf(organizations, plan).name)}`
  return `select ${member(grants.record)} as "organization", ${member(grants.role)} as "role", ${planSql} as "plan"
    from ${quote(members.table)} as m join ${quote(organizations.table)} as o on o."id" = ${member(grants.record)}
    where ${member(grants.user)} = ?1 order by 1 limit ${membershipsMax}`
}

/**
 * Reads them, at least as new as the primary was when it was asked.
 * @param user id of the user
 */
export async function loadMemberships(
  database: D1Database,
  models: Models,
  rule: OrganizationRule,
  user: string,
): Promise<readonly Membership[]> {
  if (rule === null) return []
  const session = database.withSession("first-primary")
  const { results } = await session.prepare(membershipsSql(models, rule)).bind(user).all<Membership & object>()
  return results
}
