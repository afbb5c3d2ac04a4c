/** An input that is valid for every operation, from its schema: so that in the matrix only rights and limits decide. New operations need nothing here. */
import { exampleOf } from "../../src/api/rest/example.ts"
import type { Json, JsonObject } from "../../src/core/json.ts"
import type { CompiledOperation, Registry } from "../../src/core/registry.ts"
import { rows } from "./clients.ts"

/** What the schema cannot say: what makes sense where the first value of each kind does not. */
const sensible: Readonly<Record<string, JsonObject>> = {
  "users.impersonate": { reason: "looking into ticket 4711" },
  "factors.confirmTotp": { state: "none", code: "492039" },
  "echo.fail": { code: "ABORTED" },
  "users.setRoles": { roles: ["reviewer"] },
  "apiKeys.create": { name: "Key", scopes: ["*:read"] },
}

/** An id of a record that there is, by the prefix of its kind. */
export async function knownIds(registry: Registry): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  for (const { idPrefix, table } of registry.models.values()) {
    const [row] = await rows<{ id: string }>(`select "id" from "${table}" order by "row_key" limit 1`)
    if (row) found.set(idPrefix, row.id)
  }
  return found
}

/** Examples of ids in the place of those of records that there are. */
function withKnown(value: Json, ids: ReadonlyMap<string, string>): Json {
  if (typeof value === "string") {
    const prefix = /^([a-z][a-z0-9_]*)_01kb5t8q3cf4n9r7x2m6w0zyad$/.exec(value)?.[1]
    return (prefix !== undefined && ids.get(prefix)) || value
  }
  if (Array.isArray(value)) return value.map((item) => withKnown(item, ids))
  if (value === null || typeof value !== "object") return value
  return Object.fromEntries(Object.entries(value).map(([key, held]) => [key, withKnown(held as Json, ids)]))
}

type Properties = Readonly<Record<string, JsonObject>>

/** The named type that a schema refers to, or itself. */
function opened(schema: JsonObject, named: Properties): JsonObject {
  return typeof schema.$ref === "string" ? (named[schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1)] ?? {}) : schema
}

/** What is required, an example each; of a change the first field that anybody who may change at all may change. */
function requiredOf(schema: JsonObject, named: Properties): Record<string, Json> {
  const { properties = {}, required = [] } = opened(schema, named) as { properties?: Properties; required?: string[] }
  return Object.fromEntries(
    required.map((name) => {
      const own = opened(properties[name] ?? {}, named)
      const isObject = own.type === "object" && own.properties !== undefined
      return [name, isObject ? requiredOf(own, named) : exampleOf(properties[name] ?? {}, named, name)]
    }),
  )
}

/** The input of a call that validates. */
export function validInput(
  { inputType, standard, name, model }: CompiledOperation,
  ids: ReadonlyMap<string, string>,
): JsonObject {
  const { schema, named } = inputType
  const input = requiredOf(schema, named)
  if (standard?.verb === "update" && model) {
    const patch = opened((opened(schema, named).properties as Properties).patch ?? {}, named)
    const fields = Object.entries((patch.properties ?? {}) as Properties)
    const first = fields.find(([key]) => !/Id$|^version$|^internalNote$/.test(key)) ?? fields[0]
    input.patch = first ? { [first[0]]: exampleOf(first[1], named, first[0]) } : {}
  }
  if (standard?.verb === "batch" && model)
    input.records = [{ op: "delete", id: `${model.idPrefix}_01kb5t8q3cf4n9r7x2m6w0zyad` }]
  return withKnown({ ...input, ...sensible[name] }, ids) as JsonObject
}
