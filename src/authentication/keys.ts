/**
 * The signing keys of an isolate: kept five minutes, asked for again at most every ten seconds when a token names a kid that is not known.
 * A key that is not in D1 verifies nothing; without D1 nothing stale is trusted: UNAVAILABLE.
 */
import { importJWK } from "jose"
import {
  defaultRotationRules,
  isOver,
  type RotationMode,
  type RotationRules,
  type RotationStep,
} from "./keys-rotation.ts"
import {
  type KeyPorts,
  keysUnavailable,
  type PublicSigningKey,
  privateKeyPurpose,
  readKeys,
  rotateKeys,
  type StoredKey,
} from "./keys-table.ts"

/** The key that signs now. */
export interface Signer {
  readonly kid: string
  readonly key: CryptoKey
}

/** What an isolate knows of the signing keys. */
export interface SigningKeys {
  /** The public key of a kid; null when no token of it holds. No I/O while what is kept is fresh and the kid known. */
  verifier(kid: string, now: Date): Promise<CryptoKey | null>
  /**
   * Whether what a kid has signed still holds: a token that was verified earlier must not outlive its key. No promise, by what is kept; what
   * is kept for five minutes is asked for again behind the answer, and not believed for longer than ten.
   */
  holds(kid: string, now: Date, behind: (work: Promise<unknown>) => void): boolean | Promise<boolean>
  /** The current key; makes the first keys when there are none. */
  signer(now: Date): Promise<Signer>
  /** What `/.well-known/jwks.json` answers: next, current and retired keys, no private part. */
  jwks(now: Date): Promise<{ readonly keys: readonly PublicSigningKey[] }>
  /** See `rotateKeys`. This isolate knows the result at once, others within five minutes. */
  rotate(now: Date, mode: RotationMode): Promise<readonly RotationStep[]>
}

/** What an isolate keeps. */
interface Kept {
  readonly at: number
  readonly keys: readonly StoredKey[]
  readonly verifiers: Map<string, CryptoKey>
  signer: Signer | null
}

const keepMs = 5 * 60_000
const refetchMs = 10_000

async function importPublic(key: PublicSigningKey): Promise<CryptoKey> {
  return (await importJWK({ ...key }, "EdDSA")) as CryptoKey
}

async function importPrivate({ sealer }: KeyPorts, key: StoredKey): Promise<CryptoKey> {
  const text = await sealer.open(privateKeyPurpose, key.kid, key.sealedPrivate)
  if (text === null) throw keysUnavailable(`the private part of the signing key ${key.kid} does not open`)
  return (await importJWK(JSON.parse(text), "EdDSA")) as CryptoKey
}

/** The keys of an isolate. */
export function signingKeys(ports: KeyPorts, rules: RotationRules = defaultRotationRules): SigningKeys {
  let kept: Kept | null = null
  let askedAt = Number.NEGATIVE_INFINITY
  let reloading: Promise<unknown> | null = null

  const load = async (now: Date): Promise<Kept> => {
    const at = now.getTime()
    askedAt = at
    let rows = await readKeys(ports.database)
    if (!rows.some(({ state }) => state === "current")) {
      await rotateKeys(ports, now, "due", rules)
      rows = await readKeys(ports.database)
    }
    const loaded: Kept = { at, keys: rows, verifiers: new Map(), signer: null }
    kept = loaded
    return loaded
  }
  // A clock that went back makes what is kept of unknown age.
  const fresh = (now: Date): Promise<Kept> | Kept => {
    const age = kept === null ? Number.NaN : now.getTime() - kept.at
    return kept !== null && age >= 0 && age < keepMs ? kept : load(now)
  }
  const published = ({ keys }: Kept, now: Date) => keys.filter((key) => !isOver(key, now.getTime(), rules))

  return {
    async verifier(kid, now) {
      let known = await fresh(now)
      const find = () => published(known, now).find((key) => key.kid === kid)
      if (find() === undefined) {
        if (Math.abs(now.getTime() - askedAt) < refetchMs) return null
        known = await load(now)
      }
      const row = find()
      if (row === undefined) return null
      let key = known.verifiers.get(kid)
      if (key === undefined) known.verifiers.set(kid, (key = await importPublic(row.publicJwk)))
      return key
    },
    holds(kid, now, behind) {
      const names = ({ keys }: Kept) => keys.some((key) => key.kid === kid && !isOver(key, now.getTime(), rules))
      const age = kept === null ? Number.NaN : now.getTime() - kept.at
      if (kept === null || !(age >= 0 && age < 2 * keepMs)) return load(now).then(names)
      if (age >= keepMs && reloading === null) {
        reloading = load(now).finally(() => {
          reloading = null
        })
        behind(reloading)
      }
      return names(kept)
    },
    async signer(now) {
      const known = await fresh(now)
      if (known.signer === null) {
        const row = known.keys.find(({ state }) => state === "current")
        if (row === undefined) throw keysUnavailable("there is no current signing key")
        known.signer = { kid: row.kid, key: await importPrivate(ports, row) }
      }
      return known.signer
    },
    async jwks(now) {
      return { keys: published(await fresh(now), now).map(({ publicJwk }) => publicJwk) }
    },
    async rotate(now, mode) {
      const steps = await rotateKeys(ports, now, mode, rules)
      kept = null
      return steps
    },
  }
}
