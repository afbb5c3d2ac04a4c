/**
 * Sealing: AES-256-GCM under a ring of keys, `s1.<key id>.<nonce and ciphertext, base64url>`. What was sealed for one purpose and id opens for
 * no other, so a stored value that is copied to another row is worth nothing there. Opening refuses (null) without telling why.
 */
import { base64url } from "jose"
import * as z from "zod"
import { equalBytes, type Random } from "./token.ts"

/** Keys of 32 bytes by id. New values are made with `current`; the others stay until nothing names them any more. */
export interface KeyRing {
  readonly current: string
  readonly keys: ReadonlyMap<string, Uint8Array>
}

/** Seals and opens text. */
export interface Sealer {
  /** @param id what the value belongs to, such as a user's id */
  seal(purpose: string, id: string, text: string): Promise<string>
  /** null: for another purpose or id, under a key that is not in the ring, changed, or not sealed text at all */
  open(purpose: string, id: string, sealed: string): Promise<string | null>
  /** True when it was sealed under a key that is not the current one, so should be sealed anew. */
  isStale(sealed: string): boolean
}

const keyIdForm = /^[A-Za-z0-9_-]{1,16}$/
const sealedForm = /^s1\.([A-Za-z0-9_-]{1,16})\.([A-Za-z0-9_-]+)$/
const keyBytes = 32
const nonceBytes = 12

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
    const bytes = base64url.decode(value)
    if (bytes.length !== keyBytes) throw new Error("holds a key that is not 32 bytes of base64url")
    for (const other of keys.values()) if (equalBytes(bytes, other)) throw new Error("holds the same key under two ids")
    keys.set(id, bytes)
  }
  if (!keys.has(parsed.data.current)) throw new Error("names a current key that it does not hold")
  return { current: parsed.data.current, keys }
}

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/**
 * Seals with a ring.
 * @param random gives the nonces. Under one key at most 2^32 values: rotate long before.
 */
export function sealer(ring: KeyRing, random: Random): Sealer {
  const imported = new Map<string, CryptoKey>()
  const keyOf = async (id: string): Promise<CryptoKey | null> => {
    const known = imported.get(id)
    if (known !== undefined) return known
    const bytes = ring.keys.get(id)
    if (bytes === undefined) return null
    const key = await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"])
    imported.set(id, key)
    return key
  }
  // JSON keeps the parts apart whatever they hold.
  const algorithm = (iv: Uint8Array, keyId: string, purpose: string, id: string) => ({
    name: "AES-GCM",
    iv,
    additionalData: encoder.encode(JSON.stringify(["selvage.seal.1", keyId, purpose, id])),
  })
  return {
    async seal(purpose, id, text) {
      const key = await keyOf(ring.current)
      if (key === null) throw new Error("The key ring has no current key")
      const nonce = random(nonceBytes)
      const ciphertext = await crypto.subtle.encrypt(
        algorithm(nonce, ring.current, purpose, id),
        key,
        encoder.encode(text),
      )
      const bytes = new Uint8Array(nonceBytes + ciphertext.byteLength)
      bytes.set(nonce)
      bytes.set(new Uint8Array(ciphertext), nonceBytes)
      return `s1.${ring.current}.${base64url.encode(bytes)}`
    },
    async open(purpose, id, sealed) {
      const [, keyId, body] = sealedForm.exec(sealed) ?? []
      if (keyId === undefined || body === undefined) return null
      const key = await keyOf(keyId)
      if (key === null) return null
      try {
        const bytes = base64url.decode(body)
        // One value has one text.
        if (base64url.encode(bytes) !== body) return null
        const nonce = bytes.slice(0, nonceBytes)
        return decoder.decode(
          await crypto.subtle.decrypt(algorithm(nonce, keyId, purpose, id), key, bytes.slice(nonceBytes)),
        )
      } catch {
        return null
      }
    },
    isStale: (sealed) => sealedForm.exec(sealed)?.[1] !== ring.current,
  }
}
