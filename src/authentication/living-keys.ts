/** The API keys of somebody as D1 knows them. Refuses to list the ones that are revoked or over. */
import type { EngineWork } from "../core/operation.ts"
import type { Filter } from "../core/plan.ts"
import type { Row } from "../core/ports.ts"

/** How many keys somebody may have at once; their object holds the same bound. */
export const keysMax = 100

/**
 * The keys that live, newest first, as far as the reader may see them. One D1 read.
 * @param ownerId user or service account's user that the keys act for
 */
export async function livingKeys(
  { store, reading }: Pick<EngineWork, "store" | "reading">,
  ownerId: string,
): Promise<readonly Row[]> {
  const living: Filter = {
    op: "and",
    of: [
      { op: "eq", field: "ownerId", value: ownerId },
      { op: "isNull", field: "revokedAt", value: true },
      { op: "gt", field: "expiresAt", value: reading.now.toISOString() },
    ],
  }
  const page = await store.list(
    {
      kind: "list",
      resource: "api_keys",
      fields: ["id", "name", "scopes", "ownerId", "createdAt", "expiresAt"],
      expand: {},
      filter: living,
      sort: [{ field: "createdAt", descending: true }],
      limit: keysMax,
      cursor: null,
      count: false,
      q: null,
    },
    reading,
  )
  return page.items
}
