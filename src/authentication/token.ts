/**
 * The text of opaque tokens: `sv_<kind>_` + base62(16-byte route, payload, CRC-32), of one width a kind. The route is the id of whose object
 * knows the token, so that no lookup is needed to find it; the checksum, over the kind too, refuses what was mistyped or made up before
 * anything is asked. Reading refuses (null) without telling why. A checksum proves nothing: the secret does.
 */
import { TypeID } from "typeid-js"

/** Bytes that nobody can guess. The only source of randomness. */
export type Random = (length: number) => Uint8Array

/** Kinds and the bytes of their payload. */
const payloads = {
  /** API key. */
  live: 32,
  /** API key of a development environment. */
  test: 32,
  /** Refresh token: sid 16, counter 4, key tag 4, MAC 32. */
  rt: 56,
  /** OAuth access token of a program: id of the grant 12, secret 24. */
  at: 36,
  /** OAuth refresh token of a program, the same. */
  gr: 36,
  /** OAuth authorization code, the same. */
  ac: 36,
  /** One-time: confirms an e-mail address. */
  em: 32,
  /** One-time: sets a new password. */
  rs: 32,
  /** One-time: magic link. */
  ml: 32,
  /** One-time: confirms a sign-in by mail. */
  cs: 32,
  /** One-time: changes an e-mail address. */
  ce: 32,
  /** One-time: accepts an invitation. */
  iv: 32,
  /** One-time: makes the first administrator. */
  st: 32,
  /** Ticket of a sign-in that waits for the second factor: sid 16, secret 32. */
  mf: 48,
} as const

/** What a token is for; it stands in its text. */
export type TokenKind = keyof typeof payloads

/** A token taken apart. */
export interface ParsedToken<K extends TokenKind = TokenKind> {
  readonly kind: K
  /** 16 bytes: see `routeId`. */
  readonly route: Uint8Array
  readonly payload: Uint8Array
}

const routeBytes = 16
const checksumBytes = 4
const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
const digits = new Map(Array.from(alphabet, (character, value) => [character, BigInt(value)]))
const textForm = /^sv_([a-z]{2,4})_([0-9A-Za-z]+)$/

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
  return value
})

/** CRC-32 (ISO-HDLC, as in zip) of some bytes. */
export function crc32(bytes: Uint8Array): number {
  let value = 0xffffffff
  for (const byte of bytes) value = (value >>> 8) ^ (crcTable[(value ^ byte) & 0xff] as number)
  return ~value >>> 0
}

/** Bytes one after another. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/** Bytes as lower-case hex. */
export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
}

/** True when equal; takes as long for a difference at the start as at the end. Lengths are no secret. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && crypto.subtle.timingSafeEqual(a, b)
}

function widthOf(bytes: number): number {
  return Math.ceil((bytes * 8) / Math.log2(alphabet.length))
}

function encodeBase62(bytes: Uint8Array): string {
  let value = BigInt(`0x${hexOf(bytes)}`)
  let text = ""
  for (; value > 0n; value /= 62n) text = (alphabet[Number(value % 62n)] as string) + text
  return text.padStart(widthOf(bytes.length), "0")
}

function decodeBase62(text: string, length: number): Uint8Array | null {
  if (text.length !== widthOf(length)) return null
  let value = 0n
  for (const character of text) value = value * 62n + (digits.get(character) as bigint)
  const hex = value.toString(16).padStart(length * 2, "0")
  if (hex.length !== length * 2) return null
  return Uint8Array.from({ length }, (_, at) => Number.parseInt(hex.slice(at * 2, at * 2 + 2), 16))
}

const encoder = new TextEncoder()

function checksum(kind: TokenKind, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(checksumBytes)
  new DataView(bytes.buffer).setUint32(0, crc32(concatBytes(encoder.encode(`sv_${kind}_`), body)))
  return bytes
}

/**
 * A token as text.
 * @param route 16 bytes, see `idRoute`
 * @throws RangeError when route or payload have not the length of the kind
 */
export function formatToken(kind: TokenKind, route: Uint8Array, payload: Uint8Array): string {
  if (route.length !== routeBytes || payload.length !== payloads[kind])
    throw new RangeError(`A token of kind ${kind} has a payload of ${payloads[kind]} bytes`)
  const body = concatBytes(route, payload)
  return `sv_${kind}_${encodeBase62(concatBytes(body, checksum(kind, body)))}`
}

/** A token of one of the kinds, taken apart; null when it is none. Costs no I/O. */
export function parseToken<K extends TokenKind>(kinds: readonly K[], text: string): ParsedToken<K> | null {
  // The longest is 109 characters: what is longer is not worth a look.
  if (text.length > 128) return null
  const [, name, digitsText] = textForm.exec(text) ?? []
  const kind = kinds.find((one) => one === name)
  if (kind === undefined || digitsText === undefined) return null
  const length = routeBytes + payloads[kind]
  const bytes = decodeBase62(digitsText, length + checksumBytes)
  if (bytes === null) return null
  const body = bytes.subarray(0, length)
  if (!equalBytes(bytes.subarray(length), checksum(kind, body))) return null
  return { kind, route: body.slice(0, routeBytes), payload: body.slice(routeBytes) }
}

/**
 * The 16 bytes of a TypeID, such as `user_01h…`.
 * @throws RangeError when it is none
 */
export function idRoute(id: string): Uint8Array {
  const prefix = id.slice(0, id.lastIndexOf("_"))
  try {
    const route = TypeID.fromString(id).toUUIDBytes()
    if (routeId(prefix, route) === id) return Uint8Array.from(route)
  } catch {
    // Falls through to the one refusal.
  }
  throw new RangeError("Not a TypeID")
}

/** The TypeID of 16 bytes. */
export function routeId(prefix: string, route: Uint8Array): string {
  return TypeID.fromUUIDBytes(prefix, route).toString()
}

/** SHA-256 as lower-case hex: what is stored of a secret of 256 bits, which is too much to guess. */
export async function hashSecret(secret: Uint8Array): Promise<string> {
  return hexOf(new Uint8Array(await crypto.subtle.digest("SHA-256", secret)))
}
