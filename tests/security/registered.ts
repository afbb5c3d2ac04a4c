/** The registry as the security tests walk it: every operation with a call that is valid in form, so that only rights decide. */
import * as z from "zod"
import { exampleOf } from "../../src/api/rest/example.ts"
import { placesOf, type Route } from "../../src/api/rest/routes.ts"
import application from "../../src/app/index.ts"
import { accountRules } from "../../src/core/accounts.ts"
import type { JsonObject } from "../../src/core/json.ts"
import type { Application } from "../../src/core/registry.ts"
import type { CallOptions } from "../support/calls.ts"
import { serving } from "../support/serving.ts"

/** The workspace with everything that an application can switch on. */
export const whole: Application = {
  ...application,
  accounts: accountRules({ serviceAccounts: { owner: "organizations", role: "admin" } }),
}

/** An isolate that serves it. */
export const isolate = serving({}, whole)

/** Every route, with its operation. */
export const routes: readonly Route[] = placesOf(isolate.registry).flatMap((place) => [...place.routes.values()])

/** Operations whose rule is the application-wide role of administrators. */
export const administration = routes.filter(({ operation }) =>
  JSON.stringify(operation.policy).includes('"role":"admin"'),
)

/** Nouns that administrators alone have to do with: to others the whole list is refused. */
export const reserved: ReadonlySet<string> = new Set(["dead_letters"])

/** What a value of the input looks like; where the schema cannot say what makes sense. */
const sensible: Readonly<Record<string, JsonObject>> = {
  "users.setRoles": { roles: ["reviewer"] },
  "users.impersonate": { reason: "looking into ticket 4711" },
  "factors.confirmTotp": { state: "none", code: "492039" },
  "factors.rename": { name: "Telephone" },
  "apiKeys.create": { name: "Key", scopes: ["*:read"] },
}

type Properties = Readonly<Record<string, JsonObject>>

function schemaOf({ operation }: Route): { properties: Properties; required: readonly string[]; $defs: Properties } {
  const root = z.toJSONSchema(operation.input, { io: "input", unrepresentable: "any" }) as JsonObject
  const $defs = (root.$defs ?? {}) as Properties
  const object = typeof root.$ref === "string" ? resolve(root, $defs) : root
  return { $defs, properties: {}, required: [], ...object } as ReturnType<typeof schemaOf>
}

function resolve(schema: JsonObject, $defs: Properties): JsonObject {
  return typeof schema.$ref === "string" ? ($defs[schema.$ref.slice("#/$defs/".length)] ?? {}) : schema
}

/** Prefix of the id in the path: `task`; null when the path names none. */
export function prefixOf(route: Route): string | null {
  if (!route.parameters.includes("id")) return null
  return /^\^([a-z][a-z0-9_]*)_\[0-7\]/.exec(String(schemaOf(route).properties.id?.pattern ?? ""))?.[1] ?? null
}

/** The body of a call that validates: what is required, or of a change the first thing that may be changed by whoever may change. */
function bodyOf(route: Route): object {
  const { name, standard, model } = route.operation
  const known = sensible[name]
  if (known) return known
  if (standard?.verb === "batch") return { records: [{ op: "delete", id: absentId(model?.idPrefix ?? "") }] }
  const { properties, required, $defs } = schemaOf(route)
  const inner = route.bodyProperty === null ? null : resolve(properties[route.bodyProperty] ?? {}, $defs)
  const own = (inner?.properties ?? properties) as Properties
  const asked = (inner === null ? required : (inner.required ?? [])) as readonly string[]
  const first = Object.keys(own).filter((key) => !/Id$|^version$|^internalNote$/.test(key))[0] ?? ""
  const wanted = standard?.verb === "update" ? [first] : asked.filter((key) => !route.parameters.includes(key))
  return Object.fromEntries(wanted.map((key) => [key, exampleOf(own[key] as JsonObject, $defs, key)]))
}

/** What a query has to hold beside the path. */
function queryOf(route: Route): string {
  const { properties, required, $defs } = schemaOf(route)
  const asked = required.filter((key) => !route.parameters.includes(key))
  const pairs = asked.map((key) => [key, String(exampleOf(properties[key] as JsonObject, $defs, key))])
  return pairs.length === 0 ? "" : `?${new URLSearchParams(pairs)}`
}

/** An id that never was. */
export function absentId(prefix: string): string {
  return `${prefix}_01kb5t8q3cf4n9r7x2m6w0zyad`
}

/** A call of a route that validates. */
export function validCall(route: Route, id = absentId(prefixOf(route) ?? "")): { line: string } & CallOptions {
  const line = `${route.method} ${route.path.replace("{id}", id)}`
  return route.takesBody ? { line, body: bodyOf(route) } : { line: line + queryOf(route) }
}
