/**
 * One-time passwords by time (RFC 6238 over RFC 4226): HMAC-SHA-1, six digits, a step of 30 seconds, one step to either side for clocks that
 * differ. Which step was used already is for the user's object to know.
 */
import { encodeBase32 } from "./base32.ts"
import { equalBytes, type Random } from "./token.ts"

const stepSeconds = 30
const digits = 6
/** RFC 4226 §4, R6: 160 bits. */
const seedBytes = 20
/** RFC 6238 §5.2 allows for a step of delay; the step ahead is for a telephone that runs fast. */
const stepsAside = [-1, 0, 1]

const encoder = new TextEncoder()

/** A new seed. */
export function newSeed(random: Random): Uint8Array {
  return random(seedBytes)
}

/** The time step of an instant (RFC 6238 §4.2). */
export function stepOf(now: Date): number {
  return Math.floor(now.getTime() / 1000 / stepSeconds)
}

/**
 * The code of a counter (RFC 4226 §5.3).
 * @param length digits, 6 unless a test vector says otherwise
 */
export async function hotp(seed: Uint8Array, counter: number, length = digits): Promise<string> {
  const key = await crypto.subtle.importKey("raw", seed, { name: "HMAC", hash: "SHA-1" }, false, ["sign"])
  const message = new DataView(new ArrayBuffer(8))
  message.setBigUint64(0, BigInt(counter))
  const mac = new DataView(await crypto.subtle.sign("HMAC", key, message.buffer))
  const truncated = mac.getUint32(mac.getUint8(19) & 15) & 0x7fffffff
  return String(truncated % 10 ** length).padStart(length, "0")
}

/**
 * The step that a code is of, when it is one of those around now; null when the code is of none. Every step is computed and compared in constant
 * time, whichever it is.
 */
export async function matchingStep(seed: Uint8Array, code: string, now: Date): Promise<number | null> {
  const given = encoder.encode(code)
  let found: number | null = null
  for (const aside of stepsAside) {
    const step = stepOf(now) + aside
    if (equalBytes(given, encoder.encode(await hotp(seed, step)))) found = step
  }
  return found
}

/**
 * The address that authenticator apps read (Key Uri Format).
 * @param issuer name of the application
 * @param account whose it is, such as an address
 */
export function otpauthUri(seed: Uint8Array, issuer: string, account: string): string {
  const label = `${encodeURIComponent(issuer.replaceAll(":", " "))}:${encodeURIComponent(account)}`
  const parameters = [
    ["secret", encodeBase32(seed)],
    ["issuer", issuer],
    ["algorithm", "SHA1"],
    ["digits", String(digits)],
    ["period", String(stepSeconds)],
  ] as const
  // Apps read %20 and not the + of forms.
  return `otpauth://totp/${label}?${parameters.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&")}`
}

/** The same as a picture for the camera: SVG that loads nothing. */
export async function qrCode(uri: string): Promise<string> {
  const { renderSVG } = await import("uqr")
  return renderSVG(uri, { border: 2, ecc: "M" })
}
