/** REST by fetch and JSON: the path, the query and the body as openapi.json describes them. */
import { placesOf, type Route } from "../../../src/api/rest/routes.ts"
import type { Json, JsonObject } from "../../../src/core/json.ts"
import type { Registry } from "../../../src/core/registry.ts"
import { type Call, type DoorClient, type Ending, headersOf, patienceMs, toldIn } from "./door.ts"

type Tree = Readonly<Record<string, true | { readonly expand?: Tree }>>

/** `{ project: true, comments: { expand: { author: true } } }` -> `project,comments.author`. */
function expandText(tree: Tree, before = ""): string {
  return Object.entries(tree)
    .map(([name, inner]) =>
      inner === true || !inner.expand
        ? before + name
        : `${before + name},${expandText(inner.expand, `${before + name}.`)}`,
    )
    .join(",")
}

function queryText(name: string, value: Json): string {
  if (name === "expand") return expandText(value as Tree)
  if (Array.isArray(value)) return value.join(",")
  return typeof value === "object" ? JSON.stringify(value) : String(value)
}

/** The request of a call. */
export function requestOf(origin: string, route: Route, call: Call): Request {
  const rest = new Map(Object.entries(call.input))
  const path = route.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = encodeURIComponent(String(rest.get(name)))
    rest.delete(name)
    return value
  })
  const headers: Record<string, string> = headersOf(call)
  if (route.takesIfMatch && rest.has("version")) {
    headers["If-Match"] = `W/"${String(rest.get("version"))}"`
    rest.delete("version")
  }
  const url = new URL(path, origin)
  let body: Json | undefined
  if (route.takesBody) {
    body = route.bodyProperty === null ? Object.fromEntries(rest) : rest.get(route.bodyProperty)
    if (route.bodyProperty !== null) rest.delete(route.bodyProperty)
    headers["Content-Type"] = route.method === "PATCH" ? "application/merge-patch+json" : "application/json"
  }
  if (!route.takesBody || route.bodyProperty !== null)
    for (const [name, value] of rest) url.searchParams.set(name, queryText(name, value as Json))
  const text = body === undefined ? {} : { body: JSON.stringify(body) }
  return new Request(url, { method: route.method, headers, ...text, signal: AbortSignal.timeout(patienceMs) })
}

/** The client. */
export function restClient(origin: string, registry: Registry): DoorClient {
  const routes = new Map(
    placesOf(registry).flatMap(({ routes: at }) => [...at.values()].map((one) => [one.operation.name, one] as const)),
  )
  return {
    name: "rest",
    isExact: true,
    serves: ({ name, kind }) => routes.has(name) && kind !== "subscription",
    async call(call): Promise<Ending> {
      const answer = await fetch(requestOf(origin, routes.get(call.operation.name) as Route, call))
      const text = await answer.text()
      const told = toldIn(answer.headers)
      if (answer.ok) return { code: "OK", value: text === "" ? undefined : JSON.parse(text), told }
      const { code, detail, violations = [] } = JSON.parse(text) as JsonObject & { code: string; detail: string }
      return { code, detail, violations: violations as never, told }
    },
    close: async () => undefined,
  }
}
