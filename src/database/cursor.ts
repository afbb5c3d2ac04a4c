/**
 * Cursors: the place after which the next page begins, signed with HMAC-SHA-256 over the query that made it and the principal whom it was
 * made for. A cursor that was changed, forged, or taken to another query is refused with the same words.
 */
import type { SqlValue } from "../authorization/statement.ts"
import { invalid, type Problem } from "../core/problem.ts"

/** Makes and reads cursors. */
export interface CursorSeal {
  /** @param context what the cursor is bound to: resource, filter, order, words, principal */
  seal(values: readonly SqlValue[], context: string): Promise<string>
  /** @throws Problem INVALID_ARGUMENT at "/cursor" */
  open(cursor: string, context: string, length: number): Promise<readonly SqlValue[]>
}

const encoder = new TextEncoder()
const keys = new Map<string, CryptoKey>()

async function keyOf(secret: string): Promise<CryptoKey> {
  const known = keys.get(secret)
  if (known) return known
  const key = await crypto.subtle.importKey("raw", encoder.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
    "verify",
  ])
  keys.set(secret, key)
  return key
}

/** @param secret HMAC-SHA-256 key, or the text to make it of (imported once an isolate) */
export function cursorSeal(secret: CryptoKey | string): CursorSeal {
  const key = async () => (typeof secret === "string" ? keyOf(secret) : secret)
  const signed = (payload: string, context: string) => encoder.encode(`cursor\n${payload}\n${context}`)
  return {
    seal: async (values, context) => {
      const payload = toBase64Url(encoder.encode(JSON.stringify(values)))
      const signature = await crypto.subtle.sign("HMAC", await key(), signed(payload, context))
      return `${payload}.${toBase64Url(new Uint8Array(signature))}`
    },
    open: async (cursor, context, length) => {
      const dot = cursor.indexOf(".")
      const payload = cursor.slice(0, Math.max(dot, 0))
      const signature = fromBase64Url(cursor.slice(dot + 1))
      if (dot < 1 || signature === null || signature.length !== 32) throw refused()
      if (!(await crypto.subtle.verify("HMAC", await key(), signature, signed(payload, context)))) throw refused()
      const bytes = fromBase64Url(payload)
      const values: unknown = bytes === null ? null : JSON.parse(new TextDecoder().decode(bytes))
      if (!Array.isArray(values) || values.length !== length) throw refused()
      return values as SqlValue[]
    },
  }
}

function refused(): Problem {
  return invalid("/cursor", "invalid_cursor", "This cursor does not belong to this query")
}

function toBase64Url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true })
}

/** Bytes, or null when the text is not the one spelling of them. */
function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    const bytes = Uint8Array.fromBase64(text, { alphabet: "base64url", lastChunkHandling: "loose" })
    return toBase64Url(bytes) === text ? bytes : null
  } catch {
    return null
  }
}
