/** SOAP 1.1 by npm's `soap`, which builds its client from the WSDL. */
import { type Client, createClientAsync } from "soap"
import { elementName } from "../../../src/api/soap/names.ts"
import type { Json, JsonObject } from "../../../src/core/json.ts"
import type { Field, Shape } from "../../../src/core/shape.ts"
import { type DoorClient, type Ending, headersOf, patienceMs, toldIn } from "./door.ts"

// biome-ignore lint/suspicious/noExplicitAny: what the client made of an element
type Element = any

const nil = { attributes: { "xsi:nil": "true" } }

/** Wire JSON -> what the client writes as elements. */
function element(shape: Shape, value: Json): Element {
  if (value === null && shape.type !== "json") return nil
  switch (shape.type) {
    case "object":
      return fields(shape.fields, value as JsonObject)
    case "list":
      return { item: (value as readonly Json[]).map((item) => element(shape.item, item)) }
    case "map":
      return {
        entry: Object.entries(value as JsonObject).map(([key, held]) => ({
          key,
          value: element(shape.value, held as Json),
        })),
      }
    case "union": {
      const tag = (value as JsonObject)[shape.tag]
      const variant = shape.variants.find(({ name }) => name === tag)
      if (variant?.shape.type !== "object") throw new Error(`No variant is called ${String(tag)}`)
      return { [variant.name]: fields(variant.shape.fields, value as JsonObject) }
    }
    case "json":
      return JSON.stringify(value)
    default:
      return value
  }
}

function fields(all: readonly Field[], value: JsonObject): Element {
  const out: Record<string, Element> = {}
  for (const { name, shape } of all) {
    const held = value[name] as Json | undefined
    if (held === undefined) continue
    out[name] =
      shape.type === "list" && Array.isArray(held)
        ? held.map((item) => element(shape.item, item))
        : element(shape, held)
  }
  return out
}

const many = (given: Element): readonly Element[] =>
  given === undefined || given === null ? [] : Array.isArray(given) ? given : [given]

/** The client gives null for an element that is empty as for one that is nil: which it was, the schema says. */
function unless(nullable: boolean, shape: Shape, given: Element): Element {
  if (given !== null && given !== undefined) return given
  if (nullable) return null
  return shape.type === "bytes" || shape.type === "string" ? "" : {}
}

/** What the client made of an element -> wire JSON. */
function decoded(shape: Shape, given: Element): Json {
  if (given === null || given === undefined) return null
  switch (shape.type) {
    case "object":
      return objectDecoded(shape.fields, given)
    case "list":
      return items(shape, given.item)
    case "map":
      return Object.fromEntries(
        many(given.entry).map(({ key, value }) => [key, decoded(shape.value, unless(false, shape.value, value))]),
      )
    case "union": {
      const [chosen] = Object.entries(given as object)
      const variant = shape.variants.find(({ name }) => name === chosen?.[0])
      return variant ? { ...(decoded(variant.shape, chosen?.[1]) as object), [shape.tag]: variant.name } : {}
    }
    case "json":
      return JSON.parse(given) as Json
    case "safeint":
      return Number(given)
    default:
      return given
  }
}

function items({ item: shape, itemNullable }: Extract<Shape, { type: "list" }>, given: Element): Json {
  return many(given).map((item) => decoded(shape, unless(itemNullable, shape, item)))
}

function objectDecoded(all: readonly Field[], given: Element): Json {
  const out: Record<string, Json> = {}
  for (const { name, shape, nullable } of all) {
    if (given[name] === undefined) continue
    if (shape.type !== "list") out[name] = decoded(shape, unless(nullable, shape, given[name]))
    // The null of a list is an element that is nil.
    else if (given[name] !== null) out[name] = items(shape, given[name])
  }
  return out
}

const asText = (text: string) => text
/** The client's own reading of these loses digits, zones or both. */
const customDeserializer = { long: asText, dateTime: asText, date: asText, base64Binary: asText }

interface Fault {
  readonly response?: { readonly headers: Record<string, string>; readonly status: number }
  readonly root?: { readonly Envelope: { readonly Body: { readonly Fault: Element } } }
}

function refusal(fault: Fault): Ending {
  const problem = fault.root?.Envelope.Body.Fault.detail?.Problem
  if (!problem) throw fault
  return {
    code: problem.code,
    detail: problem.detail,
    violations: many(problem.violations).map(({ path, code }) => ({ path: path ?? "", code })),
    told: toldIn(new Headers(fault.response?.headers)),
  }
}

type Method = (
  input: object,
  done: (fault: Fault | null, result: Element) => void,
  options: object,
  headers: object,
) => void

/** The client. */
export async function soapClient(origin: string): Promise<DoorClient> {
  const client: Client = await createClientAsync(`${origin}/soap?wsdl`, {
    customDeserializer,
    preserveWhitespace: true,
    handleNilAsNull: true,
  })
  const port = (client as unknown as Record<string, Record<string, Record<string, Method>>>).Api?.Soap11 ?? {}
  return {
    name: "soap",
    isExact: false,
    serves: ({ kind }) => kind !== "subscription",
    call(call) {
      const { operation, input } = call
      const shape = operation.inputType.shape
      const method = port[elementName(operation.name)]
      if (!method) throw new Error(`The WSDL has no operation for ${operation.name}`)
      const given = shape.type === "object" ? fields(shape.fields, input) : input
      return new Promise<Ending>((resolve, reject) => {
        const done = (fault: Fault | null, result: Element) => {
          try {
            if (fault) return resolve(refusal(fault))
            const told = toldIn(new Headers(client.lastResponseHeaders as Record<string, string>))
            const output = operation.outputType.shape
            const held = result?.result
            const value = output.type === "list" ? items(output, held) : decoded(output, unless(false, output, held))
            resolve({ code: "OK", value, told })
          } catch (thrown) {
            reject(thrown)
          }
        }
        method(given, done, { timeout: patienceMs }, headersOf(call))
      })
    },
    close: async () => undefined,
  }
}
