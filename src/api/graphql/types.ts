/**
 * Shapes as GraphQL types (October 2025 edition). Records are named types with their relations; a union going in is a `@oneOf` input. Every type is
 * made once a name; two values of an enum that would be one name are refused.
 */
import {
  GraphQLBoolean,
  GraphQLEnumType,
  type GraphQLFieldConfig,
  type GraphQLFieldConfigMap,
  GraphQLFloat,
  type GraphQLInputFieldConfigMap,
  GraphQLInputObjectType,
  type GraphQLInputType,
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  type GraphQLOutputType,
  GraphQLString,
  GraphQLUnionType,
} from "graphql"
import type { JsonObject } from "../../core/json.ts"
import type { Model, Models } from "../../core/model.ts"
import type { Field, Shape } from "../../core/shape.ts"
import { typeName } from "../../core/type-name.ts"
import { enumName, typeLabel } from "./names.ts"
import { scalars } from "./scalars.ts"

type ShapeOf<T extends Shape["type"]> = Extract<Shape, { type: T }>

/** Records that a relation expands to at most, as an argument of the field. */
const relationArguments = {
  first: { type: GraphQLInt, description: "At most so many, newest first; 20 when left out" },
}

const nonNullOut = (type: GraphQLOutputType): GraphQLOutputType => new GraphQLNonNull(type as never)
const nonNullIn = (type: GraphQLInputType): GraphQLInputType => new GraphQLNonNull(type as never)

/** The types of a registry. */
export class Types {
  readonly #models: Models
  /** Models by the name of their record's type. */
  readonly #records: ReadonlyMap<string, Model>
  readonly #out = new Map<string, GraphQLObjectType | GraphQLUnionType>()
  readonly #in = new Map<string, GraphQLInputObjectType>()
  readonly #enums = new Map<string, GraphQLEnumType>()

  constructor(models: Models) {
    this.#models = models
    this.#records = new Map([...models.values()].map((model) => [typeName(model), model]))
  }

  /** The model whose record a type is; null for another type. */
  modelOf(name: string): Model | null {
    return this.#records.get(name) ?? null
  }

  /** The enum of a shape. */
  enumOf(shape: ShapeOf<"enum">): GraphQLEnumType {
    const name = typeLabel(shape.name)
    const known = this.#enums.get(name)
    if (known) return known
    const values: Record<string, { value: string; deprecationReason?: string }> = {}
    for (const value of shape.values) {
      const own = enumName(value)
      if (values[own])
        throw new Error(`${name}: ${value} and ${values[own].value} are both ${own} in GraphQL; rename one`)
      values[own] = { value, ...outdated(shape.deprecated?.[value]) }
    }
    const made = new GraphQLEnumType({ name, values })
    this.#enums.set(name, made)
    return made
  }

  /** What a shape is when it goes out. */
  output(shape: Shape): GraphQLOutputType {
    switch (shape.type) {
      case "object":
        return shape.fields.length === 0 ? scalars.json : this.#object(shape)
      case "union":
        return this.#union(shape)
      case "list":
        return new GraphQLList(shape.itemNullable ? this.output(shape.item) : nonNullOut(this.output(shape.item)))
      default:
        return this.#simple(shape)
    }
  }

  /** What a shape is when it comes in. */
  input(shape: Shape): GraphQLInputType {
    switch (shape.type) {
      case "object":
        return shape.fields.length === 0 ? scalars.json : this.#inputObject(shape)
      case "union":
        return this.#oneOf(shape)
      case "list":
        return new GraphQLList(shape.itemNullable ? this.input(shape.item) : nonNullIn(this.input(shape.item)))
      default:
        return this.#simple(shape)
    }
  }

  #simple(shape: Shape): GraphQLEnumType | typeof GraphQLString | typeof scalars.json {
    switch (shape.type) {
      case "enum":
        return this.enumOf(shape)
      case "string":
        return GraphQLString
      case "int32":
        return GraphQLInt as never
      case "double":
        return GraphQLFloat as never
      case "bool":
        return GraphQLBoolean as never
      case "instant":
      case "date":
      case "int64":
      case "bytes":
      case "safeint":
        return scalars[shape.type] as never
      default:
        return scalars.json
    }
  }

  #object(shape: ShapeOf<"object">): GraphQLObjectType {
    const name = typeLabel(shape.name)
    const known = this.#out.get(name)
    if (known) return known as GraphQLObjectType
    const model = this.modelOf(name)
    const fields = () => this.#fields(shape.fields, model)
    const made = new GraphQLObjectType({ name, fields, ...described(shape.description) })
    this.#out.set(name, made)
    return made
  }

  /** A field that may be masked, or was not asked for, is null: only what always comes is not. */
  #fields(fields: readonly Field[], model: Model | null): GraphQLFieldConfigMap<unknown, unknown> {
    const out: GraphQLFieldConfigMap<unknown, unknown> = {}
    for (const { name, shape, required, nullable, deprecated } of fields) {
      const life = outdated(deprecated)
      const relation = model?.relations.get(name)
      if (relation) {
        const target = this.#models.get(relation.resource)
        const type = target ? this.recordOf(target) : null
        if (type) out[name] = { ...(relation.kind === "one" ? { type } : relatedField(name, type)), ...life }
        continue
      }
      const type = this.output(shape)
      out[name] = { type: required && !nullable ? nonNullOut(type) : type, ...described(shape.description), ...life }
    }
    return out
  }

  readonly #recordShapes = new Map<string, () => Shape>()

  /** Says where the shape of a model's record is to be found, before anything refers to it. */
  declareRecord(model: Model, shape: () => Shape): void {
    this.#recordShapes.set(model.name, shape)
  }

  /** The type of a model's record; null when no operation shows one. */
  recordOf(model: Model): GraphQLObjectType | null {
    const shape = this.#recordShapes.get(model.name)?.()
    return shape?.type === "object" ? this.#object(shape) : null
  }

  #union(shape: ShapeOf<"union">): GraphQLUnionType {
    const name = typeLabel(shape.name)
    const known = this.#out.get(name)
    if (known) return known as GraphQLUnionType
    const byTag = new Map(
      shape.variants.map((variant) => [variant.name, this.output(variant.shape) as GraphQLObjectType]),
    )
    const made = new GraphQLUnionType({
      name,
      types: [...new Set(byTag.values())],
      resolveType: (value) => byTag.get(String((value as JsonObject)[shape.tag]))?.name,
    })
    this.#out.set(name, made)
    return made
  }

  #inputObject(shape: ShapeOf<"object">): GraphQLInputObjectType {
    const label = typeLabel(shape.name)
    // An object that goes both ways has two types in GraphQL.
    const name = label.endsWith("Input") ? label : `${label}Input`
    const known = this.#in.get(name)
    if (known) return known
    const made = new GraphQLInputObjectType({
      name,
      fields: () => this.inputFields(shape.fields),
      ...described(shape.description),
    })
    this.#in.set(name, made)
    return made
  }

  /** Fields of an input object, and the arguments of a field alike. */
  inputFields(fields: readonly Field[]): GraphQLInputFieldConfigMap {
    return Object.fromEntries(
      fields.map(({ name, shape, required, nullable, deprecated }) => {
        const type = this.input(shape)
        const note = described(shape.description)
        // What has to be given cannot be deprecated (§3.13.2): there its description says so.
        if (required && !nullable)
          return [name, { type: nonNullIn(type), ...(deprecated ? described(deprecated) : note) }]
        return [name, { type, ...note, ...outdated(deprecated) }]
      }),
    )
  }

  #oneOf(shape: ShapeOf<"union">): GraphQLInputObjectType {
    const name = `${typeLabel(shape.name)}Input`
    const known = this.#in.get(name)
    if (known) return known
    const without = (variant: Shape): Shape =>
      variant.type === "object"
        ? { ...variant, fields: variant.fields.filter((field) => field.name !== shape.tag) }
        : variant
    const made = new GraphQLInputObjectType({
      name,
      isOneOf: true,
      fields: () =>
        Object.fromEntries(shape.variants.map((one) => [one.name, { type: this.input(without(one.shape)) }])),
    })
    this.#in.set(name, made)
    return made
  }
}

const listOf = (type: GraphQLOutputType): GraphQLOutputType => new GraphQLList(nonNullOut(type))

/** Records of a `many` relation: each alias of the field takes its own part of what the plan brought, or tells why nothing was. */
function relatedField(name: string, type: GraphQLObjectType): GraphQLFieldConfig<unknown, unknown> {
  return {
    type: listOf(type),
    args: relationArguments,
    resolve(source, { first }) {
      const held = (source as Record<string, unknown[] | Error | undefined>)[name]
      return held instanceof Error ? held : held?.slice(0, first ?? 20)
    },
  }
}

const described = (description: string | undefined) => (description === undefined ? {} : { description })

/** `@deprecated` for what is; the reason says since when and until when. */
const outdated = (deprecated: string | undefined) => (deprecated === undefined ? {} : { deprecationReason: deprecated })

/** A value as GraphQL gave it -> wire JSON: a `@oneOf` input gets its tag back. */
export function wireOf(shape: Shape, value: unknown): unknown {
  if (value === null || value === undefined) return value
  switch (shape.type) {
    case "object": {
      const given = value as Record<string, unknown>
      const byName = new Map(shape.fields.map((field) => [field.name, field.shape]))
      return Object.fromEntries(
        Object.entries(given).map(([name, held]) => [name, wireOf(byName.get(name) ?? { type: "json" }, held)]),
      )
    }
    case "list":
      return (value as unknown[]).map((item) => wireOf(shape.item, item))
    case "union": {
      const [chosen] = Object.entries(value as Record<string, unknown>)
      const variant = shape.variants.find(({ name }) => name === chosen?.[0])
      return variant ? { ...(wireOf(variant.shape, chosen?.[1]) as object), [shape.tag]: variant.name } : value
    }
    default:
      return value
  }
}
