/** Whose records are: the tenants of some, as they are or as they were when they went. Under no policy: it is for counting, and leaves nothing. */
import { quote } from "../authorization/statement.ts"
import { columnOf } from "../authorization/vocabulary.ts"
import { type Models, modelOf } from "../core/model.ts"

/**
 * Reads them; a record that nobody has heard of has none. One round trip, at most two rows a record.
 * @param resource one that has a tenant
 */
export async function loadTenants(
  database: D1Database,
  models: Models,
  resource: string,
  ids: readonly string[],
): Promise<readonly string[]> {
  const model = modelOf(models, resource)
  if (model.tenant === null) return []
  const tenant = quote(columnOf(model, model.tenant).name)
  const sql = `select coalesce(
      (select t.${tenant} from ${quote(model.table)} as t where t."id" = j."value"),
      (select e."tenant" from "events" as e where e."resource" = ?2 and e."record" = j."value" order by e."sequence" desc limit 1)
    ) as "tenant" from json_each(?1) as j`
  const statement = database.withSession("first-primary").prepare(sql).bind(JSON.stringify(ids), resource)
  const { results } = await statement.all<{ tenant: string | null }>()
  return results.flatMap(({ tenant: one }) => (one === null ? [] : [one]))
}
