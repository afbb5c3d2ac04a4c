/** Connect and gRPC-Web by connect-web, with the descriptors that are served: protobuf-es reads and writes every message. */
import {
  createFileRegistry,
  type DescMessage,
  type FileRegistry,
  fromBinary,
  fromJson,
  type JsonValue,
  toJson,
} from "@bufbuild/protobuf"
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt"
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect"
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web"
import { methodName, serviceName } from "../../../src/api/grpc/names.ts"
import type { Json, JsonObject } from "../../../src/core/json.ts"
import type { CompiledOperation } from "../../../src/core/registry.ts"
import type { Shape } from "../../../src/core/shape.ts"
import { type DoorClient, type Ending, headersOf, patienceMs, toldIn } from "./door.ts"

/** The name of a value: numbers begin with 1 in the order of the declaration, since nothing of the suite was ever released. */
function enumText(desc: DescMessage, field: string, shape: Shape, value: string): string {
  const found = desc.fields.find(({ jsonName }) => jsonName === field)
  if (shape.type !== "enum" || !found?.enum) return value
  return found.enum.values.find(({ number }) => number === shape.values.indexOf(value) + 1)?.name ?? value
}

function enumWire(desc: DescMessage, field: string, shape: Shape, name: string): string {
  const found = desc.fields.find(({ jsonName }) => jsonName === field)
  const number = found?.enum?.values.find((one) => one.name === name)?.number ?? 0
  return shape.type === "enum" ? (shape.values[number - 1] ?? name) : name
}

const messageOf = (desc: DescMessage, field: string): DescMessage =>
  desc.fields.find(({ jsonName }) => jsonName === field)?.message as DescMessage

/** The value of one field as ProtoJSON. `desc` is the message that the field stands in. */
function encoded(desc: DescMessage, field: string, shape: Shape, value: Json): JsonValue {
  const inner = () => messageOf(desc, field)
  switch (shape.type) {
    case "safeint":
      return String(value)
    case "enum":
      return enumText(desc, field, shape, String(value))
    case "object":
      return objectEncoded(inner(), shape, value as JsonObject)
    case "list":
      return (value as readonly Json[]).map((item) => {
        if (shape.itemNullable) return item === null ? {} : { value: encoded(inner(), "value", shape.item, item) }
        return shape.item.type === "list"
          ? { items: encoded(inner(), "items", shape.item, item) }
          : encoded(desc, field, shape.item, item)
      })
    case "map":
      return Object.fromEntries(
        Object.entries(value as JsonObject).map(([key, held]) => [
          key,
          encoded(desc, field, shape.value, held as Json),
        ]),
      )
    case "union": {
      const { [shape.tag]: tag, ...rest } = value as Record<string, Json>
      const variant = shape.variants.find(({ name }) => name === tag)
      return variant ? { [variant.name]: objectEncoded(messageOf(inner(), variant.name), variant.shape, rest) } : {}
    }
    default:
      return value as JsonValue
  }
}

function objectEncoded(desc: DescMessage, shape: Shape, value: JsonObject): JsonValue {
  if (shape.type !== "object") return value as JsonValue
  const out: Record<string, JsonValue> = {}
  const nulls: string[] = []
  for (const { name, shape: own } of shape.fields) {
    const held = value[name] as Json | undefined
    if (held === undefined) continue
    if (held === null && own.type !== "json") nulls.push(name)
    else out[name] = encoded(desc, name, own, held)
  }
  return nulls.length === 0 ? out : { ...out, updateMask: nulls.join(",") }
}

/** What ProtoJSON says of one field -> wire JSON. */
function decoded(desc: DescMessage, field: string, shape: Shape, value: JsonValue): Json {
  const inner = () => messageOf(desc, field)
  switch (shape.type) {
    case "safeint":
      return Number(value)
    case "enum":
      return enumWire(desc, field, shape, String(value))
    case "instant":
      return new Date(String(value)).toISOString()
    case "object":
      return objectDecoded(inner(), shape, value as Record<string, JsonValue>)
    case "list":
      return (value as JsonValue[]).map((item) => {
        const held = item as Record<string, JsonValue>
        if (shape.itemNullable)
          return held.value === undefined ? null : decoded(inner(), "value", shape.item, held.value)
        return shape.item.type === "list"
          ? decoded(inner(), "items", shape.item, held.items ?? [])
          : decoded(desc, field, shape.item, item)
      })
    case "map":
      return Object.fromEntries(
        Object.entries(value as object).map(([key, held]) => [key, decoded(desc, field, shape.value, held)]),
      )
    case "union": {
      const [chosen] = Object.entries(value as Record<string, JsonValue>)
      const variant = shape.variants.find(({ name }) => name === chosen?.[0])
      if (!chosen || !variant) return {}
      const own = objectDecoded(messageOf(inner(), variant.name), variant.shape, chosen[1] as never) as JsonObject
      return { ...own, [shape.tag]: variant.name } as Json
    }
    default:
      return value as Json
  }
}

function objectDecoded(desc: DescMessage, shape: Shape, value: Record<string, JsonValue>): Json {
  if (shape.type !== "object") return value as Json
  const out: Record<string, Json> = {}
  for (const { name, shape: own } of shape.fields)
    if (value[name] !== undefined) out[name] = decoded(desc, name, own, value[name])
  return out
}

/** Names of codes: `InvalidArgument` -> `INVALID_ARGUMENT`; gRPC spells one otherwise. */
const codeText = (code: Code) =>
  Code[code]
    .replaceAll(/(?<=[a-z])([A-Z])/g, "_$1")
    .toUpperCase()
    .replace(/^CANCELED$/, "CANCELLED")

function refusal(thrown: unknown, linked: FileRegistry): Ending {
  const error = ConnectError.from(thrown)
  const detail = (name: string) => {
    const desc = linked.getMessage(`google.rpc.${name}`) as DescMessage
    const [found] = error.findDetails(desc)
    return found ? (toJson(desc, found, { registry: linked }) as Record<string, never>) : null
  }
  const faults = (detail("BadRequest")?.fieldViolations ?? []) as { field: string; reason: string }[]
  const told = toldIn(error.metadata)
  const wait = detail("RetryInfo") as { retryDelay?: { seconds?: string } } | null
  return {
    code: codeText(error.code),
    detail: error.rawMessage,
    violations: faults.map(({ field, reason }) => ({ path: field ?? "", code: reason })),
    told: {
      ...told,
      requestId: (detail("ErrorInfo") as { metadata?: { requestId?: string } } | null)?.metadata?.requestId ?? null,
      retryAfter: wait?.retryDelay?.seconds === undefined ? null : Number(wait.retryDelay.seconds),
    },
  }
}

async function linkedAt(origin: string): Promise<FileRegistry> {
  const bytes = new Uint8Array(await (await fetch(`${origin}/api.binpb`)).arrayBuffer())
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes))
}

type Unary = (input: object, options: object) => Promise<object>

/** A client over a transport. */
async function clientOver(name: "connect" | "grpc-web", origin: string, transport: Transport): Promise<DoorClient> {
  const linked = await linkedAt(origin)
  const methodOf = (operation: CompiledOperation) => {
    const service = linked.getService(`workspace.v1.${serviceName(operation)}`)
    const method = service?.methods.find((one) => one.name === methodName(operation))
    if (!service || !method) throw new Error(`The descriptors have no method for ${operation.name}`)
    return { service, method }
  }
  return {
    name,
    isExact: false,
    serves: ({ kind }) => kind !== "subscription",
    async call(call): Promise<Ending> {
      const { operation, input } = call
      const { service, method } = methodOf(operation)
      const client = createClient(service, transport) as unknown as Record<string, Unary>
      const json = objectEncoded(method.input, operation.inputType.shape, input)
      const message = fromJson(method.input, json, { registry: linked })
      let headers = new Headers()
      const options = {
        headers: headersOf(call),
        timeoutMs: patienceMs,
        onHeader: (given: Headers) => {
          headers = given
        },
      }
      try {
        const answer = await client[method.localName]?.(message, options)
        const given = toJson(method.output, answer as never, { registry: linked }) as Record<string, JsonValue>
        const { shape } = operation.outputType
        const value =
          shape.type === "object"
            ? objectDecoded(method.output, shape, given)
            : given.result === undefined
              ? null
              : decoded(method.output, "result", shape, given.result)
        return { code: "OK", value, told: toldIn(headers) }
      } catch (thrown) {
        return refusal(thrown, linked)
      }
    },
    close: async () => undefined,
  }
}

/** Connect, in JSON. */
export const connectClient = (origin: string): Promise<DoorClient> =>
  clientOver("connect", origin, createConnectTransport({ baseUrl: origin, fetch, useBinaryFormat: false }))

/** gRPC-Web, in binary. */
export const grpcWebClient = (origin: string): Promise<DoorClient> =>
  clientOver("grpc-web", origin, createGrpcWebTransport({ baseUrl: origin, fetch, useBinaryFormat: true }))
