/**
 * Argon2id hashes as PHC text, `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`. Reading refuses (null) what is not exactly of this form: another
 * variant or version, parameters that no hash of ours has, base64 that is not canonical.
 */

/** What a hash costs (RFC 9106 §3.1). */
export interface Argon2Parameters {
  readonly memoryKiB: number
  readonly passes: number
  readonly lanes: number
}

/** A hash and all that is needed to compute it again. */
export interface Argon2Hash {
  readonly parameters: Argon2Parameters
  readonly salt: Uint8Array
  readonly hash: Uint8Array
}

/**
 * 19 MiB, two passes, one lane (OWASP). More memory is not stronger here: an isolate has 128 MiB for all of its requests, and WebAssembly
 * memory never shrinks.
 */
export const argon2Defaults: Argon2Parameters = { memoryKiB: 19_456, passes: 2, lanes: 1 }

/** Bytes of a new hash and of its salt. */
export const argon2Lengths = { hash: 32, salt: 16 } as const

/** Bounds of what is computed: a stored text can not ask for more than an isolate has. */
export const argon2Bounds = { memoryKiB: 65_536, passes: 16, lanes: 4, bytes: 64 } as const

const form = /^\$argon2id\$v=19\$m=(\d{1,6}),t=(\d{1,2}),p=(\d)\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{16,86})$/

function encodeBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replace(/=+$/, "")
}

function decodeBase64(text: string): Uint8Array | null {
  if (text.length % 4 === 1) return null
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  return encodeBase64(bytes) === text ? bytes : null
}

/** True when an isolate may compute a hash of these parameters. */
export function argon2Computable({ memoryKiB, passes, lanes }: Argon2Parameters): boolean {
  const within = (value: number, least: number, most: number) =>
    Number.isInteger(value) && value >= least && value <= most
  return (
    within(lanes, 1, argon2Bounds.lanes) &&
    within(memoryKiB, 8 * lanes, argon2Bounds.memoryKiB) &&
    within(passes, 1, argon2Bounds.passes)
  )
}

/** A hash as PHC text. */
export function formatArgon2({ parameters, salt, hash }: Argon2Hash): string {
  const { memoryKiB, passes, lanes } = parameters
  return `$argon2id$v=19$m=${memoryKiB},t=${passes},p=${lanes}$${encodeBase64(salt)}$${encodeBase64(hash)}`
}

/** PHC text taken apart; null when it is not one of ours. */
export function parseArgon2(text: string): Argon2Hash | null {
  const match = form.exec(text)
  if (match === null) return null
  const [, memoryKiB, passes, lanes, saltText = "", hashText = ""] = match
  const parameters = { memoryKiB: Number(memoryKiB), passes: Number(passes), lanes: Number(lanes) }
  const salt = decodeBase64(saltText)
  const hash = decodeBase64(hashText)
  if (salt === null || hash === null || !argon2Computable(parameters)) return null
  const parsed = { parameters, salt, hash }
  // Leading zeros and the like: one hash has one text.
  return formatArgon2(parsed) === text ? parsed : null
}

/** True when the parameters are not those that new hashes have. */
export function argon2Stale(parameters: Argon2Parameters, wanted: Argon2Parameters): boolean {
  return (
    parameters.memoryKiB !== wanted.memoryKiB ||
    parameters.passes !== wanted.passes ||
    parameters.lanes !== wanted.lanes
  )
}
