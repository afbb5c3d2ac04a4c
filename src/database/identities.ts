/** Who people are elsewhere, for what is done without a call: a person who leaves takes the identities along. */

/** Ids of a person's identities. */
export async function identitiesOf(database: D1Database, userId: string): Promise<readonly string[]> {
  const sql = 'select "id" from "identities" where "userId" = ? order by "id"'
  const { results } = await database.withSession("first-primary").prepare(sql).bind(userId).all<{ id: string }>()
  return results.map(({ id }) => id)
}
