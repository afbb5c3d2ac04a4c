/** Texts of persisted GraphQL queries, in KV by their hash: what is lost is sent again. */
import { queryKey } from "./keys.ts"

const keepSeconds = 30 * 24 * 3600
/** KV at one location answers from its memory for so long. */
const cacheSeconds = 3600

/**
 * The texts of a namespace.
 * @param behind keeps a write going after the answer
 * @param hash SHA-256 of text, hex
 */
export function keptQueries(
  cache: KVNamespace,
  behind: (work: Promise<unknown>) => void,
  hash: (text: string) => Promise<string>,
) {
  return {
    get: (sha256: string) => cache.get(queryKey(sha256), { cacheTtl: cacheSeconds }),
    put: (sha256: string, text: string) => behind(cache.put(queryKey(sha256), text, { expirationTtl: keepSeconds })),
    hash,
  }
}
