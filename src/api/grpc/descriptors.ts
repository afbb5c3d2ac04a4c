/** Description and lock -> descriptors, built at run time: no code is generated. */
import { create, createFileRegistry, type DescMessage, type FileRegistry } from "@bufbuild/protobuf"
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  EnumDescriptorProtoSchema,
  FieldDescriptorProtoSchema,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  type FileDescriptorSet,
  FileDescriptorSetSchema,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  MethodOptions_IdempotencyLevel as Idempotency,
  FieldDescriptorProto_Label as Label,
  ServiceDescriptorProtoSchema,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt"
import type { ProtoLock } from "../../core/proto-lock.ts"
import { pascal } from "../../core/type-name.ts"
import { errorDetailsFile } from "./error-details.ts"
import { driftOf } from "./lock.ts"
import type { Description, FieldType, MessageField, Method } from "./messages.ts"
import { enumValueName } from "./names.ts"

const scalarTypes = {
  string: Type.STRING,
  int32: Type.INT32,
  int64: Type.INT64,
  double: Type.DOUBLE,
  bool: Type.BOOL,
  bytes: Type.BYTES,
} as const

function typeOf(type: Exclude<FieldType, { kind: "map" }>) {
  if (type.kind === "scalar") return { type: scalarTypes[type.name] }
  return { type: type.kind === "enum" ? Type.ENUM : Type.MESSAGE, typeName: type.name }
}

/** The message that Protocol Buffers has for an entry of a map. */
function entryOf(name: string, value: Exclude<FieldType, { kind: "map" }>): DescriptorProto {
  const field = (own: string, number: number, type: ReturnType<typeof typeOf>) =>
    create(FieldDescriptorProtoSchema, { name: own, jsonName: own, number, label: Label.OPTIONAL, ...type })
  return create(DescriptorProtoSchema, {
    name,
    field: [field("key", 1, { type: Type.STRING }), field("value", 2, typeOf(value))],
    options: { mapEntry: true },
  })
}

function messageOf(qualified: string, name: string, fields: readonly MessageField[], lock: ProtoLock): DescriptorProto {
  const numbers = lock.messages[name]?.fields ?? {}
  const nested: DescriptorProto[] = []
  const isUnion = fields.some((field) => field.variant)
  const oneofs = isUnion ? ["variant"] : []
  const made = fields.map((field) => {
    const common = { name: field.name, jsonName: field.json, number: numbers[field.name]?.number ?? 0 }
    if (field.type.kind === "map") {
      const entry = `${field.name.split("_").map(pascal).join("")}Entry`
      nested.push(entryOf(entry, field.type.value))
      return create(FieldDescriptorProtoSchema, {
        ...common,
        label: Label.REPEATED,
        type: Type.MESSAGE,
        typeName: `${qualified}.${entry}`,
      })
    }
    const type = typeOf(field.type)
    if (field.repeated) return create(FieldDescriptorProtoSchema, { ...common, label: Label.REPEATED, ...type })
    if (field.variant)
      return create(FieldDescriptorProtoSchema, { ...common, label: Label.OPTIONAL, ...type, oneofIndex: 0 })
    // Presence of a message needs no oneof of its own.
    if (field.type.kind === "message")
      return create(FieldDescriptorProtoSchema, { ...common, label: Label.OPTIONAL, ...type })
    oneofs.push(`_${field.name}`)
    return create(FieldDescriptorProtoSchema, {
      ...common,
      label: Label.OPTIONAL,
      ...type,
      proto3Optional: true,
      oneofIndex: oneofs.length - 1,
    })
  })
  const reserved = Object.values(lock.messages[name]?.reserved ?? {})
  return create(DescriptorProtoSchema, {
    name,
    field: made,
    nestedType: nested,
    oneofDecl: oneofs.map((own) => ({ name: own })),
    reservedRange: reserved.map((number) => ({ start: number, end: number + 1 })),
  })
}

function serviceOf(name: string, methods: readonly Method[], qualified: (own: string) => string) {
  return create(ServiceDescriptorProtoSchema, {
    name,
    method: methods.map(({ name: own, operation, input, output }) => ({
      name: own,
      inputType: qualified(input),
      outputType: qualified(output),
      serverStreaming: operation.kind === "subscription",
      options: {
        ...(operation.kind === "query" ? { idempotencyLevel: Idempotency.NO_SIDE_EFFECTS } : {}),
        ...(operation.deprecated ? { deprecated: true } : {}),
      },
    })),
  })
}

/**
 * The file of a description.
 * @throws Error when the lock does not know all of it, or knows a field otherwise
 */
export function fileOf(description: Description, lock: ProtoLock): FileDescriptorProto {
  const drift = driftOf(lock, description)
  if (drift.length > 0)
    throw new Error(
      `proto.lock.json is behind the declarations: ${drift.slice(0, 5).join("; ")}. Run: npm run artefacts`,
    )
  const qualified = (name: string) => `.${description.package}.${name}`
  return create(FileDescriptorProtoSchema, {
    name: `${description.package.replaceAll(".", "/")}/api.proto`,
    package: description.package,
    syntax: "proto3",
    dependency: ["google/protobuf/timestamp.proto", "google/protobuf/struct.proto", "google/protobuf/field_mask.proto"],
    messageType: [...description.messages].map(([name, fields]) => messageOf(qualified(name), name, fields, lock)),
    enumType: [...description.enums].map(([name, values]) =>
      create(EnumDescriptorProtoSchema, {
        name,
        value: [
          { name: enumValueName(name, null), number: 0 },
          ...values.map((value) => ({
            name: enumValueName(name, value),
            number: lock.enums[name]?.values[value] ?? 0,
          })),
        ],
      }),
    ),
    service: [...description.services].map(([name, methods]) => serviceOf(name, methods, qualified)),
  })
}

const wellKnown = [file_google_protobuf_timestamp, file_google_protobuf_struct, file_google_protobuf_field_mask]

/** The file with all that it needs, dependencies first, for tools that take a descriptor set. */
export function descriptorSetOf(file: FileDescriptorProto): FileDescriptorSet {
  return create(FileDescriptorSetSchema, { file: [...wellKnown.map(({ proto }) => proto), errorDetailsFile, file] })
}

/** The descriptors, linked. */
export function registryOf(file: FileDescriptorProto): FileRegistry {
  return createFileRegistry(descriptorSetOf(file))
}

/** A message of a registry; throws when there is none of that name. */
export function messageIn(registry: FileRegistry, name: string): DescMessage {
  const found = registry.getMessage(name)
  if (!found) throw new Error(`No message is named ${name}`)
  return found
}
