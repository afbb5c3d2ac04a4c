/** Random requests, built from the OpenAPI document and against it. Refuses nothing: that is the business of the Worker. */
import * as fc from "fast-check"
import type { Json, JsonObject } from "../../src/core/json.ts"
import { type Described, deref, type Parameter } from "./document.ts"
import { fitting, hostileJson, hostileText, idText, spoiled } from "./values.ts"

/** Who calls. */
export const callers = ["owner", "editor", "viewer", "stranger", "nobody"] as const
export type Caller = (typeof callers)[number]

/** A request with placeholders for ids. */
export interface Draft {
  readonly operation: Described
  readonly caller: Caller
  readonly method: string
  readonly path: Readonly<Record<string, string>>
  readonly query: readonly (readonly [name: string, text: string])[]
  readonly headers: Readonly<Record<string, string>>
  /** JSON, or text that may be none. */
  readonly body: { readonly json: Json } | { readonly text: string } | null
}

function textOf(parameter: Parameter, value: Json): string {
  if (parameter.isJson) return JSON.stringify(value)
  if (Array.isArray(value)) return value.map(String).join(",")
  return String(value)
}

/** Relations of the record that an operation answers: the only parameter whose words the document does not list one by one. */
function relationsOf(document: JsonObject, operation: Described): readonly string[] {
  const answer = deref(document, operation.answers.get("200")?.schema ?? {})
  const properties = (answer.properties ?? {}) as Record<string, JsonObject>
  const items = properties.items
  const record = items ? deref(document, deref(document, items).items) : answer
  return Object.entries((record.properties ?? {}) as Record<string, JsonObject>)
    .filter(([, property]) => property.description === "Present when expanded")
    .map(([name]) => name)
}

function queryValue(document: JsonObject, operation: Described, parameter: Parameter): fc.Arbitrary<string> {
  if (parameter.name === "expand") {
    const names = relationsOf(document, operation)
    const deeper = fc.constantFrom("", "", ".project", ".comments", ".organization")
    if (names.length > 0) return fc.tuple(fc.constantFrom(...names), deeper).map(([name, more]) => name + more)
  }
  if (parameter.name === "cursor") return fc.oneof(fc.constant("{{cursor}}"), hostileText)
  return fitting(document, parameter.schema).map((value) => textOf(parameter, value))
}

const oddNames = fc.oneof(
  fc.constantFrom(
    "nope",
    "status[",
    "status[][x]",
    "__proto__",
    "constructor[prototype]",
    "priority[like]",
    "page",
    "title[eq]",
    "internalNote",
    "tasks.title",
    "[eq]",
    "row_key",
  ),
  hostileText,
)

function queryOf(document: JsonObject, operation: Described): fc.Arbitrary<[string, string][]> {
  const known = operation.parameters.filter((parameter) => parameter.in === "query")
  const odd = fc.tuple(oddNames, hostileText)
  if (known.length === 0)
    return fc.oneof(
      { weight: 12, arbitrary: fc.constant<[string, string][]>([]) },
      { weight: 1, arbitrary: fc.array(odd, { maxLength: 2 }) },
    )
  const fair = fc
    .constantFrom(...known)
    .chain((parameter) =>
      queryValue(document, operation, parameter).map((text): [string, string] => [parameter.name, text]),
    )
  const foul = fc
    .constantFrom(...known)
    .chain((parameter) => hostileText.map((text): [string, string] => [parameter.name, text]))
  // What the document cannot say: one of two must be there, or the values belong together.
  const meant = operation.id === "policies.explain" ? ["resource", "action", "id"] : []
  if (operation.id.startsWith("usage.")) meant.push("organizationId")
  const required = known.filter((parameter) => meant.includes(parameter.name))
  const always = fc.tuple(...required.map((parameter) => explained(document, operation, parameter)))
  const some = fc.oneof(
    { weight: 8, arbitrary: fc.uniqueArray(fair, { maxLength: 3, selector: ([name]) => name }) },
    { weight: 2, arbitrary: fc.array(fc.oneof(fair, foul, odd), { maxLength: 4 }) },
  )
  return fc
    .tuple(always, some)
    .map(([first, more]) => [...first, ...more.filter(([name]) => !first.some(([other]) => other === name))])
}

function explained(document: JsonObject, operation: Described, parameter: Parameter): fc.Arbitrary<[string, string]> {
  if (operation.id.startsWith("usage.")) return idText("org").map((text) => [parameter.name, text])
  if (parameter.name === "resource") return fc.constant<[string, string]>(["resource", "tasks"])
  if (parameter.name === "id") return idText("task").map((text) => ["id", text])
  return queryValue(document, operation, parameter).map((text) => [parameter.name, text])
}

const oddHeaders: fc.Arbitrary<Record<string, string>> = fc.constantFrom<Record<string, string>>(
  { Accept: "text/csv" },
  { Accept: "application/json;q=0, */*" },
  { Accept: ";;;,q=x" },
  { "Content-Type": "text/plain" },
  { "Content-Type": "application/json; charset=utf-16" },
  { "Content-Encoding": "gzip" },
  { "If-Match": "abc" },
  { "If-Match": 'W/"1"' },
  { "If-Match": '"99999999999999999999"' },
  { "If-None-Match": 'W/"1"' },
  { "If-None-Match": '*, ,"' },
  { "Idempotency-Key": "" },
  { "Idempotency-Key": "k".repeat(256) },
  { "X-Request-Id": "a b<script>" },
  { "X-Request-Id": "r".repeat(101) },
  { traceparent: "00-00000000000000000000000000000000-0000000000000000-00" },
  { "X-Selvage-Bookmark": "' or 1=1" },
  { "X-Selvage-Bookmark": "00000000-00000001-00000000-00000000000000000000000000000000" },
  { Authorization: "Bearer" },
  { Authorization: "Basic YTpi" },
  { Authorization: "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c2VyXzEifQ." },
  { Origin: "https://evil.example" },
  { "X-HTTP-Method-Override": "DELETE" },
  { "CF-Connecting-IP": "" },
)

function headersOf(operation: Described): fc.Arbitrary<Record<string, string>> {
  const keyed = fc.nat(20).map((n): Record<string, string> => ({ "Idempotency-Key": `key-${n}` }))
  return fc.oneof(
    { weight: 14, arbitrary: fc.constant({}) },
    { weight: operation.method === "GET" ? 0 : 3, arbitrary: keyed },
    { weight: 2, arbitrary: oddHeaders },
  )
}

const oddBodies = fc.constantFrom(
  "",
  "{",
  "[]",
  "null",
  '"text"',
  '{"title":"a"} x',
  '{"title":"a","title":"b"}',
  '{"title":"\\ud800"}',
  '{"title":"\\u0000"}',
  "\ufeff{}",
  "[".repeat(10_000),
  `${'{"a":'.repeat(40)}1${"}".repeat(40)}`,
  '{"priority":1e999}',
  '{"records":[]}',
  "a=b&c=d",
)

function bodyOf(document: JsonObject, operation: Described): fc.Arbitrary<Draft["body"]> {
  const text = oddBodies.map((odd) => ({ text: odd }))
  if (operation.body === null)
    return fc.oneof({ weight: 15, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: text })
  const fair = fitting(document, operation.body.schema)
  return fc.oneof(
    { weight: 16, arbitrary: fair.map((json) => ({ json })) },
    { weight: 4, arbitrary: spoiled(fair).map((json) => ({ json })) },
    { weight: 1, arbitrary: hostileJson.map((json) => ({ json })) },
    { weight: 1, arbitrary: text },
    { weight: 1, arbitrary: fc.constant(null) },
  )
}

function pathOf(document: JsonObject, operation: Described): fc.Arbitrary<Record<string, string>> {
  const names = operation.parameters.filter((parameter) => parameter.in === "path")
  const value = (parameter: Parameter) =>
    fc.oneof(
      { weight: 14, arbitrary: fitting(document, parameter.schema).map(String) },
      { weight: 1, arbitrary: hostileText.map((text) => text.slice(0, 2000)) },
    )
  return fc.record(Object.fromEntries(names.map((parameter) => [parameter.name, value(parameter)])))
}

function methodOf(operation: Described): fc.Arbitrary<string> {
  const other = fc.constantFrom("PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "PROPFIND")
  return fc.oneof({ weight: 30, arbitrary: fc.constant(operation.method) }, { weight: 1, arbitrary: other })
}

/** Requests to every operation of the document. */
export function drafts(document: JsonObject, operations: readonly Described[]): fc.Arbitrary<Draft> {
  const caller = fc.constantFrom<Caller>(
    "owner",
    "owner",
    "owner",
    "owner",
    "editor",
    "editor",
    "editor",
    "viewer",
    "viewer",
    "stranger",
    "nobody",
  )
  const one = (operation: Described) =>
    fc.record({
      operation: fc.constant(operation),
      caller,
      method: methodOf(operation),
      path: pathOf(document, operation),
      query: queryOf(document, operation),
      headers: headersOf(operation),
      body: bodyOf(document, operation),
    })
  // What the accounts do asks for people who signed in; the callers here have another issuer's tokens, so most of it is refused.
  const isAccount = ({ id }: Described) =>
    /^(auth|sessions|me|apiKeys|factors|grants|approvals|identities|users|service_accounts|impersonations)\./.test(id)
  return fc.oneof(
    ...operations.map((operation) => ({ weight: isAccount(operation) ? 1 : 4, arbitrary: one(operation) })),
  )
}
