/**
 * Refresh tokens: `sv_rt_` + user, session, counter, the tag of a ring key and the MAC that the user's object computes. Nothing of a token is
 * stored. The ring never leaves the Worker: the object gets a key of one session, `HMAC(ring key, user, sid)`, with each call.
 * Reading refuses (null) a token under a key that is no longer in the ring.
 */
import type { KeyRing } from "../core/sealing.ts"
import { concatBytes, crc32, formatToken, idRoute, parseToken, routeId } from "./token.ts"

/** Prefix of the TypeIDs of sessions. */
export const sessionPrefix = "session"

/** What the object gave for a new token. */
export interface RefreshParts {
  readonly user: string
  /** TypeID of the session. */
  readonly sid: string
  /** 0 to 2^32 - 1. */
  readonly counter: number
  /** 32 bytes. */
  readonly mac: Uint8Array
}

/** A presented token with the keys that the object needs to check it and to make the next. */
export interface PresentedRefresh extends RefreshParts {
  /** The session's key under the ring key that the token names. */
  readonly key: Uint8Array
  /** The same under the current ring key. */
  readonly nextKey: Uint8Array
}

/** Makes and reads refresh tokens. */
export interface RefreshTokens {
  /** The session's key under the current ring key, 32 bytes. For the object; never stored. */
  sessionKey(user: string, sid: string): Promise<Uint8Array>
  /** A token that names the current ring key; the MAC must have been made with `sessionKey` or `nextKey`. */
  format(parts: RefreshParts): string
  read(text: string): Promise<PresentedRefresh | null>
}

const encoder = new TextEncoder()
const algorithm = { name: "HMAC", hash: "SHA-256" } as const

/**
 * Refresh tokens under a ring.
 * @throws Error when two ids of the ring have the same tag (one in four thousand million): name one otherwise
 */
export function refreshTokens(ring: KeyRing): RefreshTokens {
  const tags = new Map<number, string>()
  for (const id of ring.keys.keys()) {
    const tag = crc32(encoder.encode(id))
    if (tags.has(tag)) throw new Error("holds two key ids with the same checksum: name one otherwise")
    tags.set(tag, id)
  }
  const imported = new Map<string, CryptoKey>()
  const derive = async (keyId: string, user: string, sid: string): Promise<Uint8Array> => {
    let key = imported.get(keyId)
    if (key === undefined) {
      const bytes = ring.keys.get(keyId)
      if (bytes === undefined) throw new Error("The key ring has no current key")
      key = await crypto.subtle.importKey("raw", bytes, algorithm, false, ["sign"])
      imported.set(keyId, key)
    }
    const message = encoder.encode(JSON.stringify(["selvage.session.1", user, sid]))
    return new Uint8Array(await crypto.subtle.sign("HMAC", key, message))
  }
  return {
    sessionKey: (user, sid) => derive(ring.current, user, sid),
    format({ user, sid, counter, mac }) {
      const numbers = new Uint8Array(8)
      new DataView(numbers.buffer).setUint32(0, counter)
      new DataView(numbers.buffer).setUint32(4, crc32(encoder.encode(ring.current)))
      return formatToken("rt", idRoute(user), concatBytes(idRoute(sid), numbers, mac))
    },
    async read(text) {
      const parsed = parseToken(["rt"], text)
      if (parsed === null) return null
      const { payload } = parsed
      const view = new DataView(payload.buffer, payload.byteOffset, payload.length)
      const keyId = tags.get(view.getUint32(20))
      if (keyId === undefined) return null
      const user = routeId("user", parsed.route)
      const sid = routeId(sessionPrefix, payload.slice(0, 16))
      const [key, nextKey] = await Promise.all([derive(keyId, user, sid), derive(ring.current, user, sid)])
      return { user, sid, counter: view.getUint32(16), mac: payload.slice(24), key, nextKey }
    },
  }
}
