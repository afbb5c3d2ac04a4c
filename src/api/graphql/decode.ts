/** A request -> what is to be executed (GraphQL over HTTP, draft of 2025-09: §5 and §6): parameters with strict types, from a query string or a JSON body. */
import { readBytes } from "../../core/body.ts"
import type { Json, JsonObject } from "../../core/json.ts"
import { parseJson } from "../../core/json-text.ts"
import { invalid, Problem } from "../../core/problem.ts"

/** What a request asks for. */
export interface Parameters {
  readonly query: string | null
  readonly operationName: string | null
  readonly variables: JsonObject | null
  readonly extensions: JsonObject | null
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false })

/** The two forms of a response (§4.1). */
export type MediaType = "application/graphql-response+json" | "application/json"

/** What a caller accepts: one result, or events as they come. */
export type Accepted = MediaType | "text/event-stream"

/**
 * The form that the caller accepts. Nothing said, and `* / *`, is the older one (§6.1, legacy watershed).
 * @returns null when neither is acceptable
 */
export function acceptedType(header: string | null): Accepted | null {
  if (header === null || header.trim() === "") return "application/json"
  const types = header.split(",").map((one) => one.split(";")[0]?.trim().toLowerCase())
  const found = types.find((type) =>
    /^(application\/graphql-response\+json|application\/json|text\/event-stream|application\/\*|\*\/\*)$/.test(
      type ?? "",
    ),
  )
  if (found === undefined) return null
  return found === "application/graphql-response+json" || found === "text/event-stream" ? found : "application/json"
}

function objectOf(value: Json | undefined, name: string): JsonObject | null {
  if (value === undefined || value === null) return null
  if (typeof value !== "object" || Array.isArray(value))
    throw invalid(`/${name}`, "invalid_type", `${name} is an object`)
  return value as JsonObject
}

function textOf(value: Json | undefined, name: string): string | null {
  if (value === undefined || value === null) return null
  if (typeof value !== "string") throw invalid(`/${name}`, "invalid_type", `${name} is text`)
  return value
}

/**
 * The parameters of a request that was read.
 * @throws Problem INVALID_ARGUMENT for one of the wrong type
 */
export function parametersOf(given: JsonObject): Parameters {
  return {
    query: textOf(given.query, "query"),
    operationName: textOf(given.operationName, "operationName"),
    variables: objectOf(given.variables, "variables"),
    extensions: objectOf(given.extensions, "extensions"),
  }
}

async function bodyOf(request: Request): Promise<JsonObject> {
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase()
  const charset = /charset="?([^";]+)/i.exec(request.headers.get("content-type") ?? "")?.[1]
  if (type !== "application/json" || (charset !== undefined && charset.toLowerCase() !== "utf-8"))
    throw new Problem("INVALID_ARGUMENT", "Send application/json in UTF-8", { type: "unsupported-media-type" })
  let text: string
  try {
    text = utf8.decode(await readBytes(request))
  } catch (thrown) {
    if (thrown instanceof Problem) throw thrown
    throw invalid("", "malformed_json", "The body is not UTF-8")
  }
  const body = parseJson(text, "")
  if (body === null || typeof body !== "object" || Array.isArray(body))
    throw invalid("", "invalid_type", "Send one request, an object: batches are not taken")
  return body as JsonObject
}

/**
 * Reads the parameters.
 * @throws Problem INVALID_ARGUMENT for what is malformed or of the wrong type; method-not-allowed beside GET and POST
 */
export async function parametersIn(request: Request): Promise<Parameters> {
  if (request.method === "POST") return parametersOf(await bodyOf(request))
  if (request.method !== "GET")
    throw new Problem("UNIMPLEMENTED", "A request is sent with GET or POST", {
      type: "method-not-allowed",
      allow: ["GET", "POST"],
    })
  const query = new URL(request.url).searchParams
  const json = (name: string) => {
    const text = query.get(name)
    return text === null ? null : parseJson(text, `/${name}`)
  }
  return parametersOf({
    query: query.get("query"),
    operationName: query.get("operationName"),
    variables: json("variables"),
    extensions: json("extensions"),
  })
}
