/**
 * Passwords at rest: Argon2id as PHC text, sealed under the pepper ring and bound to the user, so that a stored value tells nothing without
 * the secret and is worth nothing in another row. Verifying computes exactly one hash whatever it is given, so time does not tell whether
 * there is an account; it refuses without telling why.
 */

import type { Sealer } from "../core/sealing.ts"
import {
  type Argon2Hash,
  type Argon2Parameters,
  argon2Defaults,
  argon2Lengths,
  argon2Stale,
  formatArgon2,
  parseArgon2,
} from "./argon2-text.ts"
import { normalisePassword } from "./password-rules.ts"
import { equalBytes, type Random } from "./token.ts"

/** The one hash function: `argon2id` of argon2.ts, behind a port because its file loads in a Worker only. */
export type Derive = (
  password: Uint8Array,
  salt: Uint8Array,
  parameters: Argon2Parameters,
  length: number,
) => Uint8Array | Promise<Uint8Array>

/** Argon2id as the Worker computes it; its WASM is loaded with the first password. */
export const deriveArgon2: Derive = async (...of) => (await import("./argon2.ts")).argon2id(...of)

/** The answer of a check. */
export interface Verified {
  readonly ok: boolean
  /** The password was right, and what is stored has old parameters or an old pepper: store `hash(…)` anew, behind the response. */
  readonly rehash: boolean
  /** Something is stored that does not open: tell an operator. To the caller it is a wrong password. */
  readonly unreadable: boolean
}

/** Makes and checks stored passwords. */
export interface Passwords {
  /**
   * One hash. Does not look at the rules: `checkPassword` comes first.
   * @returns sealed text for the user's row
   * @throws RangeError when no password can have this text
   */
  hash(userId: string, text: string): Promise<string>
  /**
   * One hash, always.
   * @param userId any text when there is no user
   * @param sealed what is stored; null when there is no user or no password
   */
  verify(userId: string, text: string, sealed: string | null): Promise<Verified>
}

/** What passwords are made with. */
export interface PasswordPorts {
  readonly derive: Derive
  /** Over the pepper ring. */
  readonly sealer: Sealer
  readonly random: Random
  readonly parameters?: Argon2Parameters
}

/** What the seal is bound to beside the user's id. */
const purpose = "password"

const encoder = new TextEncoder()

/** Stored passwords over their ports. */
export function passwords({ derive, sealer, random, parameters = argon2Defaults }: PasswordPorts): Passwords {
  /** Stands in for what is not there. Nothing verifies against it: `verify` asks for a real one. */
  const decoy: Argon2Hash = {
    parameters,
    salt: new Uint8Array(argon2Lengths.salt),
    hash: new Uint8Array(argon2Lengths.hash),
  }
  const compute = async (text: string, { salt, parameters: cost, hash }: Argon2Hash): Promise<Uint8Array> => {
    const bytes = encoder.encode(text)
    try {
      return await derive(bytes, salt, cost, hash.length)
    } finally {
      bytes.fill(0)
    }
  }
  return {
    async hash(userId, text) {
      const normal = normalisePassword(text)
      if (normal === null) throw new RangeError("No password can have this text")
      const salt = random(argon2Lengths.salt)
      const hash = await compute(normal, { ...decoy, salt })
      return sealer.seal(purpose, userId, formatArgon2({ parameters, salt, hash }))
    },
    async verify(userId, text, sealed) {
      const opened = sealed === null ? null : await sealer.open(purpose, userId, sealed)
      const stored = opened === null ? null : parseArgon2(opened)
      const normal = normalisePassword(text)
      const target = stored ?? decoy
      const same = equalBytes(await compute(normal ?? "", target), target.hash)
      const ok = same && stored !== null && normal !== null
      return {
        ok,
        rehash: ok && sealed !== null && (argon2Stale(target.parameters, parameters) || sealer.isStale(sealed)),
        unreadable: sealed !== null && stored === null,
      }
    },
  }
}
