/** Sealing as the rest of the engine sees it; `authentication/seal.ts` does it. */
import * as z from "zod"

/** Seals and opens text. What was sealed for one purpose and id opens for no other. */
export interface Sealer {
  /** @param id what the value belongs to, such as a user's id */
  seal(purpose: string, id: string, text: string): Promise<string>
  /** null: for another purpose or id, under a key that is not in the ring, changed, or not sealed text at all */
  open(purpose: string, id: string, sealed: string): Promise<string | null>
  /** True when it was sealed under a key that is not the current one, so should be sealed anew. */
  isStale(sealed: string): boolean
}

/** Keys of 32 bytes by id. New values are made with `current`; the others stay until nothing names them any more. */
export interface KeyRing {
  readonly current: string
  readonly keys: ReadonlyMap<string, Uint8Array>
}

const keyIdForm = /^[A-Za-z0-9_-]{1,16}$/
const keyBytes = 32

function bytesOf(text: string): Uint8Array | null {
  try {
    // Not Uint8Array.fromBase64, which the scripts' Node does not have.
    const bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"))
    return Uint8Array.from(bytes, (character) => character.charCodeAt(0))
  } catch {
    return null
  }
}

const ringForm = z.strictObject({
  current: z.string().regex(keyIdForm),
  keys: z.record(z.string().regex(keyIdForm), z.base64url()),
})

/**
 * A ring from configuration text, `{"current":"k1","keys":{"k1":"<32 bytes, base64url>"}}`.
 * @throws Error that says what is wrong and never holds a value
 */
export function parseKeyRing(text: string): KeyRing {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new Error('is not JSON: a key ring is {"current":"k1","keys":{"k1":"<32 random bytes as base64url>"}}')
  }
  const parsed = ringForm.safeParse(json)
  if (!parsed.success) throw new Error("is not a key ring: it has current and keys, ids of at most 16 word characters")
  const keys = new Map<string, Uint8Array>()
  for (const [id, value] of Object.entries(parsed.data.keys)) {
    const bytes = bytesOf(value)
    if (bytes?.length !== keyBytes) throw new Error("holds a key that is not 32 bytes of base64url")
    for (const other of keys.values())
      if (bytes.every((byte, n) => byte === other[n])) throw new Error("holds the same key under two ids")
    keys.set(id, bytes)
  }
  if (!keys.has(parsed.data.current)) throw new Error("names a current key that it does not hold")
  return { current: parsed.data.current, keys }
}
