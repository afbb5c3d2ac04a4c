/** The OpenAPI document as the fuzz test reads it: operations with their references resolved. Refuses nothing. */
import type { Json, JsonObject } from "../../src/core/json.ts"

/** A JSON Schema node. */
export type Schema = { readonly [key: string]: Json }

/** A parameter of the query string or of the path. */
export interface Parameter {
  readonly name: string
  readonly in: string
  readonly schema: Schema
  /** True when the text is JSON (OpenAPI `content` instead of `schema`). */
  readonly isJson: boolean
  readonly example: Json | undefined
}

/** One operation of the document. */
export interface Described {
  readonly id: string
  readonly method: string
  readonly path: string
  readonly parameters: readonly Parameter[]
  readonly body: { readonly required: boolean; readonly type: string; readonly schema: Schema } | null
  /** Answers by status, and `default`. */
  readonly answers: ReadonlyMap<string, { readonly type: string | null; readonly schema: Schema | null }>
}

/** Follows `$ref`s inside the document until there is none. */
export function deref(document: JsonObject, node: Json | undefined): Schema {
  let at = (node ?? {}) as Schema
  while (typeof at.$ref === "string") {
    const steps = at.$ref.slice(2).split("/")
    at = steps.reduce<Json>((inner, step) => (inner as JsonObject)[step] ?? {}, document) as Schema
  }
  return at
}

function parameterOf(document: JsonObject, node: Json): Parameter {
  const given = deref(document, node)
  const [media] = Object.values((given.content ?? {}) as Record<string, JsonObject>)
  return {
    name: String(given.name),
    in: String(given.in),
    schema: (media?.schema ?? given.schema ?? {}) as Schema,
    isJson: media !== undefined,
    example: given.example,
  }
}

function contentOf(document: JsonObject, node: Json): { type: string | null; schema: Schema | null } {
  const [first] = Object.entries((deref(document, node).content ?? {}) as Record<string, JsonObject>)
  return first ? { type: first[0], schema: (first[1].schema ?? {}) as Schema } : { type: null, schema: null }
}

function bodyOf(document: JsonObject, node: Json | undefined): Described["body"] {
  if (node === undefined) return null
  const { type, schema } = contentOf(document, node)
  return { required: deref(document, node).required === true, type: type ?? "application/json", schema: schema ?? {} }
}

/** Every operation of a document that answers once: what streams has no end to wait for, and tests of its own (tests/live). */
export function operationsOf(document: JsonObject): readonly Described[] {
  return allOf(document).filter(({ answers }) => answers.get("200")?.type !== "text/event-stream")
}

function allOf(document: JsonObject): readonly Described[] {
  return Object.entries(document.paths as Record<string, JsonObject>).flatMap(([path, methods]) =>
    Object.entries(methods as Record<string, JsonObject>).map(([method, operation]) => ({
      id: String(operation.operationId),
      method: method.toUpperCase(),
      path,
      parameters: ((operation.parameters ?? []) as readonly Json[]).map((node) => parameterOf(document, node)),
      body: bodyOf(document, operation.requestBody),
      answers: new Map(
        Object.entries(operation.responses as JsonObject).map(([status, node]) => [status, contentOf(document, node)]),
      ),
    })),
  )
}
