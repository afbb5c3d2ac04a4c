/** Answers of the OpenAPI document: what success looks like, and one component for each set of codes that share a status. */
import { type Code, codes, titles } from "../../core/code.ts"
import type { JsonObject } from "../../core/json.ts"
import type { ProblemRendering } from "../../core/mount.ts"
import type { ProblemType } from "../../core/problem.ts"
import { compileShape } from "../../core/shape.ts"
import { codeByType, refinements, statusByCode } from "./problem.ts"
import type { Route } from "./routes.ts"

const schemas = "#/components/schemas/"

/** Components by kind and name, collected while operations are described. */
export type Components = Record<"schemas" | "parameters" | "responses" | "headers", Record<string, JsonObject>>

/** A schema in the envelope that a mount puts around it. */
export function enclosing(schema: JsonObject, member: string | undefined): JsonObject {
  if (member === undefined) return schema
  return { type: "object", required: [member], properties: { [member]: schema }, additionalProperties: false }
}

/** The body of every problem, and of the faults in it. */
export const problemSchemas: Readonly<Record<string, JsonObject>> = {
  Problem: {
    type: "object",
    description: "What went wrong (RFC 9457).",
    required: ["type", "title", "status", "detail", "code", "requestId"],
    properties: {
      type: { type: "string", description: "A stable name: urn:selvage:problem:…" },
      title: { type: "string" },
      status: { type: "integer" },
      detail: { type: "string" },
      instance: { type: "string" },
      code: { type: "string", enum: [...codes] },
      requestId: { type: "string", description: "Names this call in the operator's log." },
      retryAfter: { type: "number", description: "Seconds after which the same call may succeed." },
      maxAge: {
        type: "integer",
        description: "For a step-up: how long ago, in seconds, you may have proved who you are.",
      },
      approval: {
        type: "object",
        description: "For a change that waits for somebody: which approval, and the page where it is decided on.",
        required: ["id", "page"],
        properties: { id: { type: "string" }, page: { type: "string", format: "uri" } },
      },
      violations: { type: "array", items: { $ref: `${schemas}Violation` } },
    },
  },
  Violation: {
    type: "object",
    description: "One fault of the request.",
    required: ["path", "code", "message"],
    properties: {
      path: { type: "string", description: "JSON pointer into the body, or /name of a parameter." },
      code: { type: "string", description: "A stable word." },
      message: { type: "string" },
    },
  },
}

/** Headers of answers, under the names of their components. */
export const headerComponents: Readonly<Record<string, JsonObject>> = {
  ETag: { description: "The record's version.", schema: { type: "string" }, example: 'W/"3"' },
  Link: { description: 'The next page, as rel="next"; absent on the last.', schema: { type: "string" } },
  Deprecation: {
    description: "Since when this is deprecated: @ and Unix seconds (RFC 9745).",
    schema: { type: "string" },
    example: "@1793491200",
  },
  Sunset: {
    description: "From when this may be gone (RFC 8594).",
    schema: { type: "string" },
    example: "Wed, 30 Jun 2027 00:00:00 GMT",
  },
  Location: { description: "Where the new record stands.", schema: { type: "string", format: "uri-reference" } },
  RequestId: { description: "Names this call; the caller's own when it sent one.", schema: { type: "string" } },
  RateLimit: {
    description:
      "What is left by each policy: r calls (or what a call costs), t seconds until all is back (draft-ietf-httpapi-ratelimit-headers-11).",
    schema: { type: "string" },
    example: '"default/principal";r=999;t=1',
  },
  RateLimitPolicy: {
    description: "The policies that the call was counted by: q in w seconds.",
    schema: { type: "string" },
    example: '"default/principal";q=1000;w=60',
  },
  RetryAfter: { description: "Seconds to wait.", schema: { type: "integer", minimum: 0 } },
  Bookmark: {
    description: "Where the database stood; send it back to read your own writes.",
    schema: { type: "string" },
  },
}

function headersOf(names: readonly (keyof typeof headerNames)[]): JsonObject {
  return Object.fromEntries(names.map((name) => [headerNames[name], { $ref: `#/components/headers/${name}` }]))
}

const headerNames = {
  ETag: "ETag",
  Link: "Link",
  Deprecation: "Deprecation",
  Sunset: "Sunset",
  Location: "Location",
  RequestId: "X-Request-Id",
  Bookmark: "X-Selvage-Bookmark",
  RateLimit: "RateLimit",
  RateLimitPolicy: "RateLimit-Policy",
  RetryAfter: "Retry-After",
} as const

/** A stream of events; OpenAPI 3.1 has no schema for what follows in it. */
function events(headers: JsonObject): JsonObject {
  const description =
    "Server-Sent Events: `reset` (forget what you have), `changed` (with the record), `removed` (with the id), `ready` (up to date). " +
    "Each has its place in the log as `sequence`, and as the id where a caller may come back with it."
  const example = 'event: changed\nid: 4711\ndata: {"sequence":4711,"record":{"id":"task_…"}}\n\n'
  return { description, headers, content: { "text/event-stream": { schema: { type: "string" }, example } } }
}

const limitNames = ["RateLimit", "RateLimitPolicy"] as const
/** The shield of the whole installation refuses with the first alone. */
const limitNamesOfRefusal = ["RetryAfter", ...limitNames] as const

/** The headers of limits, where there are any. */
function limitsOf({ operation: { limits } }: Route): readonly (typeof limitNames)[number][] {
  return limits.early.length + limits.late.length > 0 ? limitNames : []
}

/** The headers of what is deprecated. */
function lifeNamesOf({ deprecated }: Route): readonly ("Deprecation" | "Sunset")[] {
  if (deprecated === undefined) return []
  return deprecated.sunset === undefined ? ["Deprecation"] : ["Deprecation", "Sunset"]
}

/** The answers of success. */
export function successes(route: Route): Record<string, JsonObject> {
  const { operation, status, tagged, conditional } = route
  const usual = ["RequestId", "Bookmark", ...limitsOf(route), ...lifeNamesOf(route)] as const
  if (status === 204) return { 204: { description: "Done.", headers: headersOf(usual) } }
  const verb = operation.standard?.verb
  const special = [
    ...(tagged || conditional ? (["ETag"] as const) : []),
    ...(status === 201 ? (["Location"] as const) : []),
    ...(verb === "list" ? (["Link"] as const) : []),
  ]
  if (operation.kind === "subscription") return { [status]: events(headersOf(["RequestId", ...limitsOf(route)])) }
  const schema = enclosing(operation.outputType.schema, route.envelope.answer)
  const content = { "application/json": { schema } }
  const answer = {
    description: status === 201 ? "Created." : "Done.",
    headers: headersOf([...special, ...usual]),
    content,
  }
  if (!conditional) return { [status]: answer }
  return {
    [status]: answer,
    304: {
      description: tagged ? "The record still has the version that the caller named." : "The answer is still the same.",
      headers: headersOf(["ETag", ...usual]),
    },
  }
}

/** A way in which a call can fail: a code, or a type that has a status of its own. */
type Failure = Code | ProblemType

function failuresOf(route: Route): readonly Failure[] {
  const { operation } = route
  const verb = operation.standard?.verb
  const found: Failure[] = [
    "INVALID_ARGUMENT",
    "UNAUTHENTICATED",
    "PERMISSION_DENIED",
    "not-acceptable",
    "RESOURCE_EXHAUSTED",
  ]
  if (operation.fresh !== undefined) found.push("insufficient-user-authentication")
  if (verb !== "list" && verb !== "aggregate" && verb !== "watch") found.push("NOT_FOUND")
  if (operation.kind === "mutation")
    found.push("ALREADY_EXISTS", "ABORTED", "FAILED_PRECONDITION", "idempotency-key-reused")
  if (route.takesIfMatch || verb === "batch") found.push("version-mismatch")
  if (route.takesBody) found.push("payload-too-large", "unsupported-media-type")
  return [...new Set([...found, "INTERNAL", "UNAVAILABLE", ...(operation.errors ?? [])])] as Failure[]
}

function statusOfFailure(failure: Failure): number {
  return failure in refinements ? refinements[failure as ProblemType].status : statusByCode[failure as Code]
}

function titleOf(failure: Failure): string {
  return failure in refinements ? refinements[failure as ProblemType].title : `${titles[failure as Code]} (${failure})`
}

function pascal(failure: Failure): string {
  return failure
    .toLowerCase()
    .split(/[_-]/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("")
}

function problemAnswer(description: string, group: readonly Failure[] = []): JsonObject {
  const headers = group.includes("RESOURCE_EXHAUSTED") ? { headers: headersOf(limitNamesOfRefusal) } : {}
  return { description, ...headers, content: { "application/problem+json": { schema: { $ref: `${schemas}Problem` } } } }
}

/** The answers of failure as a mount renders them: what it renders is asked of it, so that the document cannot say otherwise. */
function mountedFailures(
  route: Route,
  rendering: ProblemRendering,
  components: Components,
): Record<string, JsonObject> {
  const shape = compileShape(rendering.schema, `problems of ${route.operation.mount?.prefix ?? ""}`)
  Object.assign(components.schemas, shape.named)
  const answers: Record<string, JsonObject & { readonly description: string }> = {}
  for (const failure of failuresOf(route)) {
    const type = failure in refinements ? (failure as ProblemType) : null
    const code = type === null ? (failure as Code) : codeByType[type]
    const facts = { violations: [], requestId: "request", retryAfterSeconds: null, message: titleOf(failure) }
    const { status, body } = rendering.render({ code, type, status: statusOfFailure(failure), ...facts })
    const content = body === null ? {} : { content: { "application/json": { schema: shape.schema } } }
    const others = answers[status]?.description
    const headers = failure === "RESOURCE_EXHAUSTED" ? { headers: headersOf(limitNamesOfRefusal) } : {}
    const description = others ? `${others}; or ${titleOf(failure)}` : titleOf(failure)
    answers[status] = { ...answers[status], description, ...headers, ...content }
  }
  return answers
}

/**
 * The answers of failure.
 * @param all filled with the components that the answers refer to
 */
export function failures(route: Route, all: Components): Record<string, JsonObject> {
  const rendering = route.operation.mount?.problem ?? null
  if (rendering !== null) return mountedFailures(route, rendering, all)
  const components = all.responses
  const byStatus = new Map<number, Failure[]>()
  for (const failure of failuresOf(route)) {
    const status = statusOfFailure(failure)
    byStatus.set(status, [...(byStatus.get(status) ?? []), failure])
  }
  const answers: Record<string, JsonObject> = {}
  for (const [status, group] of [...byStatus].sort(([one], [other]) => one - other)) {
    const name = group.map(pascal).join("Or")
    components[name] ??= problemAnswer(`${group.map(titleOf).join("; or ")}.`, group)
    answers[status] = { $ref: `#/components/responses/${name}` }
  }
  components.OtherProblem ??= problemAnswer("Any other problem.")
  answers.default = { $ref: "#/components/responses/OtherProblem" }
  return answers
}
