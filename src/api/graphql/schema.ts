/**
 * The schema of a registry. A query of a resource becomes the words of one plan (selection.ts), so a root field is one statement whatever it
 * selects; every other operation is a field whose arguments are its input.
 */
import {
  GraphQLBoolean,
  type GraphQLFieldConfig,
  type GraphQLFieldConfigMap,
  GraphQLID,
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  type GraphQLResolveInfo,
  GraphQLSchema,
  GraphQLString,
} from "graphql"
import { deprecationText } from "../../core/deprecation.ts"
import type { Json, JsonObject } from "../../core/json.ts"
import type { Model } from "../../core/model.ts"
import type { CompiledOperation, Registry } from "../../core/registry.ts"
import type { Field, Shape } from "../../core/shape.ts"
import { pascal, typeName } from "../../core/type-name.ts"
import { Filters } from "./filters.ts"
import { camel } from "./names.ts"
import { scalars } from "./scalars.ts"
import { below, wantedOf } from "./selection.ts"
import { Types, wireOf } from "./types.ts"
import type { Visit } from "./visit.ts"

type RootField = GraphQLFieldConfig<unknown, Visit>
type RootFields = GraphQLFieldConfigMap<unknown, Visit>

/** What the makers of fields share. */
interface Building {
  readonly registry: Registry
  readonly types: Types
  readonly filters: Filters
}

const fieldsOf = (shape: Shape): readonly Field[] => (shape.type === "object" ? shape.fields : [])

/** The fields of a model's record, by whatever operation shows one. */
function recordShape(registry: Registry, model: Model): Shape | null {
  const own = (verb: string) => registry.operations.get(`${model.name}.${verb}`)
  for (const verb of ["get", "create", "update"]) {
    const operation = own(verb)
    if (operation?.standard) return operation.outputType.shape
  }
  const items = fieldsOf(own("list")?.outputType.shape ?? { type: "json" }).find(({ name }) => name === "items")?.shape
  if (items?.type === "list") return items.item
  // Its records may stand in the answers of operations that somebody wrote.
  for (const { outputType } of registry.operations.values()) {
    const { shape } = outputType
    if (shape.type === "object" && shape.name === typeName(model)) return shape
  }
  return null
}

const without = (object: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as JsonObject

const wanted = (
  { registry, types }: Building,
  model: Model,
  nodes: GraphQLResolveInfo["fieldNodes"],
  info: GraphQLResolveInfo,
) => wantedOf(registry.models, model, nodes, info, (one) => types.recordOf(one))

function pageInfoOf(): GraphQLObjectType {
  return new GraphQLObjectType({
    name: "PageInfo",
    fields: {
      hasNextPage: { type: new GraphQLNonNull(GraphQLBoolean) },
      endCursor: { type: GraphQLString, description: "Goes into `after` for the next page" },
    },
  })
}

function listField(
  building: Building,
  operation: CompiledOperation,
  model: Model,
  pageInfo: GraphQLObjectType,
): RootField {
  const { types, filters } = building
  const record = types.recordOf(model) as GraphQLObjectType
  const shape = recordShape(building.registry, model) as Shape
  const connection = new GraphQLObjectType({
    name: `${typeName(model)}Connection`,
    fields: {
      nodes: { type: new GraphQLNonNull(new GraphQLList(new GraphQLNonNull(record))) },
      pageInfo: { type: new GraphQLNonNull(pageInfo) },
      totalCount: { type: GraphQLInt, description: "Counted only when it is asked for; stops at 1,000" },
      totalCountCapped: { type: GraphQLBoolean },
    },
  })
  return {
    type: new GraphQLNonNull(connection),
    args: {
      filter: { type: filters.filterOf(model, fieldsOf(shape)) },
      sort: { type: new GraphQLList(new GraphQLNonNull(filters.sortOf(model))) },
      first: { type: GraphQLInt, description: "At most so many; 20 when left out" },
      after: { type: GraphQLString },
      ...(model.search.length === 0 ? {} : { q: { type: GraphQLString, description: "Words to search for" } }),
    },
    async resolve(_, { filter, sort, first, after, q }, visit, info) {
      const asked = below(info.fieldNodes, info)
      const counts = asked.has("totalCount") || asked.has("totalCountCapped")
      const { fields, expand } = wanted(building, model, asked.get("nodes") ?? [], info)
      const nullsOut = (value: unknown) => (value === null ? undefined : value)
      const input = { fields, expand, filter, sort, limit: nullsOut(first), cursor: nullsOut(after), q: nullsOut(q) }
      const page = (await visit.call(
        operation,
        without({ ...input, ...(counts ? { count: true } : {}) }),
      )) as JsonObject
      const next = page.nextCursor as string | null
      return {
        nodes: page.items,
        pageInfo: { hasNextPage: next !== null, endCursor: next },
        totalCount: page.count,
        totalCountCapped: page.countCapped ?? (page.count === undefined ? undefined : false),
      }
    },
  }
}

function getField(building: Building, operation: CompiledOperation, model: Model): RootField {
  return {
    type: building.types.recordOf(model) as GraphQLObjectType,
    args: { id: { type: new GraphQLNonNull(GraphQLID) } },
    resolve: (_, { id }, visit, info) =>
      visit.call(operation, { id, ...wanted(building, model, info.fieldNodes, info) } as unknown as Json),
  }
}

/** Arguments that are the input's properties; the tree of a filter has its own type. */
function argumentsOf({ types, filters, registry }: Building, operation: CompiledOperation) {
  const { model } = operation
  const fields = fieldsOf(operation.inputType.shape)
  const args = types.inputFields(fields)
  const shape = model && recordShape(registry, model)
  if (model && shape && args.filter) args.filter = { type: filters.filterOf(model, fieldsOf(shape)) }
  return args
}

/** A record that was written, with the relations that were asked for: those are read behind the write, where it is to be seen. */
function related(
  building: Building,
  model: Model,
  output: Json,
  visit: Visit,
  info: GraphQLResolveInfo,
): Json | Promise<Json> {
  const { fields, expand } = wanted(building, model, info.fieldNodes, info)
  const get = building.registry.operations.get(`${model.name}.get`)
  const id = (output as JsonObject | null)?.id
  if (!get || typeof id !== "string" || Object.keys(expand).length === 0) return output
  return visit.call(get, { id, fields, expand } as unknown as Json)
}

/** The model whose record an operation answers with; null when it answers with something else. */
function answered({ types }: Building, operation: CompiledOperation): Model | null {
  const { shape } = operation.outputType
  return shape.type === "object" ? types.modelOf(shape.name) : null
}

function operationField(building: Building, operation: CompiledOperation): RootField {
  const { types } = building
  const input = operation.inputType.shape
  const isCreate = operation.standard?.verb === "create"
  const model = answered(building, operation)
  const args = isCreate
    ? { input: { type: new GraphQLNonNull(types.input(input) as never) } }
    : argumentsOf(building, operation)
  return {
    type: types.output(operation.outputType.shape),
    args: args as NonNullable<RootField["args"]>,
    async resolve(_, given, visit, info) {
      const value = wireOf(input, isCreate ? given.input : given)
      const output = await visit.call(operation, without(value as Record<string, unknown>))
      return model ? related(building, model, output, visit, info) : output
    },
  }
}

/** `tasks.complete` -> `tasksComplete`; the standard verbs as GraphQL calls them. */
export function fieldName({ name, standard, model }: CompiledOperation): string {
  const [noun = "", verb = ""] = name.split(".")
  if (!standard || !model) return camel(noun) + pascal(verb)
  const type = typeName(model)
  switch (standard.verb) {
    case "list":
      return camel(noun)
    case "get": {
      const single = type.charAt(0).toLowerCase() + type.slice(1)
      return single === camel(noun) ? `${single}ById` : single
    }
    case "create":
    case "update":
    case "delete":
      return standard.verb + type
    case "batch":
      return `batch${pascal(camel(noun))}`
    default:
      return camel(noun) + pascal(verb)
  }
}

function rootField(building: Building, operation: CompiledOperation, pageInfo: GraphQLObjectType): RootField {
  const { model, standard, summary, deprecated } = operation
  const description = {
    ...(summary === undefined ? {} : { description: summary }),
    ...(deprecated === undefined ? {} : { deprecationReason: deprecationText(deprecated) }),
  }
  if (model && standard?.verb === "list") return { ...listField(building, operation, model, pageInfo), ...description }
  if (model && standard?.verb === "get") return { ...getField(building, operation, model), ...description }
  return { ...operationField(building, operation), ...description }
}

/**
 * Builds the schema. It compiles every shape: once an isolate, when the door is first used.
 * @throws Error when two operations or types would have one name
 */
export function schemaOf(registry: Registry): GraphQLSchema {
  const types = new Types(registry.models)
  const building = { registry, types, filters: new Filters(types) }
  for (const model of registry.models.values()) {
    const shape = recordShape(registry, model)
    if (shape) types.declareRecord(model, () => shape)
  }
  const pageInfo = pageInfoOf()
  const roots: Record<"query" | "mutation", RootFields> = { query: {}, mutation: {} }
  for (const operation of registry.operations.values()) {
    if (operation.kind === "subscription") continue
    const name = fieldName(operation)
    if (roots[operation.kind][name])
      throw new Error(`${operation.name} and another operation are both ${name} in GraphQL; rename one`)
    roots[operation.kind][name] = rootField(building, operation, pageInfo)
  }
  return new GraphQLSchema({
    query: new GraphQLObjectType({ name: "Query", fields: roots.query }),
    mutation: new GraphQLObjectType({ name: "Mutation", fields: roots.mutation }),
    types: Object.values(scalars),
  })
}
