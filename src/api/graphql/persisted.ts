/** Automatic persisted queries (Apollo's protocol, version 1): a client sends the hash alone, and the text only when the hash is not known. */
import { GraphQLError } from "graphql"
import type { JsonObject } from "../../core/json.ts"
import { invalid } from "../../core/problem.ts"
import type { Parameters } from "./decode.ts"

/** Where texts are kept. */
export interface Queries {
  get(hash: string): Promise<string | null>
  /** Behind the answer. */
  put(hash: string, text: string): void
  /** SHA-256 of text, hex. */
  hash(text: string): Promise<string>
}

const version = 1

function hashIn(extensions: JsonObject | null): string | null {
  const given = extensions?.persistedQuery
  if (given === undefined || given === null) return null
  const { version: asked, sha256Hash: hash } = given as JsonObject
  const isHash = typeof hash === "string" && /^[0-9a-f]{64}$/.test(hash)
  if (asked !== version || !isHash)
    throw invalid(
      "/extensions/persistedQuery",
      "invalid_type",
      `Version ${version} and the SHA-256 of the query, in hex`,
    )
  return hash
}

/**
 * The text of a request.
 * @returns an error that asks the client for the text, in the words that clients know
 * @throws Problem INVALID_ARGUMENT without a query, and for a hash that is not the query's
 */
export async function persisted({ query, extensions }: Parameters, queries: Queries): Promise<string | GraphQLError> {
  const hash = hashIn(extensions)
  if (hash === null) {
    if (query === null) throw invalid("/query", "required", "Send a query")
    return query
  }
  if (query === null) {
    const known = await queries.get(hash)
    return known ?? new GraphQLError("PersistedQueryNotFound", { extensions: { code: "PERSISTED_QUERY_NOT_FOUND" } })
  }
  if ((await queries.hash(query)) !== hash)
    throw invalid("/extensions/persistedQuery/sha256Hash", "invalid_value", "The hash is not that of the query")
  queries.put(hash, query)
  return query
}
