/** Lists and single records: a selection becomes the words of one plan, so the field is one statement whatever it selects. */
import {
  GraphQLBoolean,
  GraphQLID,
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLString,
} from "graphql"
import type { Json, JsonObject } from "../../core/json.ts"
import type { Model } from "../../core/model.ts"
import type { CompiledOperation } from "../../core/registry.ts"
import type { Shape } from "../../core/shape.ts"
import { typeName } from "../../core/type-name.ts"
import { type Building, fieldsOf, type RootField, recordShape, wanted, without } from "./building.ts"
import { renamedPath, selectedPath } from "./paths.ts"
import { below } from "./selection.ts"

/** The type that all connections share. */
export function pageInfoOf(): GraphQLObjectType {
  return new GraphQLObjectType({
    name: "PageInfo",
    fields: {
      hasNextPage: { type: new GraphQLNonNull(GraphQLBoolean) },
      endCursor: { type: GraphQLString, description: "Goes into `after` for the next page" },
    },
  })
}

function connectionOf(model: Model, record: GraphQLObjectType, pageInfo: GraphQLObjectType): GraphQLObjectType {
  return new GraphQLObjectType({
    name: `${typeName(model)}Connection`,
    fields: {
      nodes: { type: new GraphQLNonNull(new GraphQLList(new GraphQLNonNull(record))) },
      pageInfo: { type: new GraphQLNonNull(pageInfo) },
      totalCount: { type: GraphQLInt, description: "Counted only when it is asked for; stops at 1,000" },
      totalCountCapped: { type: GraphQLBoolean },
    },
  })
}

const renamed = renamedPath({ limit: "first", cursor: "after" })

/** Null is no filter, no order, no place and no number: it says as much as nothing. */
const said = (given: Readonly<Record<string, unknown>>) =>
  without(Object.fromEntries(Object.entries(given).map(([name, value]) => [name, value ?? undefined])))

/** The field of a list. */
export function listField(
  building: Building,
  operation: CompiledOperation,
  model: Model,
  pageInfo: GraphQLObjectType,
): RootField {
  const { types, filters } = building
  const shape = recordShape(building.registry, model) as Shape
  return {
    type: new GraphQLNonNull(connectionOf(model, types.recordOf(model) as GraphQLObjectType, pageInfo)),
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
      const selection = wanted(building, model, asked.get("nodes") ?? [], info)
      const words = { filter, sort, limit: first, cursor: after, q, ...(counts ? { count: true } : {}) }
      const selected = selectedPath("/nodes", selection)
      const place = (path: string) => selected(renamed(path))
      const input = { ...said(words), ...selection } as unknown as Json
      const page = (await visit.call(operation, input, place)) as JsonObject
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

/** The field of a single record. */
export function getField(building: Building, operation: CompiledOperation, model: Model): RootField {
  return {
    type: building.types.recordOf(model) as GraphQLObjectType,
    args: { id: { type: new GraphQLNonNull(GraphQLID) } },
    resolve(_, { id }, visit, info) {
      const selection = wanted(building, model, info.fieldNodes, info)
      return visit.call(operation, { id, ...selection } as unknown as Json, selectedPath("", selection))
    },
  }
}
