/** What the tests of this folder share: the seed of their property tests, randomness, a key ring. */
import { env } from "cloudflare:workers"
import { base64url } from "jose"
import type { Random } from "../../src/authentication/token.ts"
import { parseKeyRing } from "../../src/core/sealing.ts"

/** The binding SEED draws other cases. */
export const seed = Number((env as { SEED?: string }).SEED ?? 20261121)

export const random: Random = (length) => crypto.getRandomValues(new Uint8Array(length))

/** A ring as configuration text; the last id is current. */
export function ringText(...ids: readonly [string, ...string[]]): string {
  const keys = Object.fromEntries(ids.map((id) => [id, base64url.encode(random(32))]))
  return JSON.stringify({ current: ids.at(-1), keys })
}

/** The same keys with another current one, or without some. */
export function changedRing(text: string, current: string, without: readonly string[] = []) {
  const { keys } = JSON.parse(text)
  for (const id of without) delete keys[id]
  return parseKeyRing(JSON.stringify({ current, keys }))
}
