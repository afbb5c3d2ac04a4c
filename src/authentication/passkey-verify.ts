/**
 * The two ceremonies of passkeys, verified (WebAuthn Level 3 §7.1 and §7.2) for what is asked for here: user verification always, no attestation, no
 * frames of other sites. Pure: whether a challenge counts once and whether a counter went back is for the user's object. Loaded at the first
 * ceremony. Held against @simplewebauthn/server by tests/authentication/passkey-oracle.test.ts.
 */
import { type CBORType, decodeCBOR, decodePartialCBOR } from "@levischuck/tiny-cbor"
import { base64url } from "jose"
import type { AssertionCredential, AttestationCredential } from "./passkey-shapes.ts"
import { concatBytes, equalBytes } from "./token.ts"

/** What a ceremony has to say. */
export interface Expected {
  /** base64url. */
  readonly challenge: string
  readonly origins: readonly string[]
  readonly rpId: string
}

/** What is wrong with a ceremony. */
export type CeremonyFault =
  | "malformed"
  | "wrong_type"
  | "wrong_challenge"
  | "wrong_origin"
  | "wrong_rp_id"
  | "no_user_presence"
  | "no_user_verification"
  | "unknown_algorithm"
  | "wrong_signature"

/** A credential that was made. */
export interface Registered {
  readonly fault: null
  readonly credential: string
  /** COSE key, base64url. */
  readonly publicKey: string
  readonly counter: number
  readonly isSynced: boolean
}

/** An assertion that holds. */
export interface Asserted {
  readonly fault: null
  readonly counter: number
  readonly isSynced: boolean
}

interface Failed {
  readonly fault: CeremonyFault
}

class Fault extends Error {
  readonly fault: CeremonyFault
  constructor(fault: CeremonyFault) {
    super(fault)
    this.fault = fault
  }
}

/** What throws otherwise is bytes that mean nothing. */
async function faultless<T>(run: () => Promise<T>): Promise<T | Failed> {
  try {
    return await run()
  } catch (thrown) {
    return { fault: thrown instanceof Fault ? thrown.fault : "malformed" }
  }
}

function must(holds: boolean, fault: CeremonyFault): void {
  if (!holds) throw new Fault(fault)
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false })
const encoder = new TextEncoder()

async function sha256(bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))
}

/** §7.1 steps 5 to 11, §7.2 steps 9 to 14: what the browser says of the call. Gives the bytes that are signed. */
function checkClientData(
  text: string,
  type: "webauthn.create" | "webauthn.get",
  { challenge, origins }: Expected,
): Uint8Array {
  const bytes = base64url.decode(text)
  const data = JSON.parse(decoder.decode(bytes)) as Record<string, unknown>
  must(data.type === type, "wrong_type")
  must(typeof data.challenge === "string", "malformed")
  must(equalBytes(encoder.encode(data.challenge as string), encoder.encode(challenge)), "wrong_challenge")
  // Nobody shows our pages in a frame, so there is no other site to be told of.
  const isFramed = data.crossOrigin === true || data.topOrigin !== undefined
  must(typeof data.origin === "string" && origins.includes(data.origin) && !isFramed, "wrong_origin")
  return bytes
}

interface AuthenticatorData {
  readonly counter: number
  readonly isSynced: boolean
  /** Of a credential that was just made. */
  readonly made: { readonly id: Uint8Array; readonly publicKey: Uint8Array } | null
}

const flag = { present: 1, verified: 4, eligible: 8, backedUp: 16, attested: 64, extended: 128 } as const

/** §6.1: 32 bytes of the site's hash, flags, counter; then a credential, then extensions. Nothing behind them. */
function attestedIn(bytes: Uint8Array): {
  readonly made: NonNullable<AuthenticatorData["made"]>
  readonly end: number
} {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const keyAt = 55 + view.getUint16(53)
  const id = bytes.slice(55, keyAt)
  must(id.length > 0 && id.length <= 1023 && keyAt < bytes.length, "malformed")
  const [, end] = decodePartialCBOR(bytes.slice(), keyAt)
  return { made: { id, publicKey: bytes.slice(keyAt, keyAt + end) }, end: keyAt + end }
}

async function checkAuthenticatorData(bytes: Uint8Array, { rpId }: Expected): Promise<AuthenticatorData> {
  must(bytes.length >= 37, "malformed")
  const flags = bytes[32] as number
  const has = (bit: number) => (flags & bit) !== 0
  const attested = has(flag.attested) ? attestedIn(bytes) : { made: null, end: 37 }
  const { made } = attested
  let { end } = attested
  if (has(flag.extended)) {
    const [extensions, length] = decodePartialCBOR(bytes.slice(), end)
    must(extensions instanceof Map, "malformed")
    end += length
  }
  must(end === bytes.length, "malformed")
  must(equalBytes(bytes.slice(0, 32), await sha256(encoder.encode(rpId))), "wrong_rp_id")
  must(has(flag.present), "no_user_presence")
  must(has(flag.verified), "no_user_verification")
  // §6.1.3: what may not be copied is not backed up.
  must(has(flag.eligible) || !has(flag.backedUp), "malformed")
  const counter = new DataView(bytes.buffer, bytes.byteOffset).getUint32(33)
  return { counter, isSynced: has(flag.eligible), made }
}

type Verifier = (signature: Uint8Array, data: Uint8Array) => Promise<boolean>

function bytesOf(key: ReadonlyMap<string | number, CBORType>, label: number, length?: number): string {
  const value = key.get(label)
  must(value instanceof Uint8Array && (length === undefined || value.length === length), "malformed")
  return base64url.encode(value as Uint8Array)
}

/** `SEQUENCE { r INTEGER, s INTEGER }` (RFC 3279 §2.2.3) as the 64 bytes that WebCrypto takes; null for anything else. */
function rawSignature(der: Uint8Array): Uint8Array | null {
  const raw = new Uint8Array(64)
  let at = 2
  for (const half of [0, 1]) {
    const length = der[at + 1] ?? 0
    const number = der.slice(at + 2, at + 2 + length)
    if (der[at] !== 2 || length === 0 || number.length !== length || ((number[0] as number) & 0x80) !== 0) return null
    const digits = number[0] === 0 ? number.slice(1) : number
    if (digits.length > 32 || (number[0] === 0 && length > 1 && ((number[1] as number) & 0x80) === 0)) return null
    raw.set(digits, half * 32 + 32 - digits.length)
    at += 2 + length
  }
  return der[0] === 0x30 && der[1] === der.length - 2 && at === der.length ? raw : null
}

/** The COSE algorithms that are offered, best first (IANA COSE Algorithms): Ed25519, ES256, RS256. */
export const algorithms = [-8, -7, -257] as const

/** A verifier for a COSE key (RFC 9053). Throws for one that was not offered. */
async function verifierOf(publicKey: Uint8Array): Promise<Verifier> {
  const key = decodeCBOR(publicKey.slice())
  if (!(key instanceof Map)) throw new Fault("malformed")
  const [type, algorithm] = [key.get(1), key.get(3)]
  const verifier =
    (jwk: JsonWebKey, parameters: object, form: (signature: Uint8Array) => Uint8Array | null): Verifier =>
    async (signature, data) => {
      const formed = form(signature)
      if (formed === null) return false
      const imported = await crypto.subtle.importKey("jwk", jwk, parameters as never, false, ["verify"])
      return crypto.subtle.verify(parameters as never, imported, formed, data)
    }
  if (type === 1 && algorithm === -8 && key.get(-1) === 6)
    return verifier({ kty: "OKP", crv: "Ed25519", x: bytesOf(key, -2, 32) }, { name: "Ed25519" }, (same) => same)
  if (type === 2 && algorithm === -7 && key.get(-1) === 1) {
    const jwk = { kty: "EC", crv: "P-256", x: bytesOf(key, -2, 32), y: bytesOf(key, -3, 32) }
    return verifier(jwk, { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }, rawSignature)
  }
  if (type === 3 && algorithm === -257) {
    const jwk = { kty: "RSA", n: bytesOf(key, -1), e: bytesOf(key, -2) }
    return verifier(jwk, { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, (same) => same)
  }
  throw new Fault("unknown_algorithm")
}

/**
 * Verifies that a credential was made for us, now. Attestation is not asked for, so what is said of it counts for nothing (§7.1, step 21: no trust
 * anchors).
 */
export function verifyRegistration(given: AttestationCredential, expected: Expected): Promise<Registered | Failed> {
  return faultless(async () => {
    must(given.id === given.rawId, "malformed")
    checkClientData(given.response.clientDataJSON, "webauthn.create", expected)
    const object = decodeCBOR(base64url.decode(given.response.attestationObject).slice())
    const data = object instanceof Map ? object.get("authData") : null
    if (!(data instanceof Uint8Array)) throw new Fault("malformed")
    const { counter, isSynced, made } = await checkAuthenticatorData(data, expected)
    if (made === null) throw new Fault("malformed")
    const credential = base64url.encode(made.id)
    must(credential === given.id, "malformed")
    await verifierOf(made.publicKey)
    return { fault: null, credential, publicKey: base64url.encode(made.publicKey), counter, isSynced }
  })
}

/**
 * Verifies that the holder of a key signed for us, now.
 * @param publicKey COSE key, base64url, as it was kept
 */
export function verifyAssertion(
  given: AssertionCredential,
  publicKey: string,
  expected: Expected,
): Promise<Asserted | Failed> {
  return faultless(async () => {
    must(given.id === given.rawId, "malformed")
    const { clientDataJSON, authenticatorData, signature } = given.response
    const clientData = checkClientData(clientDataJSON, "webauthn.get", expected)
    const data = base64url.decode(authenticatorData)
    const { counter, isSynced } = await checkAuthenticatorData(data, expected)
    const verify = await verifierOf(base64url.decode(publicKey))
    const signed = concatBytes(data, await sha256(clientData))
    must(await verify(base64url.decode(signature), signed), "wrong_signature")
    return { fault: null, counter, isSynced }
  })
}
