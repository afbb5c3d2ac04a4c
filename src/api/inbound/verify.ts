/** Whether a message comes from who holds the secret: constant in time, over the bytes as they came. Refuses without saying why. */
import type { Verification } from "../../core/inbound.ts"

/** What was verified: the message's own id. */
export interface Verified {
  readonly id: string
}

const encoder = new TextEncoder()

function fromBase64(text: string): Uint8Array | null {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  } catch {
    return null
  }
}

function fromHex(text: string): Uint8Array | null {
  if (!/^([0-9a-fA-F]{2})+$/.test(text)) return null
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}

/** WebCrypto compares in constant time. */
async function holds(secret: Uint8Array, signature: Uint8Array, content: Uint8Array): Promise<boolean> {
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["verify"])
  return crypto.subtle.verify("HMAC", key, signature, content)
}

function joined(head: Uint8Array, body: Uint8Array): Uint8Array {
  const whole = new Uint8Array(head.length + body.length)
  whole.set(head)
  whole.set(body, head.length)
  return whole
}

async function verifyStandard(
  { toleranceSeconds }: Extract<Verification, { kind: "standard" }>,
  secret: string,
  { headers, bytes, now }: Presented,
): Promise<Verified | null> {
  const id = headers.get("webhook-id")
  const timestamp = headers.get("webhook-timestamp")
  const signatures = headers.get("webhook-signature")
  const raw = fromBase64(secret.replace(/^whsec_/, ""))
  if (!id || !timestamp || !signatures || raw === null || !/^[0-9]{1,12}$/.test(timestamp)) return null
  if (Math.abs(now.getTime() / 1000 - Number(timestamp)) > toleranceSeconds) return null
  const content = joined(encoder.encode(`${id}.${timestamp}.`), bytes)
  // While a secret is changed there are two, and no sender needs more than a few.
  const given = signatures.split(" ").slice(0, 10)
  const verdicts = given.map(async (text) => {
    const signature = text.startsWith("v1,") ? fromBase64(text.slice(3)) : null
    return signature !== null && (await holds(raw, signature, content))
  })
  return (await Promise.all(verdicts)).includes(true) ? { id } : null
}

async function hashOf(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("")
}

async function verifyHmac(
  { header, prefix, encoding, id }: Extract<Verification, { kind: "hmac" }>,
  secret: string,
  { headers, bytes }: Presented,
): Promise<Verified | null> {
  const text = headers.get(header)
  if (!text?.startsWith(prefix)) return null
  const signature = (encoding === "hex" ? fromHex : fromBase64)(text.slice(prefix.length))
  if (signature === null || !(await holds(encoder.encode(secret), signature, bytes))) return null
  const own = id === null ? await hashOf(bytes) : headers.get(id)
  return own ? { id: own } : null
}

/** A message as it came. */
export interface Presented {
  readonly headers: Headers
  readonly bytes: Uint8Array
  readonly now: Date
}

/**
 * Verifies a message.
 * @returns null for a signature that is missing, malformed, too old, or another's
 */
export function verifyMessage(
  verification: Verification,
  secret: string,
  presented: Presented,
): Promise<Verified | null> {
  return verification.kind === "standard"
    ? verifyStandard(verification, secret, presented)
    : verifyHmac(verification, secret, presented)
}
