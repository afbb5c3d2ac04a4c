/**
 * What a change of the Protocol Buffers file breaks: in bytes (numbers, types), in JSON (names), and in generated code (services, methods). The
 * documents compared are the file's descriptor in ProtoJSON.
 */
import { fromJsonString } from "@bufbuild/protobuf"
import { type DescriptorProto, type FieldDescriptorProto, FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt"

const typeOf = ({ type, typeName }: FieldDescriptorProto) => `${type} ${typeName}`
const isList = ({ label }: FieldDescriptorProto) => label === 3

function* messageBreaks(old: DescriptorProto, now: DescriptorProto): Generator<string> {
  const byNumber = new Map(now.field.map((field) => [field.number, field]))
  for (const field of old.field) {
    const at = `${old.name}.${field.name}`
    const other = byNumber.get(field.number)
    if (!other) {
      yield `${at}: is gone`
      continue
    }
    if (other.name !== field.name || other.jsonName !== field.jsonName) yield `${at}: is called ${other.name}`
    if (typeOf(other) !== typeOf(field)) yield `${at}: has another type`
    if (isList(other) !== isList(field)) yield `${at}: is ${isList(other) ? "a list" : "no list"} now`
    if (field.oneofIndex !== other.oneofIndex && !field.proto3Optional && !other.proto3Optional)
      yield `${at}: is ${other.oneofIndex === undefined ? "no variant" : "a variant"} now`
  }
  const nested = new Map(now.nestedType.map((one) => [one.name, one]))
  for (const one of old.nestedType) {
    const other = nested.get(one.name)
    if (other) yield* messageBreaks(one, other)
    else yield `${old.name}.${one.name}: is gone`
  }
}

/** What breaks between two descriptors of a file, in ProtoJSON. */
export function protoBreaks(before: string, after: string): readonly string[] {
  const old = fromJsonString(FileDescriptorProtoSchema, before)
  const now = fromJsonString(FileDescriptorProtoSchema, after)
  const told: string[] = old.package === now.package ? [] : [`package ${old.package}: is ${now.package}`]
  const messages = new Map(now.messageType.map((one) => [one.name, one]))
  for (const message of old.messageType) {
    const other = messages.get(message.name)
    if (other) told.push(...messageBreaks(message, other))
    else told.push(`${message.name}: is gone`)
  }
  const enums = new Map(now.enumType.map((one) => [one.name, new Map(one.value.map((value) => [value.number, value]))]))
  for (const { name, value: values } of old.enumType) {
    const others = enums.get(name)
    if (!others) told.push(`${name}: is gone`)
    for (const value of others ? values : []) {
      const other = others?.get(value.number)
      if (other?.name !== value.name) told.push(`${name}.${value.name}: is ${other ? `called ${other.name}` : "gone"}`)
    }
  }
  const services = new Map(now.service.map(({ name, method }) => [name, new Map(method.map((one) => [one.name, one]))]))
  for (const { name, method: methods } of old.service)
    for (const method of methods) {
      const other = services.get(name)?.get(method.name)
      const at = `${name}/${method.name}`
      if (!other) {
        told.push(`${at}: is gone`)
        continue
      }
      if (other.inputType !== method.inputType)
        told.push(`${at}: takes ${other.inputType} instead of ${method.inputType}`)
      if (other.outputType !== method.outputType)
        told.push(`${at}: answers ${other.outputType} instead of ${method.outputType}`)
      if (other.serverStreaming !== method.serverStreaming)
        told.push(`${at}: ${other.serverStreaming ? "streams" : "streams no longer"}`)
      if (method.options?.idempotencyLevel === 1 && other.options?.idempotencyLevel !== 1)
        told.push(`${at}: is no longer without side effects, so it cannot be called with GET`)
    }
  return told
}
