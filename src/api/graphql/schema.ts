/**
 * The schema of a registry. A query of a resource becomes the words of one plan (selection.ts), so a root field is one statement whatever it
 * selects; every other operation is a field whose arguments are its input.
 */
import { type GraphQLFieldConfigMap, GraphQLNonNull, GraphQLObjectType, GraphQLSchema } from "graphql"
import type { Json, JsonObject } from "../../core/json.ts"
import { deprecationText } from "../../core/lifecycle.ts"
import type { Model } from "../../core/model.ts"
import { asProblem } from "../../core/problem.ts"
import type { CompiledOperation, Registry } from "../../core/registry.ts"
import { pascal, typeName } from "../../core/type-name.ts"
import { type Building, fieldsOf, type RootField, recordShape, wanted, without } from "./building.ts"
import { Filters } from "./filters.ts"
import { getField, listField, pageInfoOf } from "./lists.ts"
import { camel } from "./names.ts"
import { inputPath } from "./paths.ts"
import { errorOf } from "./problem.ts"
import { recordsIn } from "./records.ts"
import { scalars } from "./scalars.ts"
import { below } from "./selection.ts"
import { commonTellings, subscriptionField } from "./subscriptions.ts"
import { Types, wireOf } from "./types.ts"
import type { Visit } from "./visit.ts"

type RootFields = GraphQLFieldConfigMap<unknown, Visit>

/** Arguments that are the input's properties; the tree of a filter has its own type. */
function argumentsOf({ types, filters, registry }: Building, operation: CompiledOperation) {
  const { model } = operation
  const fields = fieldsOf(operation.inputType.shape)
  const args = types.inputFields(fields)
  const shape = model && recordShape(registry, model)
  if (model && shape && args.filter) args.filter = { type: filters.filterOf(model, fieldsOf(shape)) }
  return args
}

/** Words of the engine, whichever operation takes them: without a value each of them says nothing. */
const engineWords: ReadonlySet<string> = new Set([
  "filter",
  "q",
  "sort",
  "limit",
  "cursor",
  "after",
  "count",
  "version",
])

/**
 * Arguments without those that are null and would not be taken as null: clients send variables that were not set like that. Only what the engine itself
 * asks for is left out; what an operation that somebody wrote makes of null is its own to say, and in a patch null clears.
 */
function withoutNulls({ standard, inputType }: CompiledOperation, given: JsonObject): JsonObject {
  const absent = fieldsOf(inputType.shape).filter(
    ({ name, required, nullable }) => !required && !nullable && (standard || engineWords.has(name)),
  )
  const out: Record<string, Json> = { ...given }
  for (const { name } of absent) if (out[name] === null) delete out[name]
  if (standard?.verb !== "batch") return out
  const records = (given.records as readonly JsonObject[]).map((record) => {
    const { version, ...rest } = record
    return version === null ? rest : record
  })
  return { ...out, records }
}

function operationField(building: Building, operation: CompiledOperation): RootField {
  const { types } = building
  const shape = operation.inputType.shape
  const isCreate = operation.standard?.verb === "create"
  const args = isCreate
    ? { input: { type: new GraphQLNonNull(types.input(shape) as never) } }
    : argumentsOf(building, operation)
  return {
    type: types.output(operation.outputType.shape),
    args: args as NonNullable<RootField["args"]>,
    async resolve(_, given, visit, info) {
      const asked = isCreate ? given.input : given
      const wire = without(wireOf(shape, asked) as Record<string, unknown>)
      const input = isCreate ? wire : withoutNulls(operation, wire)
      const complete = refusable(visit, () => recordsIn(building, operation, input, info))
      const output = await visit.call(operation, input, inputPath(shape, asked, isCreate ? "/input" : ""))
      return complete(output, visit)
    },
  }
}

/** What is refused before a call. */
function refusable<T>({ requestId }: Visit, work: () => T): T {
  try {
    return work()
  } catch (thrown) {
    throw errorOf(asProblem(thrown), requestId)
  }
}

/** A watch: its selection says which fields, so it has no argument for them. */
function watchField(
  building: Building,
  operation: CompiledOperation,
  model: Model,
  common: ReturnType<typeof commonTellings>,
): RootField {
  const { fields: _, ...args } = argumentsOf(building, operation)
  return subscriptionField(common, {
    name: typeName(model),
    record: building.types.recordOf(model) as GraphQLObjectType,
    args: args as NonNullable<RootField["args"]>,
    wanted: (info) => wanted(building, model, below(info.fieldNodes, info).get("record") ?? [], info),
    watch: (visit, input, place) => visit.watch(operation, input, place),
  })
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

/** Types that fields of several resources share. */
interface Shared {
  readonly pageInfo: GraphQLObjectType
  readonly tellings: ReturnType<typeof commonTellings>
}

/** What is used instead, as this door calls it. */
function nameIn({ operations }: Registry, name: string): string {
  const other = operations.get(name)
  return other ? fieldName(other) : name
}

function rootField(building: Building, operation: CompiledOperation, { pageInfo, tellings }: Shared): RootField {
  const { model, standard, summary, kind, deprecated } = operation
  const description = {
    ...(summary === undefined ? {} : { description: summary }),
    ...(deprecated === undefined
      ? {}
      : { deprecationReason: deprecationText(deprecated, (name) => nameIn(building.registry, name)) }),
  }
  if (model && standard?.verb === "list") return { ...listField(building, operation, model, pageInfo), ...description }
  if (model && standard?.verb === "get") return { ...getField(building, operation, model), ...description }
  if (model && kind === "subscription") return { ...watchField(building, operation, model, tellings), ...description }
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
  const shared = { pageInfo: pageInfoOf(), tellings: commonTellings() }
  const roots: Record<CompiledOperation["kind"], RootFields> = { query: {}, mutation: {}, subscription: {} }
  for (const operation of registry.operations.values()) {
    const name = fieldName(operation)
    if (roots[operation.kind][name])
      throw new Error(`${operation.name} and another operation are both ${name} in GraphQL; rename one`)
    roots[operation.kind][name] = rootField(building, operation, shared)
  }
  return new GraphQLSchema({
    query: new GraphQLObjectType({ name: "Query", fields: roots.query }),
    mutation: new GraphQLObjectType({ name: "Mutation", fields: roots.mutation }),
    ...(Object.keys(roots.subscription).length === 0
      ? {}
      : { subscription: new GraphQLObjectType({ name: "Subscription", fields: roots.subscription }) }),
    types: Object.values(scalars),
  })
}
