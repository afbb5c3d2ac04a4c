/** The operation that says why: which rule decides, the SQL that it becomes, the index that it uses, the rows that it reads. */
import * as z from "zod"
import { type Models, modelOf } from "./model.ts"
import type { Operation } from "./operation.ts"
import { anyone, role } from "./policy.ts"
import type { User } from "./principal.ts"
import { invalid } from "./problem.ts"

const input = z.strictObject({
  resource: z.string().max(100),
  action: z.enum(["read", "create", "update", "delete"]),
  id: z.string().max(100).describe("The record"),
  userId: z.string().max(100).optional().describe("Whose right; the caller's own when left out"),
})

const output = z
  .object({
    resource: z.string(),
    action: z.string(),
    allowed: z.boolean(),
    rule: z.string().nullable(),
    tree: z.unknown(),
    sql: z.string(),
    queryPlan: z.array(z.string()),
    rowsRead: z.int(),
  })
  .meta({ id: "Explanation" })

/** `policies.explain`: for administrators, and for everybody in development. */
export function explainOperation(models: () => Models, options: { readonly development: boolean }): Operation {
  return {
    name: "policies.explain",
    kind: "query",
    summary: "Why a right to a record is given or refused",
    input,
    output,
    policy: options.development ? anyone() : role("admin"),
    rest: { method: "GET", path: "/explanations" },
    engine: async ({ resource, action, id, userId }: z.output<typeof input>, { store, reading }) => {
      if (!models().has(resource)) throw invalid("/resource", "unknown_resource", "No such resource")
      if (action === "create")
        throw invalid("/action", "not_explainable", "A creation has no record yet; explain read, update or delete")
      const other: User | undefined = userId === undefined ? undefined : { kind: "user", id: userId, roles: [] }
      return store.explain(
        modelOf(models(), resource).name,
        id,
        action,
        other ? { ...reading, principal: other } : reading,
      )
    },
  }
}
