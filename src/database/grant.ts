/** One fact for a decision in memory: the role that somebody holds in a record, by its members or its shares. */
import { quote } from "../authorization/statement.ts"
import { membersOf, sharesOf } from "../authorization/vocabulary.ts"
import { type Models, modelOf } from "../core/model.ts"

/** Whose role in what. */
export interface GrantKey {
  readonly kind: "members" | "shares"
  /** The resource of the record. */
  readonly resource: string
  readonly recordId: string
  readonly userId: string
}

/** The highest role; null for none. One read by the index that the registry asks for. */
export async function readGrant(database: D1Database, models: Models, key: GrantKey): Promise<string | null> {
  const grants = key.kind === "members" ? membersOf(models, key.resource) : sharesOf(modelOf(models, key.resource))
  const model = modelOf(models, grants.resource)
  const column = (name: string) => quote(model.columns.get(name)?.name ?? name)
  const sql = `select ${column(grants.role)} as "role" from ${quote(model.table)} where ${column(grants.user)} = ?1 and ${column(grants.record)} = ?2`
  const { results } = await database
    .withSession("first-primary")
    .prepare(sql)
    .bind(key.userId, key.recordId)
    .all<{ role: string }>()
  const held = results.map(({ role }) => grants.roles.indexOf(role))
  return grants.roles[Math.max(-1, ...held)] ?? null
}
