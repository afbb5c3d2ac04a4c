/** The stores of answers that isolates share, nearest first: the Cache API of a location, and KV for all of them. */

/** A store of texts by key. May throw: whoever asks goes on without it. */
export interface Level {
  readonly name: "edge" | "kv"
  /** An entry that lives shorter is not worth its place, milliseconds. */
  readonly lifeMinMs: number
  get(hash: string): Promise<string | null>
  /** @param lifeSeconds after which it may be forgotten */
  put(hash: string, text: string, lifeSeconds: number): Promise<void>
}

/**
 * The Cache API. On a workers.dev address it keeps nothing and says nothing; on a domain of one's own it is the cache of the location.
 * @param open gives the cache; one of our own, so that no request from outside ever meets what is in it
 * @param urlOf its keys are addresses: one of our own domain, where nothing stands
 */
export function edgeLevel(open: () => Promise<Cache>, urlOf: (hash: string) => string): Level {
  return {
    name: "edge",
    lifeMinMs: 0,
    async get(hash) {
      const found = await (await open()).match(urlOf(hash))
      return found === undefined ? null : found.text()
    },
    async put(hash, text, lifeSeconds) {
      const headers = { "Content-Type": "application/json", "Cache-Control": `public, max-age=${lifeSeconds}` }
      await (await open()).put(urlOf(hash), new Response(text, { headers }))
    },
  }
}

/** KV keeps nothing for less. */
const kvSeconds = 60

/** KV. */
export function kvLevel(store: Pick<KVNamespace, "get" | "put">, keyOf: (hash: string) => string): Level {
  return {
    name: "kv",
    lifeMinMs: kvSeconds * 1000,
    get: (hash) => store.get(keyOf(hash), "text"),
    put: (hash, text, lifeSeconds) => store.put(keyOf(hash), text, { expirationTtl: Math.max(kvSeconds, lifeSeconds) }),
  }
}
