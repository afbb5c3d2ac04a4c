/**
 * Secrets of endpoints and the signatures made with them (Standard Webhooks 1.0, "Webhook signatures"): `whsec_` and base64, HMAC-SHA256 over
 * `id.timestamp.body`. A secret is shown once and kept sealed.
 */
import type { Sealer } from "../../core/sealing.ts"
import type { DueDelivery } from "../../database/webhooks.ts"

const prefix = "whsec_"
const secretBytes = 32
const purpose = "webhook"
const encoder = new TextEncoder()

const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes))
const bytesOf = (text: string) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0))

/** A new secret, as its owner sees it this once. */
export function mintSecret(random: (length: number) => Uint8Array): string {
  return prefix + base64(random(secretBytes))
}

/** The secret as it is kept: it opens for this endpoint alone. */
export function sealSecret(sealer: Sealer, endpointId: string, secret: string): Promise<string> {
  return sealer.seal(purpose, endpointId, secret)
}

/**
 * The secrets that sign now, the current one first: after a rotation the one before signs beside it for a while.
 * @throws Error when the current one does not open: its key has left the ring KEK
 */
export async function openSecrets(
  sealer: Sealer,
  endpointId: string,
  endpoint: Pick<NonNullable<DueDelivery["endpoint"]>, "secretSealed" | "previousSealed" | "previousUntil">,
  now: Date,
): Promise<readonly string[]> {
  const { secretSealed, previousSealed, previousUntil } = endpoint
  const current = await sealer.open(purpose, endpointId, secretSealed)
  if (current === null) throw new Error("The endpoint's secret does not open under KEK: rotate it")
  const isStillGood = previousSealed !== null && previousUntil !== null && previousUntil > now.toISOString()
  const previous = isStillGood ? await sealer.open(purpose, endpointId, previousSealed) : null
  return previous === null ? [current] : [current, previous]
}

/**
 * The three headers of a message.
 * @param id the same in every attempt
 * @param secrets one signature each
 */
export async function signedHeaders(
  secrets: readonly string[],
  message: { readonly id: string; readonly now: Date; readonly body: string },
): Promise<Readonly<Record<string, string>>> {
  const timestamp = String(Math.floor(message.now.getTime() / 1000))
  const content = encoder.encode(`${message.id}.${timestamp}.${message.body}`)
  const signatures = secrets.map(async (secret) => {
    const raw = bytesOf(secret.slice(prefix.length))
    const key = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign"])
    return `v1,${base64(new Uint8Array(await crypto.subtle.sign("HMAC", key, content)))}`
  })
  return {
    "webhook-id": message.id,
    "webhook-timestamp": timestamp,
    "webhook-signature": (await Promise.all(signatures)).join(" "),
  }
}
