/** Description and lock -> the text of a .proto file, for those who generate code. Type names are fully qualified: a method may shadow a message. */
import { deprecationText } from "../../core/deprecation.ts"
import type { ProtoLock } from "../../core/proto-lock.ts"
import { pascal } from "../../core/type-name.ts"
import type { Description, FieldType, MessageField } from "./messages.ts"
import { enumValueName } from "./names.ts"

function typeText(type: FieldType): string {
  return type.kind === "map" ? `map<string, ${typeText(type.value)}>` : type.name
}

/** `dueAt` for `due_at` goes without saying; another name is said. */
function jsonName({ name, json }: MessageField): string {
  const usual = name.split("_").map((word, n) => (n === 0 ? word : pascal(word)))
  return usual.join("") === json ? "" : ` [json_name = "${json}"]`
}

function fieldText(field: MessageField, number: number): string {
  const { type, repeated, variant, name } = field
  const label = repeated ? "repeated " : variant || type.kind === "map" || type.kind === "message" ? "" : "optional "
  return `${label}${typeText(type)} ${name} = ${number}${jsonName(field)};`
}

function reservedText(reserved: Readonly<Record<string, number>>): string[] {
  const numbers = Object.values(reserved)
  return numbers.length === 0 ? [] : [`  reserved ${numbers.join(", ")};`]
}

function messageText(name: string, fields: readonly MessageField[], lock: ProtoLock): string {
  const locked = lock.messages[name]
  const lines = fields.map((field) => fieldText(field, locked?.fields[field.name]?.number ?? 0))
  const isUnion = fields.some(({ variant }) => variant)
  const body = isUnion
    ? ["  oneof variant {", ...lines.map((line) => `    ${line}`), "  }"]
    : lines.map((line) => `  ${line}`)
  const all = [...body, ...reservedText(locked?.reserved ?? {})]
  return all.length === 0 ? `message ${name} {}` : `message ${name} {\n${all.join("\n")}\n}`
}

function enumText(name: string, values: readonly string[], lock: ProtoLock): string {
  const locked = lock.enums[name]
  const lines = values.map((value) => `  ${enumValueName(name, value)} = ${locked?.values[value] ?? 0};`)
  return `enum ${name} {\n  ${enumValueName(name, null)} = 0;\n${[...lines, ...reservedText(locked?.reserved ?? {})].join("\n")}\n}`
}

function serviceText(description: Description, name: string): string {
  const qualified = (message: string) => `.${description.package}.${message}`
  const methods = (description.services.get(name) ?? []).map(({ name: own, operation, input, output }) => {
    const stream = operation.kind === "subscription" ? "stream " : ""
    const said = [
      ...(operation.kind === "query" ? ["idempotency_level = NO_SIDE_EFFECTS"] : []),
      ...(operation.deprecated ? ["deprecated = true"] : []),
    ]
    const options = said.length === 0 ? ";" : ` {\n${said.map((one) => `    option ${one};\n`).join("")}  }`
    const notes = [operation.summary, operation.deprecated && deprecationText(operation.deprecated)]
    const note = notes.map((one) => (one === undefined ? "" : `  // ${one}\n`)).join("")
    return `${note}  rpc ${own}(${qualified(input)}) returns (${stream}${qualified(output)})${options}`
  })
  return `service ${name} {\n${methods.join("\n")}\n}`
}

/** The text of the file. */
export function protoText(description: Description, lock: ProtoLock): string {
  const head = [
    "// Generated from the declarations: npm run artefacts.",
    'syntax = "proto3";',
    "",
    `package ${description.package};`,
    "",
    'import "google/protobuf/field_mask.proto";',
    'import "google/protobuf/struct.proto";',
    'import "google/protobuf/timestamp.proto";',
  ]
  const parts = [
    head.join("\n"),
    ...[...description.services.keys()].map((name) => serviceText(description, name)),
    ...[...description.messages].map(([name, fields]) => messageText(name, fields, lock)),
    ...[...description.enums].map(([name, values]) => enumText(name, values, lock)),
  ]
  return `${parts.join("\n\n")}\n`
}
