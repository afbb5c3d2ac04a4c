/**
 * Subscriptions: `<resource>.watch` is a field whose type is the union of what a watch tells. The fields of the record are those that the caller
 * selects. Refuses what cannot be told from one event, relations among them, instead of telling null.
 */
import {
  GraphQLEnumType,
  type GraphQLFieldConfig,
  type GraphQLFieldConfigMap,
  GraphQLID,
  GraphQLInterfaceType,
  GraphQLNonNull,
  GraphQLObjectType,
  type GraphQLOutputType,
  GraphQLUnionType,
} from "graphql"
import type { JsonObject } from "../../core/json.ts"
import { invalid } from "../../core/problem.ts"
import type { ResetReason, Told, WatchStream } from "../../core/watch.ts"
import { enumName } from "./names.ts"
import { type ClientPath, selectedPath } from "./paths.ts"
import { errorOf } from "./problem.ts"
import { scalars } from "./scalars.ts"
import type { Wanted } from "./selection.ts"
import type { Visit } from "./visit.ts"

const sequence = {
  type: new GraphQLNonNull(scalars.safeint),
  description: "The place in the log up to which the caller knows all once it has taken this; goes into `after`",
}

const reasons: Readonly<Record<ResetReason, string>> = {
  start: "It has begun",
  facts_changed: "What decides who sees what has changed",
  after_too_old: "The place given is further back than can be told",
  after_unknown: "No place as the one given is known",
}

/** What watches of every resource tell alike. */
interface Common {
  readonly event: GraphQLInterfaceType
  readonly reset: GraphQLObjectType
  readonly removed: GraphQLObjectType
  readonly ready: GraphQLObjectType
}

type OwnFields = GraphQLFieldConfigMap<unknown, unknown>

/** One of the things that are told. */
function telling(event: GraphQLInterfaceType, name: string, description: string, own: OwnFields): GraphQLObjectType {
  return new GraphQLObjectType({ name, description, interfaces: [event], fields: { sequence, ...own } })
}

/** The types that the fields of all resources share. */
export function commonTellings(): Common {
  const event = new GraphQLInterfaceType({
    name: "WatchEvent",
    description: "One thing that a watch tells",
    fields: { sequence },
  })
  const reason = new GraphQLEnumType({
    name: "WatchResetReason",
    values: Object.fromEntries(
      Object.entries(reasons).map(([value, description]) => [enumName(value), { value, description }]),
    ),
  })
  return {
    event,
    reset: telling(event, "WatchReset", "Forget what you have: the records follow, and then WatchReady", {
      reason: { type: new GraphQLNonNull(reason) },
    }),
    removed: telling(event, "WatchRemoved", "It was visible and is no more", {
      id: { type: new GraphQLNonNull(GraphQLID) },
    }),
    ready: telling(event, "WatchReady", "You have everything up to `sequence`", {}),
  }
}

/** What a watch of a resource tells. */
function unionOf(common: Common, name: string, record: GraphQLOutputType): GraphQLUnionType {
  const changed = telling(common.event, `${name}Changed`, "The record as you may see it now", {
    record: { type: new GraphQLNonNull(record as never) },
  })
  const byKind: Readonly<Record<Told["kind"], GraphQLObjectType>> = {
    reset: common.reset,
    changed,
    removed: common.removed,
    ready: common.ready,
  }
  return new GraphQLUnionType({
    name: `${name}WatchEvent`,
    types: Object.values(byKind),
    resolveType: (told) => byKind[(told as Told).kind].name,
  })
}

/** A watch as graphql-js reads it. Throws when the watch was ended, and not by whoever reads it. */
async function* told(stream: WatchStream, requestId: string): AsyncGenerator<Told> {
  for (let one = await stream.next(); one !== null; one = await stream.next()) yield one
  const why = stream.why()
  if (why !== null) throw errorOf(why, requestId)
}

/** What the field of a resource is made of. */
export interface WatchField {
  /** The record's type, by its name. */
  readonly name: string
  readonly record: GraphQLOutputType
  readonly args: NonNullable<GraphQLFieldConfig<unknown, Visit>["args"]>
  /** What is selected of the record. */
  wanted(info: Parameters<NonNullable<GraphQLFieldConfig<unknown, Visit>["subscribe"]>>[3]): Wanted
  /** Begins the watch. */
  watch(visit: Visit, input: JsonObject, place: ClientPath): Promise<WatchStream>
}

/** The field of a resource's watch. */
export function subscriptionField(common: Common, field: WatchField): GraphQLFieldConfig<unknown, Visit> {
  return {
    type: new GraphQLNonNull(unionOf(common, field.name, field.record)),
    args: field.args,
    async subscribe(_, given, visit, info) {
      const selection = field.wanted(info)
      const { fields, expand } = selection
      const [relation] = Object.keys(expand)
      if (relation !== undefined)
        throw errorOf(
          invalid(
            `/record/${relation}`,
            "not_watchable",
            `${relation} is another record: read it with a query, or watch it too`,
          ),
          visit.requestId,
        )
      const asked = Object.entries(given).filter(([, value]) => value !== undefined && value !== null)
      const input = { ...Object.fromEntries(asked), fields } as JsonObject
      return told(await field.watch(visit, input, selectedPath("/record", selection)), visit.requestId)
    },
    resolve: (one) => one,
  }
}
