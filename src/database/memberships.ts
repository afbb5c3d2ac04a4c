/** The organizations that a user belongs to, with role and plan, as they are in the database. One round trip. */
import { quote } from "../authorization/statement.ts"
import { columnOf } from "../authorization/vocabulary.ts"
import { type Models, modelOf } from "../core/model.ts"
import type { Membership, OrganizationRule } from "../core/organization.ts"
import { positionIn, positionStatement, type RawRow } from "./client.ts"

/** More organizations than this one person has: what is beyond counts for no limit. */
const membershipsMax = 1000

/** The table of the members and its columns, quoted. */
function membersOf(models: Models, { resource }: NonNullable<OrganizationRule>) {
  const grants = modelOf(models, resource).members
  if (!grants) throw new Error(`${resource} declares no members`)
  const members = modelOf(models, grants.resource)
  const column = (key: string) => quote(columnOf(members, key).name)
  const [record, user, role] = [column(grants.record), column(grants.user), column(grants.role)]
  return { members: quote(members.table), record, user, role }
}

/** The statement of an application; its one parameter is the id of the user. */
function membershipsSql(models: Models, rule: NonNullable<OrganizationRule>): string {
  const { members, record, user, role } = membersOf(models, rule)
  const organizations = modelOf(models, rule.resource)
  const planSql = rule.plan === undefined ? "null" : `o.${quote(columnOf(organizations, rule.plan).name)}`
  return `select m.${record} as "organization", m.${role} as "role", ${planSql} as "plan"
    from ${members} as m join ${quote(organizations.table)} as o on o."id" = m.${record}
    where m.${user} = ?1 order by 1 limit ${membershipsMax}`
}

/**
 * Reads them, at least as new as the primary was when it was asked.
 * @param user id of the user
 * @returns with them the sequence of the newest event that they know of
 */
export async function loadMemberships(
  database: D1Database,
  models: Models,
  rule: OrganizationRule,
  user: string,
): Promise<{ readonly memberships: readonly Membership[]; readonly position: number }> {
  if (rule === null) return { memberships: [], position: 0 }
  const session = database.withSession("first-primary")
  const [memberships, log] = await session.batch([
    session.prepare(membershipsSql(models, rule)).bind(user),
    session.prepare(positionStatement.sql),
  ])
  return {
    memberships: (memberships?.results ?? []) as readonly Membership[],
    position: positionIn(log?.results as readonly RawRow[]),
  }
}

/**
 * Ids of the users who have one of these roles in an organization. One round trip.
 * @param limit how many at most
 */
export async function loadMembersIn(
  database: D1Database,
  models: Models,
  rule: OrganizationRule,
  asked: { readonly organization: string; readonly roles: readonly string[]; readonly limit: number },
): Promise<readonly string[]> {
  if (rule === null) return []
  const { members, user, record, role } = membersOf(models, rule)
  const sql = `select m.${user} as "user" from ${members} as m
    where m.${record} = ?1 and m.${role} in (select "value" from json_each(?2)) order by 1 limit cast(?3 as integer)`
  const session = database.withSession("first-primary")
  const { results } = await session
    .prepare(sql)
    .bind(asked.organization, JSON.stringify(asked.roles), asked.limit)
    .all<{ user: string }>()
  return results.map(({ user: one }) => one)
}
