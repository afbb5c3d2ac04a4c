/** Where each operation stands: the registry's REST bindings as a table of paths, static ones first. Refuses two operations on one place. */
import { type Deprecation, joined } from "../../core/lifecycle.ts"
import type { Method, Status } from "../../core/operation.ts"
import type { CompiledOperation, Registry } from "../../core/registry.ts"
import type { Field } from "../../core/shape.ts"
import { firstVersion, type Version } from "../../core/version.ts"

/** One operation at its place. */
export interface Route {
  readonly operation: CompiledOperation
  readonly method: Method
  /** The version of the interface that it belongs to; null in a mount. */
  readonly version: Version | null
  /** Of the operation, or of the version. */
  readonly deprecated?: Deprecation
  /** Path of what is to be used instead, where there is one; `{name}` for parameters. */
  readonly successor: string | null
  /** With the version, `{name}` for parameters: `/v1/tasks/{id}`. */
  readonly path: string
  /** Names of the path's parameters, in order. */
  readonly parameters: readonly string[]
  readonly status: Status
  /** The input's property that the body fills; null when the body's members are the input's own, or when there is no body. */
  readonly bodyProperty: string | null
  readonly takesBody: boolean
  /** The member of the body, and of the answer, that everything stands in. */
  readonly envelope: { readonly request?: string; readonly answer?: string }
  /** True for standard updates and deletes: only they are guarded by a version. */
  readonly takesIfMatch: boolean
  /** True when the answer is one record whose version is its entity tag. */
  readonly tagged: boolean
  /** True for a read that may be asked for under a condition: its answer has an entity tag. */
  readonly conditional: boolean
  /** Properties of the input by name, compiled on first use. */
  readonly fields: ReadonlyMap<string, Field>
  /** Properties of the input that come from the query string. */
  readonly queryFields: ReadonlyMap<string, Field>
}

/** One path and what can be done there. */
export interface Place {
  readonly path: string
  readonly routes: ReadonlyMap<Method, Route>
  /** For Allow: HEAD where there is GET, and OPTIONS everywhere. */
  readonly allow: readonly string[]
}

const bodyMethods: ReadonlySet<Method> = new Set(["POST", "PUT", "PATCH"])

function fieldsOf(operation: CompiledOperation): ReadonlyMap<string, Field> {
  const { shape } = operation.inputType
  return new Map(shape.type === "object" ? shape.fields.map((field) => [field.name, field]) : [])
}

function queryFieldsOf(route: Route): ReadonlyMap<string, Field> {
  if (route.takesBody && route.bodyProperty === null) return new Map()
  const elsewhere = new Set<string | null>([
    ...route.parameters,
    route.bodyProperty,
    ...(route.takesIfMatch ? ["version"] : []),
  ])
  return new Map([...route.fields].filter(([name]) => !elsewhere.has(name)))
}

const noEnvelope = Object.freeze({})

/** Where an operation stands below its version or its mount. Without a binding of its own it stands at `POST /rpc/<name>`. */
const bindingOf = ({ rest, name }: CompiledOperation) => rest ?? { method: "POST" as const, path: `/rpc/${name}` }

/** Whether a version serves an operation. */
const serves = ({ without }: Version, { name, mount }: CompiledOperation) => mount === null && !without.has(name)

/** What is to be used instead: another operation, in the same version if it serves it; or the same operation in another version. */
function successorOf(operation: CompiledOperation, version: Version | null, registry: Registry): string | null {
  const other = registry.operations.get(operation.deprecated?.replacement ?? "")
  if (other?.mount) return other.mount.prefix + bindingOf(other).path
  if (other) {
    const at = [...(version ? [version] : []), ...registry.versions.toReversed()].find((one) => serves(one, other))
    return at ? at.prefix + bindingOf(other).path : null
  }
  const next = registry.versions.find(({ prefix }) => prefix === version?.deprecated?.replacement)
  return next && serves(next, operation) ? next.prefix + bindingOf(operation).path : null
}

/** The places of one operation: its mount's, or one in each version that serves it. */
export function routesOf(operation: CompiledOperation, registry: Registry): readonly Route[] {
  const versions = operation.mount ? [null] : registry.versions.filter((version) => serves(version, operation))
  return versions.map((version) => {
    const deprecated = joined(operation.deprecated, version?.deprecated)
    return routeOf(operation, version, {
      successor: deprecated === undefined ? null : successorOf(operation, version, registry),
      ...(deprecated === undefined ? {} : { deprecated }),
    })
  })
}

/** The place of one operation in one version. */
function routeOf(
  operation: CompiledOperation,
  version: Version | null,
  life: Pick<Route, "successor" | "deprecated">,
): Route {
  const binding = bindingOf(operation)
  const verb = operation.standard?.verb
  let fields: ReadonlyMap<string, Field> | null = null
  let queryFields: ReadonlyMap<string, Field> | null = null
  const route: Route = {
    operation,
    method: binding.method,
    version,
    ...life,
    path: (operation.mount?.prefix ?? version?.prefix ?? firstVersion.prefix) + binding.path,
    parameters: [...binding.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] as string),
    status: binding.status ?? 200,
    bodyProperty: binding.body ?? null,
    takesBody: bodyMethods.has(binding.method),
    envelope: binding.envelope ?? noEnvelope,
    takesIfMatch: verb === "update" || verb === "delete",
    tagged: verb === "get" || verb === "create" || verb === "update",
    conditional: binding.method === "GET" && (verb === "get" || operation.caching !== null),
    get fields() {
      fields ??= fieldsOf(operation)
      return fields
    },
    get queryFields() {
      queryFields ??= queryFieldsOf(route)
      return queryFields
    },
  }
  return route
}

/** Segment by segment, words before parameters, so that `/tasks/aggregate` wins over `/tasks/{id}`. */
function bySpecificity(one: string, other: string): number {
  const left = one.split("/")
  const right = other.split("/")
  for (let n = 0; n < Math.min(left.length, right.length); n++) {
    const difference = Number(left[n]?.startsWith("{")) - Number(right[n]?.startsWith("{"))
    if (difference !== 0) return difference
  }
  return right.length - left.length
}

/**
 * Every place of a registry, in the order in which they are to be tried.
 * @throws Error when two operations have one method and path, or two paths differ only in the names of their parameters
 */
export function placesOf(registry: Registry): readonly Place[] {
  const places = new Map<string, Map<Method, Route>>()
  const spelled = new Map<string, Route>()
  for (const route of [...registry.operations.values()].flatMap((one) => routesOf(one, registry))) {
    const { operation } = route
    const nameless = route.path.replaceAll(/\{\w+\}/g, "{}")
    const twin = spelled.get(nameless)
    // Whichever came first would answer for both.
    if (twin && twin.path !== route.path)
      throw new Error(`${twin.operation.name} at ${twin.path} and ${operation.name} at ${route.path} are one place`)
    spelled.set(nameless, route)
    const at = places.get(route.path) ?? new Map<Method, Route>()
    const other = at.get(route.method)
    if (other)
      throw new Error(`${other.operation.name} and ${operation.name} both stand at ${route.method} ${route.path}`)
    places.set(route.path, at.set(route.method, route))
  }
  return [...places]
    .sort(([one], [other]) => bySpecificity(one, other))
    .map(([path, routes]) => ({ path, routes, allow: allowOf(routes.keys()) }))
}

/** The methods of Allow for a path. */
export function allowOf(methods: Iterable<Method>): readonly string[] {
  return [...methods].flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])).concat("OPTIONS")
}
