/** GraphQL by graphql-js: the document is made from the schema that introspection gives, and parsed before it is sent. */
import {
  buildClientSchema,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  getIntrospectionQuery,
  getNamedType,
  isEnumType,
  isObjectType,
  isUnionType,
  parse,
  validate,
} from "graphql"
import { fieldName } from "../../../src/api/graphql/schema.ts"
import type { Json, JsonObject } from "../../../src/core/json.ts"
import type { CompiledOperation, Registry } from "../../../src/core/registry.ts"
import type { Shape } from "../../../src/core/shape.ts"
import { typeName } from "../../../src/core/type-name.ts"
import { type Call, type DoorClient, type Ending, headersOf, patienceMs, toldIn } from "./door.ts"

type Tree = Readonly<Record<string, true | { readonly expand?: Tree; readonly limit?: number }>>

const screaming = (text: string) => text.replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2").toUpperCase()

/** Everything that can be selected of a type; relations only where they are asked for. */
class Selections {
  readonly #relations: ReadonlyMap<string, ReadonlySet<string>>

  constructor(registry: Registry) {
    const models = [...registry.models.values()]
    this.#relations = new Map(models.map((model) => [typeName(model), new Set(model.relations.keys())]))
  }

  of(type: GraphQLNamedType, expand: Tree, only: readonly string[] | null): string {
    if (isUnionType(type)) {
      // Two members of a union may give one name two types, so each field has a name of its own.
      const parts = type.getTypes().map((member) => {
        const fields = Object.values(member.getFields()).map(
          (field) => `${member.name}__${field.name}: ${field.name}${this.of(getNamedType(field.type), {}, null)}`,
        )
        return `... on ${member.name} { ${fields.join(" ")} }`
      })
      return ` { __typename ${parts.join(" ")} }`
    }
    if (!isObjectType(type)) return ""
    const relations = this.#relations.get(type.name)
    const fields = Object.values(type.getFields()).flatMap((field) => {
      if (relations?.has(field.name)) {
        const asked = expand[field.name]
        if (asked === undefined) return []
        const { expand: inner = {}, limit } = asked === true ? {} : asked
        return [
          `${field.name}${limit === undefined ? "" : `(first: ${limit})`}${this.of(getNamedType(field.type), inner, null)}`,
        ]
      }
      const isAsked = only === null || field.name === "id" || only.includes(field.name)
      return isAsked ? [field.name + this.of(getNamedType(field.type), {}, null)] : []
    })
    return ` { ${fields.join(" ")} }`
  }
}

/** The values of an enum stand in the order of their declaration, whatever each is called. */
function enumValue(type: GraphQLNamedType, shape: Shape, value: Json): Json {
  if (!isEnumType(type) || shape.type !== "enum") return value
  return type.getValues()[shape.values.indexOf(String(value))]?.name ?? String(value)
}

type InputFields = Readonly<Record<string, { readonly type: unknown }>>

/** Wire JSON -> variables. */
function variable(type: GraphQLNamedType, shape: Shape, value: Json): Json {
  if (value === null) return null
  const named = (fields: InputFields, name: string) => getNamedType(fields[name]?.type as GraphQLNamedType)
  const inner = () => (type as unknown as { getFields(): InputFields }).getFields()
  switch (shape.type) {
    case "enum":
      return enumValue(type, shape, value)
    case "object": {
      if (!("getFields" in type)) return value
      const shapes = new Map(shape.fields.map((field) => [field.name, field.shape]))
      return Object.fromEntries(
        Object.entries(value as JsonObject).map(([name, held]) => {
          const own = shapes.get(name)
          return [name, own && inner()[name] ? variable(named(inner(), name), own, held as Json) : (held as Json)]
        }),
      )
    }
    case "list":
      return Array.isArray(value) ? value.map((item) => variable(type, shape.item, item)) : value
    case "union": {
      const { [shape.tag]: tag, ...rest } = value as Record<string, Json>
      const variant = shape.variants.find(({ name }) => name === tag)
      return variant ? { [variant.name]: variable(named(inner(), variant.name), variant.shape, rest) } : value
    }
    default:
      return value
  }
}

/** What came -> wire JSON. */
function decoded(type: GraphQLNamedType, shape: Shape, value: Json): Json {
  if (value === null || value === undefined) return null
  switch (shape.type) {
    case "enum": {
      const at = isEnumType(type) ? type.getValues().findIndex(({ name }) => name === value) : -1
      return at === -1 ? value : (shape.values[at] as string)
    }
    case "object": {
      if (!isObjectType(type)) return value
      const fields = type.getFields()
      const out: Record<string, Json> = {}
      for (const { name, shape: own, required, nullable } of shape.fields) {
        const held = (value as JsonObject)[name] as Json | undefined
        if (held === undefined || (held === null && !required && !nullable)) continue
        out[name] = decoded(getNamedType((fields[name] as GraphQLField<never, never>).type), own, held)
      }
      return out
    }
    case "list":
      return (value as readonly Json[]).map((item) => decoded(type, shape.item, item))
    case "union": {
      const { __typename, ...aliased } = value as Record<string, Json>
      const member = isUnionType(type) ? type.getTypes().find(({ name }) => name === __typename) : undefined
      if (!member) throw new Error(`No member of a union is called ${String(__typename)}`)
      const plain = Object.fromEntries(Object.entries(aliased).map(([key, held]) => [key.split("__")[1] ?? key, held]))
      const variant = shape.variants.find((one) => one.shape.type === "object" && one.shape.name === member.name)
      return variant ? decoded(member, variant.shape, plain) : plain
    }
    default:
      return value
  }
}

/** `{ projectId: "…" }` is `{ projectId: { eq: "…" } }` here. */
const filterOf = (filter: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(filter).map(([name, held]) => [name, typeof held === "object" ? held : { eq: held }]),
  ) as JsonObject

const sortOf = (key: string) => (key.startsWith("-") ? `${screaming(key.slice(1))}_DESC` : `${screaming(key)}_ASC`)

/** The arguments of a root field. */
function argumentsOf({ operation, input }: Call, field: GraphQLField<never, never>): Record<string, Json> {
  const { standard, model, inputType } = operation
  const { fields: _, expand: __, ...rest } = input
  if (model && standard?.verb === "list") {
    const { limit, cursor, filter, sort, count: ___, ...more } = rest
    return {
      ...more,
      ...(limit === undefined ? {} : { first: limit }),
      ...(cursor === undefined ? {} : { after: cursor }),
      ...(filter === undefined ? {} : { filter: filterOf(filter as JsonObject) }),
      ...(sort === undefined ? {} : { sort: (sort as readonly string[]).map(sortOf) }),
    } as Record<string, Json>
  }
  const shape = inputType.shape
  if (standard?.verb === "create") {
    const type = getNamedType(field.args[0]?.type as GraphQLNamedType)
    return { input: variable(type, shape, input) }
  }
  const shapes = new Map(shape.type === "object" ? shape.fields.map((one) => [one.name, one.shape]) : [])
  const own = standard?.verb === "get" ? rest : input
  return Object.fromEntries(
    Object.entries(own).map(([name, held]) => {
      const argument = field.args.find((one) => one.name === name)
      const value = name === "filter" ? filterOf(held as JsonObject) : (held as Json)
      const known = shapes.get(name)
      return [name, argument && known ? variable(getNamedType(argument.type) as never, known, value) : value]
    }),
  )
}

function documentOf(registry: Registry, schema: GraphQLSchema, call: Call) {
  const { operation, input } = call
  const root = operation.kind === "query" ? schema.getQueryType() : schema.getMutationType()
  const name = fieldName(operation)
  const field = root?.getFields()[name] as GraphQLField<never, never> | undefined
  if (!field) throw new Error(`The schema has no ${name}`)
  const args = argumentsOf(call, field)
  const known = Object.keys(args).filter((key) => field.args.some((one) => one.name === key))
  const declared = known.map((key) => `$${key}: ${String(field.args.find((one) => one.name === key)?.type)}`)
  const passed = known.map((key) => `${key}: $${key}`)
  const expand = (input.expand ?? {}) as Tree
  const only = (input.fields ?? null) as readonly string[] | null
  const selections = new Selections(registry)
  const type = getNamedType(field.type)
  const isPage = operation.standard?.verb === "list"
  const nodes = isPage && isObjectType(type) ? getNamedType(type.getFields().nodes?.type as never) : type
  const inner = selections.of(nodes as GraphQLNamedType, expand, only)
  const counted = input.count === true ? " totalCount totalCountCapped" : ""
  const body = isPage ? ` { nodes${inner} pageInfo { endCursor }${counted} }` : inner
  const open = (texts: readonly string[]) => (texts.length === 0 ? "" : `(${texts.join(", ")})`)
  const query = `${operation.kind} Call${open(declared)} { ${name}${open(passed)}${body} }`
  const faults = validate(schema, parse(query))
  if (faults.length > 0) throw new Error(`${query}: ${faults.map(({ message }) => message).join("; ")}`)
  return { query, variables: args, name, type: nodes as GraphQLNamedType, field }
}

/** A page as the other doors have it. */
function pageOf(operation: CompiledOperation, type: GraphQLNamedType, given: JsonObject): Json {
  const { shape } = operation.outputType
  const items = shape.type === "object" ? shape.fields.find(({ name }) => name === "items")?.shape : undefined
  const { totalCount, totalCountCapped, nodes, pageInfo } = given
  return {
    items: items ? decoded(type, items, nodes as Json) : (nodes as Json),
    nextCursor: (pageInfo as JsonObject).endCursor as Json,
    ...(totalCount === undefined ? {} : { count: totalCount, countCapped: totalCountCapped }),
  } as Json
}

const engineWords: Readonly<Record<string, string>> = { first: "limit", after: "cursor" }

/** This door names its own arguments where something is wrong; the table has the words of the operation's input. */
function enginePath({ standard }: CompiledOperation, path: string): string {
  const [first = "", ...rest] = path.split("/").slice(1)
  if (standard?.verb === "create" && first === "input") return `/${rest.join("/")}`
  if (standard?.verb === "list" && engineWords[first]) return `/${[engineWords[first], ...rest].join("/")}`
  return path
}

/** The client. */
export async function graphqlClient(origin: string, registry: Registry): Promise<DoorClient> {
  const post = (body: object, headers: Record<string, string> = {}) =>
    fetch(`${origin}/graphql`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/graphql-response+json", ...headers },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(patienceMs),
    })
  const introspected = (await (await post({ query: getIntrospectionQuery() })).json()) as { data: never }
  const schema = buildClientSchema(introspected.data)
  return {
    name: "graphql",
    isExact: false,
    serves: ({ kind }) => kind !== "subscription",
    async call(call): Promise<Ending> {
      const { query, variables, name, type, field } = documentOf(registry, schema, call)
      const answer = await post({ query, variables }, headersOf(call))
      const { data, errors } = (await answer.json()) as { data?: JsonObject; errors?: readonly GraphqlError[] }
      const told = {
        ...toldIn(answer.headers),
        deprecated: field.deprecationReason?.startsWith("Deprecated since") === true,
      }
      const [error] = errors ?? []
      if (error) {
        const { code, violations = [] } = error.extensions ?? {}
        const places = violations.map((one) => ({ ...one, path: enginePath(call.operation, one.path) }))
        return { code: String(code), detail: error.message, violations: places, told }
      }
      const held = data?.[name] as JsonObject
      const value =
        call.operation.standard?.verb === "list"
          ? pageOf(call.operation, type, held)
          : decoded(type, call.operation.outputType.shape, held as Json)
      return { code: "OK", value, told }
    },
    close: async () => undefined,
  }
}

interface GraphqlError {
  readonly message: string
  readonly extensions?: {
    readonly code?: string
    readonly violations?: readonly { readonly path: string; readonly code: string }[]
  }
}
