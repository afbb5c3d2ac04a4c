/**
 * The MAC of a refresh token: HMAC-SHA-256(session key, seed, sid, counter), computed here in the object.
 *
 * The session key is HMAC(ring key, user id, sid), derived by the Worker and sent along with each call; the object never stores it and never
 * sees the ring. The seed is drawn here and never leaves. So neither the ring alone nor the object's storage alone can forge a token, a
 * refresh stays one call, and the counter is looked at only after the MAC held: a wrong MAC changes nothing and is answered like an unknown
 * session. What the decision needs of the counter comes afterwards, in one synchronous transaction; the seed never changes, so nothing can
 * get in between.
 */

const encoder = new TextEncoder()
const algorithm = { name: "HMAC", hash: "SHA-256" } as const

function message(seed: Uint8Array, sid: string, counter: number): Uint8Array {
  const head = encoder.encode("selvage.refresh.1\n")
  const tail = encoder.encode(`\n${sid}\n${counter}`)
  const bytes = new Uint8Array(head.length + seed.length + tail.length)
  bytes.set(head)
  bytes.set(seed, head.length)
  bytes.set(tail, head.length + seed.length)
  return bytes
}

/** The MAC of one counter, 32 bytes. */
export async function refreshMac(key: Uint8Array, seed: Uint8Array, sid: string, counter: number): Promise<Uint8Array> {
  const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"])
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, message(seed, sid, counter)))
}

/** Whether a presented MAC holds; compared in constant time. */
export async function refreshMacHolds(
  key: Uint8Array,
  seed: Uint8Array,
  sid: string,
  counter: number,
  mac: Uint8Array,
): Promise<boolean> {
  const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["verify"])
  return crypto.subtle.verify("HMAC", imported, mac, message(seed, sid, counter))
}
