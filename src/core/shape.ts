/**
 * zod -> JSON Schema 2020-12 -> Shape. zod validates, JSON Schema is what documents show, and the closed Shape union is what doors read.
 * Refuses what does not travel as JSON: transforms, dates, bigints, tuples, untagged unions of objects.
 */
import * as z from "zod"
import type { Json, JsonObject } from "./json.ts"
import { deprecationIn } from "./lifecycle.ts"

/** What a door needs to know of a type. */
export type Shape = { readonly description?: string } & (
  | { readonly type: "string"; readonly format?: string; readonly maxLength?: number }
  | { readonly type: "int32" | "safeint" | "int64" | "double" | "bool" | "instant" | "date" | "bytes" | "json" }
  | {
      readonly type: "enum"
      readonly name: string
      readonly values: readonly string[]
      /** Values that are deprecated, and why. */
      readonly deprecated?: Readonly<Record<string, string>>
    }
  | { readonly type: "object"; readonly name: string; readonly fields: readonly Field[] }
  | { readonly type: "list"; readonly item: Shape; readonly itemNullable: boolean }
  | { readonly type: "map"; readonly value: Shape }
  | {
      readonly type: "union"
      readonly name: string
      readonly tag: string
      readonly variants: readonly { readonly name: string; readonly shape: Shape }[]
    }
)

/** One property of an object. `required` and `nullable` are two questions: absent is not null. */
export interface Field {
  readonly name: string
  readonly shape: Shape
  readonly required: boolean
  readonly nullable: boolean
  readonly default?: Json
  /** Why it is deprecated, since when and until when; absent when it is not. */
  readonly deprecated?: string
}

/** A compiled type: its JSON Schema with the named types that it refers to, and its Shape. */
export interface Compiled {
  /** The schema; named types stand as `#/components/schemas/Name`. */
  readonly schema: JsonObject
  /** Every named type reachable from it. */
  readonly named: Readonly<Record<string, JsonObject>>
  readonly shape: Shape
}

type Node = { [key: string]: unknown }
const prefix = "#/components/schemas/"
const kept = { input: new WeakMap<z.ZodType, Compiled>(), output: new WeakMap<z.ZodType, Compiled>() }

/** `z.preprocess` tells what comes out of it: right for an answer, and too little for an input, which would take more than it says. */
function isPreprocess(def: { readonly in?: z.ZodType }): boolean {
  return def.in?._zod.def.type === "transform"
}

function toJsonSchema(schema: z.ZodType, where: string, side: keyof typeof kept): Node {
  try {
    return z.toJSONSchema(schema, {
      io: "input",
      unrepresentable: "throw",
      target: "draft-2020-12",
      override: ({ zodSchema, jsonSchema }) => {
        const def = zodSchema._zod.def as { type: string; format?: string; in?: z.ZodType; reverseTransform?: unknown }
        const isTold = side === "output" && isPreprocess(def)
        const oneWay = def.type === "transform" || (def.type === "pipe" && def.reverseTransform === undefined)
        if (oneWay && !isTold) throw new Error("a transform cannot be told to a client; use z.codec")
        if (def.format === "int32") jsonSchema.format = "int32"
      },
    }) as Node
  } catch (cause) {
    throw new Error(`${where}: the type does not travel as JSON: ${(cause as Error).message}`, { cause })
  }
}

function rewriteReferences(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(rewriteReferences)
  if (node === null || typeof node !== "object") return node
  const out: Node = {}
  for (const [key, value] of Object.entries(node)) {
    // `id` as text is the name given by .meta(); `id` as an object is a property called id.
    if (key === "$schema" || key === "$defs" || (key === "id" && typeof value === "string")) continue
    out[key] =
      key === "$ref" && typeof value === "string" ? value.replace("#/$defs/", prefix) : rewriteReferences(value)
  }
  return out
}

/**
 * Compiles a schema on first use and keeps it.
 * @param where names the declaration in errors
 * @param side an output may be preprocessed: what a handler answers is put into the form that is told
 */
export function compileShape(schema: z.ZodType, where: string, side: keyof typeof kept = "input"): Compiled {
  const known = kept[side].get(schema)
  if (known) return known
  const raw = toJsonSchema(schema, where, side)
  const definitions = (raw.$defs ?? {}) as Record<string, Node>
  const named: Record<string, JsonObject> = {}
  for (const [name, definition] of Object.entries(definitions)) {
    if (name.startsWith("__"))
      throw new Error(
        `${where}: a shared or recursive schema has no name; give it .meta({ id: "…" }), and for any JSON value say z.unknown()`,
      )
    named[name] = rewriteReferences(definition) as JsonObject
  }
  const rootName = typeof raw.id === "string" ? raw.id : undefined
  const root = rewriteReferences(raw) as JsonObject
  if (rootName) named[rootName] = root
  const compiled: Compiled = {
    schema: rootName ? { $ref: `${prefix}${rootName}` } : root,
    named,
    shape: shapeOf(root as Node, named, rootName ?? where, new Set()),
  }
  kept[side].set(schema, compiled)
  return compiled
}

function resolve(node: Node, named: Readonly<Record<string, JsonObject>>): { node: Node; name: string | null } {
  if (typeof node.$ref !== "string") return { node, name: null }
  const name = node.$ref.slice(prefix.length)
  return { node: (named[name] ?? {}) as Node, name }
}

function withoutNull(node: Node): { node: Node; nullable: boolean } {
  if (Array.isArray(node.type) && node.type.includes("null")) {
    const rest = node.type.filter((type) => type !== "null")
    return { node: { ...node, type: rest.length === 1 ? rest[0] : rest }, nullable: true }
  }
  const options = node.anyOf as Node[] | undefined
  if (!options?.some((option) => option.type === "null")) return { node, nullable: false }
  const rest = options.filter((option) => option.type !== "null")
  return { node: rest.length === 1 ? (rest[0] as Node) : { ...node, anyOf: rest }, nullable: true }
}

function shapeOf(
  given: Node,
  named: Readonly<Record<string, JsonObject>>,
  at: string,
  seen: ReadonlySet<string>,
): Shape {
  const { node, name } = resolve(given, named)
  if (name !== null && seen.has(name)) return { type: "json" }
  const inside = name === null ? seen : new Set([...seen, name])
  const label = name ?? at
  if (Array.isArray(node.enum)) return enumOf(node, label)
  if (node.const !== undefined) return constantOf(node.const, label)
  const options = (node.oneOf ?? node.anyOf) as Node[] | undefined
  if (options) return unionOf(options, named, label, inside)
  switch (node.type) {
    case "object":
      return objectOf(node, named, label, inside)
    case "array": {
      const item = withoutNull((node.items ?? {}) as Node)
      return { type: "list", item: shapeOf(item.node, named, `${at}Item`, inside), itemNullable: item.nullable }
    }
    case "boolean":
      return { type: "bool" }
    case "integer":
      return {
        type:
          node.format === "int32" || (node.maximum === 2147483647 && node.minimum === -2147483648)
            ? "int32"
            : "safeint",
      }
    case "number":
      return { type: "double" }
    case "string":
      return stringOf(node)
    default:
      return { type: "json" }
  }
}

function enumOf(node: Node, name: string): Shape {
  const deprecated = node["x-enum-deprecated"] as Readonly<Record<string, string>> | undefined
  const values = node.enum as string[]
  const unknown = Object.keys(deprecated ?? {}).find((value) => !values.includes(value))
  if (unknown !== undefined) throw new Error(`${name}: it has no value ${unknown}, which is said to be deprecated`)
  return { type: "enum", name, values, ...(deprecated === undefined ? {} : { deprecated }) }
}

/** One text is an enum of one; one number or boolean is of its own type, or it would go out as text. */
function constantOf(value: unknown, name: string): Shape {
  if (typeof value === "boolean") return { type: "bool" }
  if (typeof value === "number") return { type: Number.isSafeInteger(value) ? "safeint" : "double" }
  return { type: "enum", name, values: [String(value)] }
}

function stringOf(node: Node): Shape {
  if (node.format === "date-time") return { type: "instant" }
  if (node.format === "date") return { type: "date" }
  if (node.format === "int64") return { type: "int64" }
  if (node.contentEncoding === "base64" || node.format === "base64") return { type: "bytes" }
  return {
    type: "string",
    ...(typeof node.format === "string" ? { format: node.format } : {}),
    ...(typeof node.maxLength === "number" ? { maxLength: node.maxLength } : {}),
  }
}

function objectOf(
  node: Node,
  named: Readonly<Record<string, JsonObject>>,
  label: string,
  seen: ReadonlySet<string>,
): Shape {
  const properties = node.properties as Record<string, Node> | undefined
  if (!properties) {
    const value = node.additionalProperties
    return value && typeof value === "object"
      ? { type: "map", value: shapeOf(value as Node, named, `${label}Value`, seen) }
      : { type: "json" }
  }
  const required = new Set((node.required as string[] | undefined) ?? [])
  const fields = Object.entries(properties).map(([name, property]): Field => {
    const inner = withoutNull(property)
    const deprecated = deprecationIn(property)
    const replacement = property["x-replacement"]
    if (typeof replacement === "string" && !Object.hasOwn(properties, replacement))
      throw new Error(`${label}.${name}: its replacement ${replacement} does not exist`)
    return {
      name,
      shape: shapeOf(inner.node, named, `${label}${name.charAt(0).toUpperCase()}${name.slice(1)}`, seen),
      required: required.has(name),
      nullable: inner.nullable,
      ...(property.default === undefined ? {} : { default: property.default as Json }),
      ...(deprecated === undefined ? {} : { deprecated }),
    }
  })
  return { type: "object", name: label, fields }
}

function unionOf(
  options: readonly Node[],
  named: Readonly<Record<string, JsonObject>>,
  label: string,
  seen: ReadonlySet<string>,
): Shape {
  const resolved = options.map((option) => ({ option, ...resolve(option, named) }))
  const tags = resolved.map(({ node }) =>
    Object.entries((node.properties ?? {}) as Record<string, Node>)
      .filter(([, property]) => property.const !== undefined)
      .map(([key]) => key),
  )
  const tag = tags[0]?.find((key) => tags.every((keys) => keys.includes(key)))
  if (tag === undefined) return { type: "json" }
  return {
    type: "union",
    name: label,
    tag,
    variants: resolved.map(({ option, node }) => {
      const name = String(((node.properties as Record<string, Node>)[tag] as Node).const)
      return { name, shape: shapeOf(option, named, `${label}${name}`, seen) }
    }),
  }
}
