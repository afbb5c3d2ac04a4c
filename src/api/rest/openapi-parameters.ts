/** Parameters of the OpenAPI document: path, headers, the input's own names, and one for each filter that a resource declares. */
import type { ColumnFacts } from "../../core/column.ts"
import type { JsonObject } from "../../core/json.ts"
import { limits } from "../../core/limits.ts"
import type { Model } from "../../core/model.ts"
import { schemasOf } from "../../core/schema.ts"
import { type Compiled, compileShape } from "../../core/shape.ts"
import { exampleOf } from "./example.ts"
import type { Route } from "./routes.ts"

/** Header parameters that many operations share, under the names of their components. */
export const headerParameters: Readonly<Record<string, JsonObject>> = {
  IdempotencyKey: {
    name: "Idempotency-Key",
    in: "header",
    description:
      "The same key with the same request gives the same answer, for a day; with another request it is refused.",
    schema: { type: "string", minLength: 1, maxLength: limits.idempotencyKeyLength },
    example: "7b0c7f3e-5a1f-4d56-9c55-0f6f2b0f7a11",
  },
  IfMatch: {
    name: "If-Match",
    in: "header",
    description: "The entity tag that the record must have; 412 when it has another.",
    schema: { type: "string" },
    example: 'W/"3"',
  },
  IfNoneMatch: {
    name: "If-None-Match",
    in: "header",
    description: "The entity tag that the caller has; 304 when the record still has it.",
    schema: { type: "string" },
    example: 'W/"3"',
  },
  LastEventId: {
    name: "Last-Event-ID",
    in: "header",
    description:
      "The id of the last event that the caller has; goes on behind it, as `after` does. Browsers send it by themselves.",
    schema: { type: "string", pattern: "^[0-9]{0,15}$" },
  },
  Bookmark: {
    name: "X-Selvage-Bookmark",
    in: "header",
    description: "The bookmark of an earlier answer: this call sees at least what that one saw or wrote.",
    schema: { type: "string", maxLength: 200 },
  },
}

/** The schema of an input's or output's root, with its properties in sight. */
export function rootOf(type: Compiled): JsonObject {
  const { schema, named } = type
  if (typeof schema.$ref !== "string") return schema
  return named[schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1)] ?? {}
}

/** The schemas of a root's properties. */
export function propertiesOf(type: Compiled): Readonly<Record<string, JsonObject>> {
  return (rootOf(type).properties ?? {}) as Record<string, JsonObject>
}

function without(schema: JsonObject, key: string): JsonObject {
  return Object.fromEntries(Object.entries(schema).filter(([name]) => name !== key))
}

/** The parameters of a route's path. */
export function pathParameters(route: Route): JsonObject[] {
  const properties = propertiesOf(route.operation.inputType)
  return route.parameters.map((name) => {
    const schema = properties[name] ?? { type: "string" }
    const description = typeof schema.description === "string" ? schema.description : `The ${name}`
    const example = exampleOf(schema, route.operation.inputType.named, name)
    const life = schema.deprecated === true ? { deprecated: true } : {}
    return { name, in: "path", required: true, description, ...life, schema: without(schema, "description"), example }
  })
}

function namesOf(values: Iterable<string>): JsonObject {
  return { type: "array", items: { type: "string", enum: [...values] } }
}

const numeric: ReadonlySet<string> = new Set(["int32", "safeint", "int64", "double"])

/** What a standard read's parameters mean for this resource; the input's own schema is the same for all resources. */
function refined(name: string, model: Model): JsonObject | null {
  const columns = [...model.columns.values()]
  switch (name) {
    case "fields":
      return {
        description: "The fields to give; all when left out. The id is always there.",
        schema: namesOf(model.columns.keys()),
      }
    case "expand": {
      const relations = [...model.relations.keys()]
      if (relations.length === 0) return null
      const description = `Relations to give with each record: ${relations.join(", ")}; deeper ones with a dot, ${limits.expandDepthMax} deep.`
      return { description, schema: { type: "array", items: { type: "string" } }, example: relations.slice(0, 1) }
    }
    case "sort":
      return {
        description: `What to sort by, \`-\` for descending; newest first when left out. At most ${limits.sortFieldsMax}.`,
        schema: { ...namesOf([...model.sort].flatMap((key) => [key, `-${key}`])), maxItems: limits.sortFieldsMax },
      }
    case "sum":
    case "avg":
      return {
        description: `Fields to give the ${name} of.`,
        schema: namesOf(columns.filter((one) => numeric.has(one.kind.type)).map((one) => one.key)),
      }
    case "min":
    case "max":
      return {
        description: `Fields to give the ${name} of.`,
        schema: namesOf(
          columns.filter((one) => !["json", "bool", "bytes"].includes(one.kind.type)).map((one) => one.key),
        ),
      }
    case "groupBy":
      return { description: "Fields to group by.", schema: { ...namesOf(model.filter), maxItems: 3 } }
    case "q":
      return model.search.length === 0 ? null : { description: `Words to look for in ${model.search.join(", ")}.` }
    case "filter":
      return {
        description:
          'Conditions as a JSON tree, where and, or and not are needed: {"or": [{"status": "open"}, {"priority": {"gte": 3}}]}.',
      }
    case "limit":
      return { description: "How many to give at most." }
    case "cursor":
      return { description: "`nextCursor` of the page before, with the same other parameters." }
    case "count":
      return { description: "Whether to count." }
    default:
      return {}
  }
}

function isEmptyEnum(parameter: JsonObject): boolean {
  const items = (parameter.schema as JsonObject | undefined)?.items as JsonObject | undefined
  return Array.isArray(items?.enum) && items.enum.length === 0
}

/** The parameters of a route's query string, filters apart. */
export function queryParameters(route: Route): JsonObject[] {
  const properties = propertiesOf(route.operation.inputType)
  const { model } = route.operation
  return [...route.queryFields.values()].flatMap((field): JsonObject[] => {
    const own = properties[field.name] ?? {}
    const special = model ? refined(field.name, model) : {}
    if (special === null || isEmptyEnum(special)) return []
    const base = {
      name: field.name,
      in: "query",
      ...(field.required ? { required: true } : {}),
      ...(field.deprecated === undefined ? {} : { deprecated: true }),
    }
    const description = typeof own.description === "string" ? { description: own.description } : {}
    const schema = without(own, "description")
    const isList = field.shape.type === "list" || (field.name === "expand" && model !== null)
    if (isList) return [{ ...base, ...description, style: "form", explode: false, schema, ...special }]
    const isTree = ["map", "object", "union", "json"].includes(field.shape.type)
    return [
      {
        ...base,
        ...description,
        ...(isTree ? { content: { "application/json": { schema } } } : { schema }),
        ...special,
      },
    ]
  })
}

const comparing = ["lt", "lte", "gt", "gte"]

function operatorsOf(column: ColumnFacts): readonly string[] {
  const nullable = column.nullable ? ["isNull"] : []
  switch (column.kind.type) {
    case "bool":
    case "bytes":
      return ["eq", "ne", ...nullable]
    case "id":
    case "enum":
      return ["eq", "ne", "in", ...nullable]
    case "text":
      return ["eq", "ne", "in", ...comparing, "contains", "startsWith", ...nullable]
    default:
      return ["eq", "ne", "in", ...comparing, ...nullable]
  }
}

const meanings: Readonly<Record<string, string>> = {
  eq: "equals",
  ne: "differs from",
  in: "is one of",
  lt: "is less than",
  lte: "is at most",
  gt: "is greater than",
  gte: "is at least",
  contains: "contains",
  startsWith: "starts with",
}

function filterParameter(model: Model, column: ColumnFacts, operator: string, schema: JsonObject): JsonObject {
  const name = operator === "eq" ? column.key : `${column.key}[${operator}]`
  const base = { name, in: "query", ...(model.fields[column.key]?.deprecated ? { deprecated: true } : {}) }
  if (operator === "isNull")
    return { ...base, description: `${column.key} has no value, or has one.`, schema: { type: "boolean" } }
  const told = { ...base, description: `${column.key} ${meanings[operator]} this.` }
  if (operator === "in")
    return {
      ...told,
      style: "form",
      explode: false,
      schema: { type: "array", items: schema, maxItems: limits.filterListMax },
    }
  return {
    ...told,
    schema: operator === "contains" || operator === "startsWith" ? { type: "string", maxLength: 200 } : schema,
  }
}

/** One parameter for each operator of each column that a resource lets its lists be filtered by. */
export function filterParameters(model: Model): {
  readonly parameters: JsonObject[]
  readonly named: Readonly<Record<string, JsonObject>>
} {
  const parameters: JsonObject[] = []
  const named: Record<string, JsonObject> = {}
  for (const key of model.filter) {
    const column = model.columns.get(key)
    if (!column) continue
    const type = compileShape(schemasOf(model).column(key), `${model.name}.${key}`)
    Object.assign(named, type.named)
    for (const operator of operatorsOf(column))
      parameters.push(filterParameter(model, column, operator, without(type.schema, "description")))
  }
  return { parameters, named }
}
