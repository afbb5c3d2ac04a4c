/**
 * Sealing: AES-256-GCM under a ring of keys, `s1.<key id>.<nonce and ciphertext, base64url>`. What was sealed for one purpose and id opens for
 * no other, so a stored value that is copied to another row is worth nothing there. Opening refuses (null) without telling why.
 */
import { base64url } from "jose"
import type { KeyRing, Sealer } from "../core/sealing.ts"
import type { Random } from "./token.ts"

const sealedForm = /^s1\.([A-Za-z0-9_-]{1,16})\.([A-Za-z0-9_-]+)$/
const nonceBytes = 12

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
