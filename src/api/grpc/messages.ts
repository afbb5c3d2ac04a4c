/**
 * Shapes as messages, without their numbers: those are the lock's. Every singular field has presence, so that what is absent is not mistaken for zero;
 * a null going in is a path in `update_mask`, one going out is absence.
 */
import type { CompiledOperation, Registry } from "../../core/registry.ts"
import type { Field, Shape } from "../../core/shape.ts"
import { packageOf, pascal, snake } from "../../core/type-name.ts"
import { enumValueName, messageName, methodName, serviceName } from "./names.ts"

/** The type of a field. `name` is fully qualified, with a dot before it. */
export type FieldType =
  | { readonly kind: "scalar"; readonly name: "string" | "int32" | "int64" | "double" | "bool" | "bytes" }
  | { readonly kind: "message" | "enum"; readonly name: string }
  | { readonly kind: "map"; readonly value: Exclude<FieldType, { kind: "map" }> }

/** A field without its number. */
export interface MessageField {
  /** As the lock and the .proto have it. */
  readonly name: string
  /** The property's name: what ProtoJSON calls the field. */
  readonly json: string
  readonly type: FieldType
  readonly repeated: boolean
  /** One of a union's variants. */
  readonly variant: boolean
  readonly deprecated?: true
}

/** A method of a service. */
export interface Method {
  readonly name: string
  readonly operation: CompiledOperation
  /** Names of messages, within the package. */
  readonly input: string
  readonly output: string
  /** The output stands in `result`, since it is no object. */
  readonly wrapped: boolean
}

/** All that is to be described. */
export interface Description {
  readonly package: string
  readonly messages: ReadonlyMap<string, readonly MessageField[]>
  /** Values by name of the enum. */
  readonly enums: ReadonlyMap<string, readonly string[]>
  /** Values that are deprecated, by name of the enum. */
  readonly deprecatedValues: ReadonlyMap<string, ReadonlySet<string>>
  readonly services: ReadonlyMap<string, readonly Method[]>
}

const scalars: Partial<Record<Shape["type"], Extract<FieldType, { kind: "scalar" }>["name"]>> = {
  string: "string",
  int32: "int32",
  safeint: "int64",
  int64: "int64",
  double: "double",
  bool: "bool",
  date: "string",
  bytes: "bytes",
}

/** The field of an input that says which of its absent fields are null. */
export const maskField = "updateMask"

/** What a watch tells, one at a time. */
const toldFields = (record: FieldType): readonly MessageField[] => [
  plain("kind", { kind: "scalar", name: "string" }),
  plain("sequence", { kind: "scalar", name: "int64" }),
  plain("record", record),
  plain("id", { kind: "scalar", name: "string" }),
  plain("reason", { kind: "scalar", name: "string" }),
]

function plain(json: string, type: FieldType, repeated = false): MessageField {
  return { name: snake(json), json, type, repeated, variant: false }
}

/** Names of the objects that stand in a shape, itself among them. */
function* objectsIn(shape: Shape): Generator<string> {
  if (shape.type === "list") yield* objectsIn(shape.item)
  if (shape.type === "map") yield* objectsIn(shape.value)
  if (shape.type === "union") for (const variant of shape.variants) yield* objectsIn(variant.shape)
  if (shape.type !== "object") return
  yield messageName(shape.name)
  for (const field of shape.fields) yield* objectsIn(field.shape)
}

/** Collects the messages that shapes need. */
class Collector {
  readonly messages = new Map<string, readonly MessageField[]>()
  readonly enums = new Map<string, readonly string[]>()
  readonly deprecatedValues = new Map<string, ReadonlySet<string>>()
  readonly #package: string
  /** Messages that can stand in an input: only there something can be said to become null. */
  readonly #inputs: ReadonlySet<string>

  constructor(name: string, operations: Iterable<CompiledOperation>) {
    this.#package = name
    const inputs = new Set<string>()
    for (const operation of operations) {
      inputs.add(requestName(operation))
      for (const one of objectsIn(operation.inputType.shape)) inputs.add(one)
    }
    this.#inputs = inputs
  }

  qualified(name: string): string {
    return `.${this.#package}.${name}`
  }

  #declare(name: string, fields: () => readonly MessageField[]): FieldType & { kind: "message" } {
    if (!this.messages.has(name)) {
      this.messages.set(name, [])
      this.messages.set(name, fields())
    }
    return { kind: "message", name: this.qualified(name) }
  }

  /** The type of a value that stands alone, not in a list. */
  type(shape: Shape): Exclude<FieldType, { kind: "map" }> {
    switch (shape.type) {
      case "object":
        return this.object(messageName(shape.name), shape.fields)
      case "enum": {
        const name = messageName(shape.name)
        this.enums.set(name, shape.values)
        if (shape.deprecated) this.deprecatedValues.set(name, new Set(Object.keys(shape.deprecated)))
        return { kind: "enum", name: this.qualified(name) }
      }
      case "union":
        return this.#declare(messageName(shape.name), () =>
          shape.variants.map((one) => ({ ...plain(one.name, this.type(one.shape)), variant: true })),
        )
      case "list": {
        const item = this.type(shape.item)
        return this.#declare(`${shortName(item)}List`, () => [plain("items", item, true)])
      }
      case "map": {
        const value = this.type(shape.value)
        return this.#declare(`${shortName(value)}Map`, () => [plain("entries", { kind: "map", value })])
      }
      case "instant":
        return { kind: "message", name: ".google.protobuf.Timestamp" }
      case "json":
        return { kind: "message", name: ".google.protobuf.Value" }
      default:
        return { kind: "scalar", name: scalars[shape.type] ?? "string" }
    }
  }

  /** A list may hold null only inside a message of its own. */
  #itemType(shape: Extract<Shape, { type: "list" }>): Exclude<FieldType, { kind: "map" }> {
    const item = this.type(shape.item)
    if (!shape.itemNullable) return item
    return this.#declare(`${shortName(item)}OrNull`, () => [plain("value", item)])
  }

  field(field: Field): MessageField {
    const made = this.#fieldOf(field)
    return field.deprecated === undefined ? made : { ...made, deprecated: true }
  }

  #fieldOf({ name, shape }: Field): MessageField {
    if (shape.type === "list") return plain(name, this.#itemType(shape), true)
    if (shape.type === "map") return plain(name, { kind: "map", value: this.type(shape.value) })
    return plain(name, this.type(shape))
  }

  object(name: string, fields: readonly Field[]): FieldType & { kind: "message" } {
    return this.#declare(name, () => {
      const own = fields.map((field) => this.field(field))
      const masked = this.#inputs.has(name) && fields.some(({ nullable }) => nullable)
      return masked ? [...own, plain(maskField, { kind: "message", name: ".google.protobuf.FieldMask" })] : own
    })
  }

  input(operation: CompiledOperation): string {
    const { shape } = operation.inputType
    const own = requestName(operation)
    this.object(own, shape.type === "object" ? shape.fields : [])
    return own
  }

  output(operation: CompiledOperation): { readonly name: string; readonly wrapped: boolean } {
    const { shape } = operation.outputType
    if (operation.kind === "subscription") {
      const name = `${methodName(operation)}Response`
      this.#declare(name, () => toldFields(this.type(shape)))
      return { name, wrapped: false }
    }
    if (shape.type === "object") return { name: shortName(this.type(shape)), wrapped: false }
    const name = `${messageName(operation.name)}Response`
    this.#declare(name, () => [this.field({ name: "result", shape, required: true, nullable: false })])
    return { name, wrapped: true }
  }
}

/** The message that a method takes. */
function requestName(operation: CompiledOperation): string {
  return `${operation.standard ? methodName(operation) : messageName(operation.name)}Request`
}

/** `.workspace.v1.Task` -> `Task`, `int32` -> `Int32`. */
function shortName(type: FieldType): string {
  if (type.kind === "map") return "Map"
  return pascal(type.name.slice(type.name.lastIndexOf(".") + 1))
}

/** Describes a registry: every operation a method, its noun the service. */
export function describe(registry: Registry): Description {
  const name = packageOf(registry.title)
  const collector = new Collector(name, registry.operations.values())
  const services = new Map<string, Method[]>()
  for (const operation of registry.operations.values()) {
    const service = serviceName(operation)
    const input = collector.input(operation)
    const { name: output, wrapped } = collector.output(operation)
    const method = { name: methodName(operation), operation, input, output, wrapped }
    const methods = services.get(service)
    if (methods?.some((other) => other.name === method.name))
      throw new Error(`${operation.name} and another operation are both ${service}/${method.name}; rename one`)
    if (methods) methods.push(method)
    else services.set(service, [method])
  }
  for (const [type, values] of collector.enums) {
    const names = values.map((value) => enumValueName(type, value))
    const twice = names.find((one, n) => names.indexOf(one) !== n)
    if (twice !== undefined) throw new Error(`Two values of ${type} are both ${twice} in Protocol Buffers; rename one`)
  }
  const { messages, enums, deprecatedValues } = collector
  return { package: name, messages, enums, deprecatedValues, services }
}
