/**
 * The OpenAPI 3.1 document of a registry, written through OpenAPIHono from the JSON Schemas that the Shapes were compiled from: its own
 * writer would lose int32 and base64. Loads and runs in plain Node, for the committed artefact. Refuses one name for two schemas.
 */
import { createRoute, OpenAPIHono } from "@hono/zod-openapi"
import { deprecationText } from "../../core/deprecation.ts"
import { couldPass, needsNoRow } from "../../core/fold.ts"
import type { Json, JsonObject } from "../../core/json.ts"
import type { Method } from "../../core/operation.ts"
import { anonymous } from "../../core/principal.ts"
import type { CompiledOperation, Registry } from "../../core/registry.ts"
import { typeName } from "../../core/type-name.ts"
import { exampleOf } from "./example.ts"
import { takenTypes } from "./negotiation.ts"
import { inboundPaths } from "./openapi-inbound.ts"
import {
  filterParameters,
  headerParameters,
  pathParameters,
  propertiesOf,
  queryParameters,
  rootOf,
} from "./openapi-parameters.ts"
import {
  type Components,
  enclosing,
  failures,
  headerComponents,
  problemSchemas,
  successes,
} from "./openapi-responses.ts"
import { type Route, routeOf } from "./routes.ts"

function keepSchemas(components: Components, named: Readonly<Record<string, JsonObject>>): void {
  for (const [name, schema] of Object.entries(named)) {
    const known = components.schemas[name]
    if (known && JSON.stringify(known) !== JSON.stringify(schema))
      throw new Error(`Two schemas are named ${name}; give one another .meta({ id })`)
    components.schemas[name] = schema
  }
}

/** What the body fills: the whole input, one property of it, or what the address leaves of it. */
function bodySchema(route: Route): JsonObject | null {
  if (!route.takesBody) return null
  const { inputType } = route.operation
  const properties = propertiesOf(inputType)
  if (route.bodyProperty !== null) return properties[route.bodyProperty] ?? {}
  if (route.parameters.length === 0) return inputType.schema
  const left = Object.entries(properties).filter(([name]) => !route.parameters.includes(name))
  if (left.length === 0) return null
  const required = ((rootOf(inputType).required ?? []) as readonly string[]).filter(
    (name) => !route.parameters.includes(name),
  )
  return {
    type: "object",
    properties: Object.fromEntries(left),
    ...(required.length > 0 ? { required } : {}),
    additionalProperties: false,
  }
}

/** An example without the fields that only some may write. */
function writable(example: Json, guarded: ReadonlySet<string>): Json {
  if (Array.isArray(example)) return example.map((item) => writable(item, guarded))
  if (example === null || typeof example !== "object") return example
  const kept = Object.entries(example).filter(([name]) => !guarded.has(name))
  return Object.fromEntries(kept.map(([name, value]) => [name, writable(value, guarded)]))
}

/** An example that the operation itself takes; none when the schema asks for more than its JSON Schema says. */
function bodyExample(route: Route, schema: JsonObject): Json | undefined {
  const { operation } = route
  const rules = Object.entries(operation.model?.fields ?? {})
  // A rule on roles leaves most callers out; a rule on the record is one like the resource's own.
  const guarded = new Set(rules.filter(([, rule]) => rule.write && needsNoRow(rule.write)).map(([name]) => name))
  const example = writable(exampleOf(schema, operation.inputType.named), guarded)
  const address = Object.fromEntries(
    route.parameters.map((name) => [
      name,
      exampleOf(propertiesOf(operation.inputType)[name] ?? {}, operation.inputType.named, name),
    ]),
  )
  const input =
    route.bodyProperty === null
      ? { ...address, ...(example as JsonObject) }
      : { ...address, [route.bodyProperty]: example }
  return operation.input.safeParse(input).success ? example : undefined
}

function requestBody(route: Route): JsonObject | null {
  const schema = bodySchema(route)
  if (schema === null) return null
  const example = bodyExample(route, schema)
  const { request } = route.envelope
  const media = {
    schema: enclosing(schema, request),
    ...(example === undefined ? {} : { example: request === undefined ? example : { [request]: example } }),
  }
  const root = typeof schema.$ref === "string" ? rootOf({ ...route.operation.inputType, schema }) : schema
  const required =
    request !== undefined || route.bodyProperty !== null || ((root.required ?? []) as readonly string[]).length > 0
  return { required, content: Object.fromEntries(takenTypes(route.method).map((type) => [type, media])) }
}

function parameterOf(components: Components, name: keyof typeof headerParameters): JsonObject {
  components.parameters[name] = headerParameters[name] as JsonObject
  return { $ref: `#/components/parameters/${name}` }
}

function filtersOf(route: Route, components: Components): JsonObject[] {
  const { model } = route.operation
  if (!model || !route.queryFields.has("filter")) return []
  const { parameters, named } = filterParameters(model)
  keepSchemas(components, named)
  const taken = new Set(route.queryFields.keys())
  return parameters
    .filter((parameter) => !taken.has(String(parameter.name)))
    .map((parameter) => {
      const name = `${typeName(model)}.${String(parameter.name).replace(/\[(\w+)\]/, ".$1")}`
      components.parameters[name] = parameter
      return { $ref: `#/components/parameters/${name}` }
    })
}

function parametersOf(route: Route, components: Components): JsonObject[] {
  const header = (wanted: boolean, name: keyof typeof headerParameters) =>
    wanted ? [parameterOf(components, name)] : []
  return [
    ...pathParameters(route),
    ...queryParameters(route),
    ...filtersOf(route, components),
    ...header(route.operation.kind === "mutation", "IdempotencyKey"),
    ...header(route.takesIfMatch, "IfMatch"),
    ...header(route.conditional, "IfNoneMatch"),
    ...header(route.operation.kind === "subscription", "LastEventId"),
    ...header(true, "Bookmark"),
  ]
}

function isOpen(registry: Registry, operation: CompiledOperation): boolean {
  const { policy } = operation
  if (policy.kind !== "on") return couldPass(policy, anonymous, null)
  const { models } = registry
  const model = models.get(policy.resource)
  return model !== undefined && couldPass(model.policy[policy.action], anonymous, { model, models })
}

/** Schemes that only a mount takes, under names of their own. */
function schemesOf({ mount }: CompiledOperation): Record<string, string[]>[] {
  return (mount?.schemes ?? []).map((scheme) => ({ [scheme]: [] }))
}

function nounOf(operation: CompiledOperation): string {
  return operation.name.slice(0, operation.name.indexOf("."))
}

function describe(registry: Registry, route: Route, components: Components) {
  const { operation } = route
  keepSchemas(components, operation.inputType.named)
  keepSchemas(components, operation.outputType.named)
  const body = requestBody(route)
  return {
    method: route.method.toLowerCase() as Lowercase<Method>,
    path: route.path,
    operationId: operation.name,
    summary: operation.summary ?? operation.name,
    ...(operation.deprecated === undefined
      ? {}
      : { deprecated: true, description: `${deprecationText(operation.deprecated)}.` }),
    tags: [nounOf(operation)],
    security: [...(isOpen(registry, operation) ? [{}] : []), { bearer: [] }, ...schemesOf(operation)],
    parameters: parametersOf(route, components),
    ...(body === null ? {} : { requestBody: body }),
    responses: { ...successes(route), ...failures(route, components) },
  }
}

function tagsOf(registry: Registry, routes: readonly Route[]) {
  const nouns = [...new Set(routes.map((route) => nounOf(route.operation)))]
  return nouns.map((name) => ({
    name,
    description: `${registry.models.get(name)?.resource.summary ?? `What can be done with ${name}`}.`,
  }))
}

/** Names of the components that something refers to, by `kind/name`. */
function referred(value: unknown, components: Components, found: Set<string>): Set<string> {
  if (Array.isArray(value)) for (const item of value) referred(item, components, found)
  else if (value !== null && typeof value === "object") {
    for (const [key, inner] of Object.entries(value)) {
      if (key !== "$ref" || typeof inner !== "string") {
        referred(inner, components, found)
        continue
      }
      const name = inner.replace("#/components/", "")
      if (found.has(name)) continue
      found.add(name)
      const [kind, ...rest] = name.split("/") as [keyof Components, ...string[]]
      referred(components[kind]?.[rest.join("/")], components, found)
    }
  }
  return found
}

/** `format` says what these patterns say, in a word instead of three hundred characters. */
function withoutPatterns(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutPatterns)
  if (value === null || typeof value !== "object") return value
  const told = (value as JsonObject).format === "date-time" || (value as JsonObject).format === "date"
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !(told && key === "pattern"))
      .map(([key, inner]) => [key, withoutPatterns(inner)]),
  )
}

const introduction = `Records of each resource can be listed, read, created, changed (JSON Merge Patch, RFC 7396) and deleted, where your rights allow it.
What you may not see is absent: NOT_FOUND. What you may see and not change is refused: PERMISSION_DENIED.

Filters stand in the query string as \`field=value\` or \`field[operator]=value\` and all must hold. Lists go on with \`cursor\`.
Instants are RFC 3339 in UTC, 64-bit integers decimal text, bytes base64. Problems are RFC 9457.`

/**
 * Writes the document.
 * @returns OpenAPI 3.1.0, the same for the same registry
 * @throws Error when two schemas have one name
 */
export function openApiDocument(registry: Registry): JsonObject {
  const components: Components = {
    schemas: { ...problemSchemas },
    parameters: {},
    responses: {},
    headers: { ...headerComponents },
  }
  const routes = [...registry.operations.values()].map(routeOf)
  const hono = new OpenAPIHono()
  const described = routes.map((route) => describe(registry, route, components))
  const used = referred(described, components, new Set())
  for (const [kind, byName] of Object.entries(components) as [keyof Components, Record<string, JsonObject>][]) {
    for (const name of Object.keys(byName).sort()) {
      if (used.has(`${kind}/${name}`)) hono.openAPIRegistry.registerComponent(kind, name, byName[name] as never)
    }
  }
  const bearer = {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description: "An access token (RFC 6750).",
  } as const
  hono.openAPIRegistry.registerComponent("securitySchemes", "bearer", bearer)
  for (const scheme of new Set(registry.mounts.flatMap(({ schemes }) => schemes))) {
    const description = `An access token as \`Authorization: ${scheme} …\`.`
    const declared = { type: "apiKey", in: "header", name: "Authorization", description } as const
    hono.openAPIRegistry.registerComponent("securitySchemes", scheme, declared)
  }
  for (const route of described) hono.openAPIRegistry.registerPath(createRoute(route as never))
  const document = hono.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: registry.title,
      version: registry.version,
      description: introduction,
      license: { name: "MIT", url: "https://spdx.org/licenses/MIT" },
    },
    servers: [{ url: "/", description: "Where this document stands" }],
    tags: tagsOf(registry, routes),
  })
  const whole = { ...document, paths: { ...document.paths, ...inboundPaths(registry) } }
  return withoutPatterns(whole as unknown as JsonObject) as JsonObject
}
