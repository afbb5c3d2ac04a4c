/**
 * Columns as zod schemas, wire first: the input side of each schema is what crosses a door. One instance a name, registered under
 * `.meta({ id })`, so that every generated document speaks of the same type.
 */
import * as z from "zod"
import type { ColumnFacts } from "./column.ts"
import { lifecycleMeta } from "./lifecycle.ts"
import { limits } from "./limits.ts"
import { lifecycleOf, type Model } from "./model.ts"
import { pascal, typeName } from "./type-name.ts"

const instantText = z.iso.datetime({ offset: true })
/** RFC 3339 in any offset; becomes UTC with milliseconds. */
export const instantCodec = z.codec(instantText, z.string(), {
  decode: (text, check) => {
    const at = new Date(text)
    if (!Number.isNaN(at.getTime()) && at.getUTCFullYear() >= 0 && at.getUTCFullYear() <= 9999) return at.toISOString()
    check.issues.push({ code: "custom", message: "No such instant", input: text })
    return z.NEVER
  },
  encode: (text) => text,
})

const int64Text = z
  .string()
  .regex(/^(0|-?[1-9][0-9]{0,18})$/, { abort: true })
  .refine((text) => BigInt.asIntN(64, BigInt(text)) === BigInt(text), { message: "Does not fit in 64 bits" })
  .meta({ format: "int64" })

/** TypeID text of one prefix (github.com/jetify-com/typeid, spec 0.3). */
export function idSchema(prefix: string): z.ZodString {
  return z
    .string()
    .regex(new RegExp(`^${prefix}_[0-7][0-9a-hjkmnp-tv-z]{25}$`))
    .meta({ description: `TypeID: ${prefix}_ and 26 base32 characters` })
}

function kindSchema(model: Model, column: ColumnFacts): z.ZodType {
  const kind = column.kind
  switch (kind.type) {
    case "id":
      return idSchema(kind.prefix)
    case "text":
      return z.string().max(kind.maxLength ?? limits.textLength)
    case "enum":
      return z.enum(kind.values as [string, ...string[]]).meta({
        id: `${typeName(model)}${pascal(column.key)}`,
        ...lifecycleMeta({ values: lifecycleOf(model, column.key)?.values ?? {} }),
      })
    case "int32":
      return z.int32()
    case "safeint":
      return z.int()
    case "int64":
      return int64Text
    case "double":
      return z.number()
    case "bool":
      return z.boolean()
    case "instant":
      return instantCodec
    case "date":
      return z.iso.date()
    case "bytes":
      return z.base64().max(Math.ceil((64 * 1024 * 4) / 3))
    case "json":
      return kind.schema ?? z.unknown()
  }
}

/** The schemas of one resource, made once and kept. */
export interface ResourceSchemas {
  /** A record as it goes out; every field may be absent (masked or not asked for) but the id. */
  readonly record: z.ZodObject
  readonly create: z.ZodObject
  readonly update: z.ZodObject
  /** Any columns of a record: what a handler may write. */
  readonly values: z.ZodObject
  /** Schema of one column's value, null excluded. */
  column(key: string): z.ZodType
}

const kept = new WeakMap<Model, ResourceSchemas>()

/** True when callers may give the column at creation. */
export function isCreatable(model: Model, key: string): boolean {
  return !(key === "id" || key === "version" || key === "createdAt" || key === "updatedAt" || model.fields[key]?.stamp)
}

/** True when callers may change the column. */
export function isUpdatable(model: Model, key: string): boolean {
  return isCreatable(model, key) && !model.fields[key]?.immutable
}

/** The schema with what is said of the field's life. What replaces it is told to programs where it stands beside it. */
function told(schema: z.ZodType, model: Model, key: string, beside: ReadonlySet<string> | null): z.ZodType {
  const { values: _, ...life } = lifecycleOf(model, key) ?? {}
  if (life.since === undefined && life.deprecated === undefined) return schema
  const { "x-replacement": replacement, ...meta } = lifecycleMeta(life)
  const isBeside = typeof replacement === "string" && beside?.has(replacement) !== false
  return schema.meta(isBeside ? { ...meta, "x-replacement": replacement } : meta)
}

function compile(model: Model): ResourceSchemas {
  const name = typeName(model)
  const single = new Map([...model.columns].map(([key, column]) => [key, kindSchema(model, column)]))
  const shapeOf = (
    columns: Iterable<readonly [string, ColumnFacts]>,
    wrap: (schema: z.ZodType, column: ColumnFacts) => z.ZodType,
    whole = false,
  ) => {
    const own = new Map(columns)
    const beside = whole ? null : new Set(own.keys())
    const schema = (key: string, column: ColumnFacts) => wrap(single.get(key) ?? z.unknown(), column)
    return Object.fromEntries([...own].map(([key, column]) => [key, told(schema(key, column), model, key, beside)]))
  }
  const nullable = (schema: z.ZodType, column: ColumnFacts) => (column.nullable ? schema.nullable() : schema)
  const related = Object.fromEntries(
    [...model.relations.keys()].map((key) => [
      key,
      told(z.unknown().optional().meta({ description: "Present when expanded" }), model, key, null),
    ]),
  )
  const computed = Object.fromEntries(
    [...model.computed].map(([key, { kind }]) => [
      key,
      told((kind === "count" ? z.int() : z.boolean()).optional() as z.ZodType, model, key, null),
    ]),
  )
  const all = [...model.columns]
  return {
    record: z
      .object({
        ...shapeOf(all, (schema, column) => (column.key === "id" ? schema : nullable(schema, column).optional()), true),
        ...computed,
        ...related,
      })
      .meta({ id: name, description: model.resource.summary ?? `A record of ${model.name}` }),
    create: z
      .strictObject(
        shapeOf(
          all.filter(([key]) => isCreatable(model, key)),
          (schema, column) => (column.nullable || column.hasDefault ? nullable(schema, column).optional() : schema),
        ),
      )
      .meta({ id: `${name}Create` }),
    update: z
      .strictObject(
        shapeOf(
          all.filter(([key]) => isUpdatable(model, key)),
          (schema, column) => nullable(schema, column).optional(),
        ),
      )
      .meta({ id: `${name}Update` }),
    values: z.object(
      shapeOf(
        all.filter(([key]) => key !== "id"),
        (schema, column) => nullable(schema, column).optional(),
      ),
    ),
    column: (key) => single.get(key) ?? z.unknown(),
  }
}

/** The schemas of a resource. Compiled on first use, one instance a model. */
export function schemasOf(model: Model): ResourceSchemas {
  let schemas = kept.get(model)
  if (!schemas) kept.set(model, (schemas = compile(model)))
  return schemas
}
