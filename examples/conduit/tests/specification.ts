/** openapi.yml as the contract test reads it: operations, their parameters, what may be sent and what may come back. */

import { env } from "cloudflare:workers"
import { Validator } from "@cfworker/json-schema"

/** A part of the document. */
export interface Node {
  readonly [key: string]: unknown
}

/** A parameter of the path or the query string. */
export interface Parameter {
  readonly name: string
  readonly in: "path" | "query"
  readonly schema: { readonly type: string; readonly minimum?: number }
}

/** One method at one path. */
export interface Described {
  readonly name: string
  readonly method: string
  readonly path: string
  readonly parameters: readonly Parameter[]
  /** Schema of the body, or null. */
  readonly request: Node | null
  /** By status; a schema of null: the document says nothing of the body. */
  readonly responses: ReadonlyMap<number, Node | null>
  readonly needsToken: boolean
}

const document = JSON.parse(env.TEST_SPECIFICATION) as Node & { readonly components: Readonly<Record<string, Node>> }

function resolved(node: unknown): Node {
  const { $ref } = node as { $ref?: string }
  if ($ref === undefined) return node as Node
  let at: unknown = document
  for (const segment of $ref.slice(2).split("/")) at = (at as Node)[segment]
  return resolved(at)
}

/** A schema with every reference replaced by what it refers to. */
export function whole(node: unknown): Node {
  const found = resolved(node)
  const entries = Object.entries(found).map(([key, value]) => [
    key,
    value !== null && typeof value === "object" && !Array.isArray(value) ? whole(value) : value,
  ])
  return Object.fromEntries(entries)
}

function schemaOf(content: unknown): Node | null {
  const json = (content as Node | undefined)?.["application/json"] as Node | undefined
  return json === undefined ? null : whole(json.schema)
}

/** Every operation of the document. */
export const operations: readonly Described[] = Object.entries(document.paths as Record<string, Node>).flatMap(
  ([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const { parameters = [], requestBody, responses, security } = operation as Record<string, unknown>
      return {
        name: `${method.toUpperCase()} ${path}`,
        method: method.toUpperCase(),
        path,
        parameters: (parameters as unknown[]).map((one) => resolved(one) as unknown as Parameter),
        request: requestBody === undefined ? null : schemaOf(resolved(requestBody).content),
        responses: new Map(
          Object.entries(responses as Node).map(([status, one]) => [Number(status), schemaOf(resolved(one).content)]),
        ),
        needsToken: security !== undefined,
      }
    }),
)

/** A member that the document does not name would be a leak; the errors of fields stand beside `body` by their names. */
function closed(node: Node): Node {
  const inner = Object.fromEntries(
    Object.entries(node).map(([key, value]) => [
      key,
      value !== null && typeof value === "object" && !Array.isArray(value) ? closed(value as Node) : value,
    ]),
  )
  return inner.type === "object" && inner.properties !== undefined ? { ...inner, additionalProperties: false } : inner
}

/** What is wrong with a body, in words; empty when it is as the schema says. */
export function faultsOf(schema: Node, body: unknown, status: number): string[] {
  const strict = status < 300 ? closed(schema) : schema
  const { errors } = new Validator(strict as never, "2020-12", false).validate(body)
  return errors.map((error) => `${error.instanceLocation}: ${error.error}`)
}
