/**
 * Records in the answers of operations. What such an answer does not hold, relations and computed fields, is read behind the call when it is selected:
 * a `get` for each record, where the write is to be seen. Nothing that was selected is silently null: what could not be read is an error at its place,
 * beside the answer, since the call has been made. What is known to be unreadable is refused before.
 */
import type { GraphQLResolveInfo } from "graphql"
import type { Json, JsonObject } from "../../core/json.ts"
import { limits } from "../../core/limits.ts"
import type { Model } from "../../core/model.ts"
import { invalid, type Problem } from "../../core/problem.ts"
import type { CompiledOperation } from "../../core/registry.ts"
import type { Shape } from "../../core/shape.ts"
import { type Building, wanted } from "./building.ts"
import { selectedPath } from "./paths.ts"
import { errorOf } from "./problem.ts"
import { below, type Wanted } from "./selection.ts"
import type { Visit } from "./visit.ts"

/** Records of one answer that are read behind it: as many as a request may have root fields. */
const recordsMax = 20

type Nodes = GraphQLResolveInfo["fieldNodes"]

/** A record of which something is to be read. */
interface RecordPlace {
  readonly kind: "record"
  readonly model: Model
  /** Relations, and the computed fields among the fields. */
  readonly wanted: Wanted
  /** Its place among the fields of the root field. */
  readonly at: string
}

/** Where in an answer such records stand. */
type Place =
  | RecordPlace
  | { readonly kind: "list"; readonly item: Place }
  | { readonly kind: "object"; readonly fields: ReadonlyMap<string, Place> }
  | { readonly kind: "union"; readonly tag: string; readonly variants: ReadonlyMap<string, Place> }

/** What the steps through a selection share. */
interface Looking {
  readonly building: Building
  readonly info: GraphQLResolveInfo
}

function recordPlace(looking: Looking, model: Model, nodes: Nodes, at: string): Place | null {
  const { fields, expand } = wanted(looking.building, model, nodes, looking.info)
  const computed = fields.filter((name) => model.computed.has(name))
  if (computed.length + Object.keys(expand).length === 0) return null
  return { kind: "record", model, wanted: { fields: ["id", ...computed], expand }, at }
}

function placeIn(looking: Looking, shape: Shape, nodes: Nodes, at: string): Place | null {
  if (shape.type === "list") {
    const item = placeIn(looking, shape.item, nodes, at)
    return item && { kind: "list", item }
  }
  if (shape.type === "union") {
    const named = shape.variants.flatMap(({ name, shape: inner }) => {
      const place = placeIn(looking, inner, nodes, at)
      return place === null ? [] : [[name, place] as const]
    })
    return named.length === 0 ? null : { kind: "union", tag: shape.tag, variants: new Map(named) }
  }
  if (shape.type !== "object") return null
  const model = looking.building.types.modelOf(shape.name)
  if (model) return recordPlace(looking, model, nodes, at)
  const selected = below(nodes, looking.info, looking.building.types.output(shape))
  const fields = shape.fields.flatMap(({ name, shape: inner }) => {
    const own = selected.get(name)
    const place = own && placeIn(looking, inner, own, `${at}/${name}`)
    return place ? [[name, place] as const] : []
  })
  return fields.length === 0 ? null : { kind: "object", fields: new Map(fields) }
}

/** What no `get` would take: relations that nest too deep, and too many records of one. */
function refuseExpansion({ expand }: Wanted, at: string, depth = 1): void {
  for (const [name, inner] of Object.entries(expand)) {
    const place = `${at}/${name}`
    if (depth > limits.expandDepthMax)
      throw invalid(place, "too_deep", `Relations nest at most ${limits.expandDepthMax} deep`)
    const { limit = 1 } = inner
    if (limit < 1 || limit > limits.pageSizeMax)
      throw invalid(`${place}/first`, "out_of_range", `A whole number from 1 to ${limits.pageSizeMax}`)
    refuseExpansion(inner, place, depth + 1)
  }
}

const tooMany = (at: string): Problem =>
  invalid(at, "too_many", `Relations are read of at most ${recordsMax} records of an answer: read them with a query`)
const notReadable = (at: string, { name }: Model): Problem =>
  invalid(at, "not_readable", `Relations of ${name} cannot be read here: read them with a query`)

/** What cannot be answered is refused while nothing has been done yet. The engine's own answers never hold relations. */
function refuseUnreadable(building: Building, operation: CompiledOperation, place: Place, input: JsonObject): void {
  const { standard } = operation
  if (place.kind === "record") {
    refuseExpansion(place.wanted, place.at)
    if (standard && !building.registry.operations.has(`${place.model.name}.get`))
      throw notReadable(place.at, place.model)
    return
  }
  const inner =
    place.kind === "list" ? [place.item] : [...(place.kind === "object" ? place.fields : place.variants).values()]
  for (const one of inner) refuseUnreadable(building, operation, one, input)
  if (standard?.verb !== "batch" || place.kind !== "object") return
  const kept = (input.records as readonly JsonObject[]).filter(({ op }) => op !== "delete")
  if (kept.length > recordsMax) throw tooMany("/records")
}

/** Relations that a record does not hold, or not with the relations that are wanted within them. */
function lackingRelations(record: JsonObject, { expand }: Wanted): readonly string[] {
  return Object.entries(expand).flatMap(([name, inner]) => {
    const held = record[name] as Json | undefined
    const isWhole = (one: Json) => one === null || lackingRelations(one as JsonObject, inner).length === 0
    return held !== undefined && (Array.isArray(held) ? held : [held]).every(isWhole) ? [] : [name]
  })
}

/** An answer as resolvers read it: where something could not be read, the error stands. */
type Filled = Json | { readonly [name: string]: unknown } | readonly unknown[]

async function readRecord(
  { building }: Looking,
  { model, wanted: selection, at }: RecordPlace,
  record: JsonObject,
  visit: Visit,
  left: { reads: number },
): Promise<Filled> {
  const computed = selection.fields.filter((name) => name !== "id")
  // What somebody's handler has put into its answer stays where nothing can be read.
  const without = (why: Error): Filled => {
    const lacking = [...computed.filter((name) => record[name] === undefined), ...lackingRelations(record, selection)]
    return { ...record, ...Object.fromEntries(lacking.map((name) => [name, why])) }
  }
  const get = building.registry.operations.get(`${model.name}.get`)
  const { id } = record
  if (!get || typeof id !== "string") return without(errorOf(notReadable(at, model), visit.requestId))
  if (left.reads === 0) return without(errorOf(tooMany(at), visit.requestId))
  left.reads -= 1
  try {
    const input = { id, ...selection } as unknown as Json
    const read = (await visit.call(get, input, selectedPath(at, selection))) as JsonObject
    const names = [...computed, ...Object.keys(selection.expand)]
    return { ...record, ...Object.fromEntries(names.map((name) => [name, read[name]])) }
  } catch (thrown) {
    if (thrown instanceof Error) return without(thrown)
    throw thrown
  }
}

async function filled(
  looking: Looking,
  place: Place,
  value: Json | undefined,
  visit: Visit,
  left: { reads: number },
): Promise<Filled | undefined> {
  if (value === null || value === undefined) return value
  const go = (inner: Place, held: Json | undefined) => filled(looking, inner, held, visit, left)
  switch (place.kind) {
    case "record":
      return readRecord(looking, place, value as JsonObject, visit, left)
    case "list":
      return Promise.all((value as readonly Json[]).map((item) => go(place.item, item)))
    case "object": {
      const object = value as JsonObject
      const own = [...place.fields].map(async ([name, inner]) => [name, await go(inner, object[name])] as const)
      return { ...object, ...Object.fromEntries(await Promise.all(own)) }
    }
    case "union": {
      const inner = place.variants.get(String((value as JsonObject)[place.tag]))
      return inner ? go(inner, value) : value
    }
  }
}

/**
 * What is to be read of the records in an answer.
 * @param input of the call, as the operation takes it
 * @returns what completes the answer; does not reject for what is refused then
 * @throws Problem INVALID_ARGUMENT for what can be known to be unreadable
 */
export function recordsIn(
  building: Building,
  operation: CompiledOperation,
  input: JsonObject,
  info: GraphQLResolveInfo,
): (output: Json, visit: Visit) => Promise<Filled | undefined> {
  const looking = { building, info }
  const place = placeIn(looking, operation.outputType.shape, info.fieldNodes, "")
  if (place === null) return async (output) => output
  refuseUnreadable(building, operation, place, input)
  return (output, visit) => filled(looking, place, output, visit, { reads: recordsMax })
}
