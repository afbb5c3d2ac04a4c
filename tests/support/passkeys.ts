/** An authenticator in software: makes and uses passkeys as a browser would, with every part to be bent for the tests that expect a refusal. */
import { encodeCBOR } from "@levischuck/tiny-cbor"
import { base64url } from "jose"

type Bytes = Uint8Array

/** What a test bends. */
export interface Bend {
  readonly origin?: string
  readonly rpId?: string
  readonly type?: string
  readonly challenge?: string
  readonly crossOrigin?: boolean
  readonly topOrigin?: string
  /** Bits of §6.1 that are taken away, and that are set. */
  readonly without?: number
  readonly with?: number
  readonly counter?: number
  readonly userHandle?: string | null
  /** Bytes behind the authenticator data. */
  readonly behind?: Bytes
  readonly rawId?: string
  /** Whatever becomes of the signature. */
  readonly signature?: (signature: Bytes) => Bytes
  /** Signed by another key. */
  readonly forged?: boolean
  /** Another COSE key than the one that was made. */
  readonly key?: Map<number, number | Bytes>
}

/** Bits of the flags. */
export const bits = { present: 1, verified: 4, eligible: 8, backedUp: 16, attested: 64, extended: 128 } as const

export type Algorithm = "ES256" | "EdDSA" | "RS256"

/** Where it is used, as the browser says it. */
export interface Site {
  readonly origin: string
}

interface CreationOptions {
  readonly challenge: string
  readonly rp: { readonly id: string }
  readonly user: { readonly id: string }
}

interface RequestOptions {
  readonly challenge: string
  readonly rpId: string
}

/** A passkey that was made; it is one after `create`. */
export interface SoftPasskey {
  readonly id: string
  create(
    options: CreationOptions,
    bend?: Bend,
  ): Promise<{
    id: string
    rawId: string
    type: "public-key"
    response: { clientDataJSON: string; attestationObject: string; transports: string[] }
  }>
  get(
    options: RequestOptions,
    bend?: Bend,
  ): Promise<{
    id: string
    rawId: string
    type: "public-key"
    response: { clientDataJSON: string; authenticatorData: string; signature: string; userHandle?: string }
  }>
  /** The same key elsewhere, with a counter of its own: a copy. */
  copy(counter: number): SoftPasskey
}

const encoder = new TextEncoder()

const generations = {
  ES256: { name: "ECDSA", namedCurve: "P-256" },
  EdDSA: { name: "Ed25519" },
  RS256: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
} as const

const signings = {
  ES256: { name: "ECDSA", hash: "SHA-256" },
  EdDSA: { name: "Ed25519" },
  RS256: { name: "RSASSA-PKCS1-v1_5" },
} as const

function concat(...parts: readonly Bytes[]): Bytes {
  return Uint8Array.from(parts.flatMap((part) => [...part]))
}

async function sha256(bytes: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))
}

/** The 64 bytes of WebCrypto as the DER that authenticators give. */
function derOf(raw: Bytes): Bytes {
  const integer = (bytes: Bytes) => {
    let from = 0
    while (from < bytes.length - 1 && bytes[from] === 0) from++
    const digits = bytes.slice(from)
    const body = ((digits[0] as number) & 0x80) !== 0 ? concat(new Uint8Array([0]), digits) : digits
    return concat(new Uint8Array([2, body.length]), body)
  }
  const both = concat(integer(raw.slice(0, 32)), integer(raw.slice(32)))
  return concat(new Uint8Array([0x30, both.length]), both)
}

async function coseOf(algorithm: Algorithm, key: CryptoKey): Promise<Map<number, number | Bytes>> {
  const jwk = (await crypto.subtle.exportKey("jwk", key)) as JsonWebKey
  const bytes = (text: string | undefined) => base64url.decode(text ?? "")
  if (algorithm === "ES256")
    return new Map<number, number | Bytes>([
      [1, 2],
      [3, -7],
      [-1, 1],
      [-2, bytes(jwk.x)],
      [-3, bytes(jwk.y)],
    ])
  if (algorithm === "EdDSA")
    return new Map<number, number | Bytes>([
      [1, 1],
      [3, -8],
      [-1, 6],
      [-2, bytes(jwk.x)],
    ])
  return new Map<number, number | Bytes>([
    [1, 3],
    [3, -257],
    [-1, bytes(jwk.n)],
    [-2, bytes(jwk.e)],
  ])
}

async function pair(algorithm: Algorithm): Promise<CryptoKeyPair> {
  return (await crypto.subtle.generateKey(generations[algorithm] as never, true, ["sign", "verify"])) as CryptoKeyPair
}

function clientData(site: Site, type: string, challenge: string, bend: Bend): Bytes {
  const { origin = site.origin, crossOrigin = false, topOrigin } = bend
  const data = { type: bend.type ?? type, challenge: bend.challenge ?? challenge, origin, crossOrigin }
  return encoder.encode(JSON.stringify(topOrigin === undefined ? data : { ...data, topOrigin }))
}

/**
 * A passkey that does not exist yet.
 * @param counter null: it keeps none, and says 0
 */
export async function softPasskey(
  site: Site,
  {
    algorithm = "ES256",
    counter = null,
    isSynced = false,
  }: { algorithm?: Algorithm; counter?: number | null; isSynced?: boolean } = {},
): Promise<SoftPasskey> {
  const keys = await pair(algorithm)
  const id = crypto.getRandomValues(new Uint8Array(16))
  let userId = ""
  let stranger: CryptoKeyPair | null = null
  const over = (start: number | null): SoftPasskey => {
    let count = start
    const data = async (rpId: string, flags: number, bend: Bend, behind: Bytes = new Uint8Array()) => {
      if (count !== null) count++
      const said = bend.counter ?? count ?? 0
      const all =
        ((isSynced ? bits.eligible | bits.backedUp : 0) | bits.present | bits.verified | flags | (bend.with ?? 0)) &
        ~(bend.without ?? 0)
      const counted = new Uint8Array(5)
      counted[0] = all
      new DataView(counted.buffer).setUint32(1, said)
      return concat(await sha256(encoder.encode(bend.rpId ?? rpId)), counted, behind, bend.behind ?? new Uint8Array())
    }
    return {
      id: base64url.encode(id),
      async create({ challenge, rp, user }, bend = {}) {
        userId = user.id
        const client = clientData(site, "webauthn.create", challenge, bend)
        const cose = encodeCBOR((bend.key ?? (await coseOf(algorithm, keys.publicKey))) as never)
        const attested = concat(new Uint8Array(16), new Uint8Array([0, id.length]), id, cose)
        const authData = await data(rp.id, bits.attested, bend, attested)
        const object = new Map<string, unknown>([
          ["fmt", "none"],
          ["attStmt", new Map()],
          ["authData", authData],
        ])
        return {
          id: base64url.encode(id),
          rawId: bend.rawId ?? base64url.encode(id),
          type: "public-key",
          response: {
            clientDataJSON: base64url.encode(client),
            attestationObject: base64url.encode(encodeCBOR(object as never)),
            transports: ["internal"],
          },
        }
      },
      async get({ challenge, rpId }, bend = {}) {
        const client = clientData(site, "webauthn.get", challenge, bend)
        const authData = await data(rpId, 0, bend)
        const signed = concat(authData, await sha256(client))
        if (bend.forged) stranger ??= await pair(algorithm)
        const { privateKey } = bend.forged ? (stranger as CryptoKeyPair) : keys
        const raw = new Uint8Array(await crypto.subtle.sign(signings[algorithm] as never, privateKey, signed))
        const signature = algorithm === "ES256" ? derOf(raw) : raw
        const handle = bend.userHandle === undefined ? userId : bend.userHandle
        return {
          id: base64url.encode(id),
          rawId: bend.rawId ?? base64url.encode(id),
          type: "public-key",
          response: {
            clientDataJSON: base64url.encode(client),
            authenticatorData: base64url.encode(authData),
            signature: base64url.encode(bend.signature?.(signature) ?? signature),
            ...(handle === null ? {} : { userHandle: handle }),
          },
        }
      },
      copy: over,
    }
  }
  return over(counter)
}
