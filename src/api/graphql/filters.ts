/** Filters and orders of a resource as inputs: what may be filtered by, with the operators that its kind knows. */
import {
  GraphQLBoolean,
  GraphQLEnumType,
  GraphQLInputObjectType,
  type GraphQLInputType,
  GraphQLList,
  GraphQLNonNull,
  GraphQLString,
} from "graphql"
import type { Model } from "../../core/model.ts"
import type { Field, Shape } from "../../core/shape.ts"
import { typeName } from "../../core/type-name.ts"
import { enumName } from "./names.ts"
import type { Types } from "./types.ts"

const compared = ["eq", "ne", "lt", "lte", "gt", "gte"] as const

/** The makers of a schema's filter and sort types, one a resource. */
export class Filters {
  readonly #types: Types
  readonly #filters = new Map<string, GraphQLInputObjectType>()
  readonly #operators = new Map<string, GraphQLInputObjectType>()
  readonly #sorts = new Map<string, GraphQLEnumType>()

  constructor(types: Types) {
    this.#types = types
  }

  /** Operators for values of a type. */
  #operatorsOf(shape: Shape): GraphQLInputObjectType {
    const type = this.#types.input(shape)
    const name = `${String(type)}Filter`
    const known = this.#operators.get(name)
    if (known) return known
    const one = { type: type as GraphQLInputType }
    const text =
      shape.type === "string" ? { contains: { type: GraphQLString }, startsWith: { type: GraphQLString } } : {}
    const made = new GraphQLInputObjectType({
      name,
      fields: {
        ...Object.fromEntries(compared.map((operator) => [operator, one])),
        in: { type: new GraphQLList(new GraphQLNonNull(type as never)) },
        ...text,
        isNull: { type: GraphQLBoolean },
      },
    })
    this.#operators.set(name, made)
    return made
  }

  /** What lists of a model may be filtered by. */
  filterOf(model: Model, record: readonly Field[]): GraphQLInputObjectType {
    const name = `${typeName(model)}Filter`
    const known = this.#filters.get(name)
    if (known) return known
    const columns = record.filter((field) => model.filter.has(field.name))
    const made: GraphQLInputObjectType = new GraphQLInputObjectType({
      name,
      fields: () => ({
        ...Object.fromEntries(
          columns.map(({ name: own, shape, deprecated }) => [
            own,
            { type: this.#operatorsOf(shape), ...(deprecated === undefined ? {} : { deprecationReason: deprecated }) },
          ]),
        ),
        and: { type: new GraphQLList(new GraphQLNonNull(made)) },
        or: { type: new GraphQLList(new GraphQLNonNull(made)) },
        not: { type: made },
      }),
    })
    this.#filters.set(name, made)
    return made
  }

  /** What lists of a model may be sorted by: `DUE_AT_ASC` is `dueAt`, `DUE_AT_DESC` is `-dueAt`. */
  sortOf(model: Model): GraphQLEnumType {
    const name = `${typeName(model)}Sort`
    const known = this.#sorts.get(name)
    if (known) return known
    const values = [...model.sort].flatMap((key) => [
      [`${enumName(key)}_ASC`, { value: key }] as const,
      [`${enumName(key)}_DESC`, { value: `-${key}` }] as const,
    ])
    const made = new GraphQLEnumType({ name, values: Object.fromEntries(values) })
    this.#sorts.set(name, made)
    return made
  }
}
