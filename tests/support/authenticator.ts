/** An authenticator app in the test's hand: codes of a seed, each used once. Loads in Node, too. */
import { decodeBase32 } from "../../src/authentication/base32.ts"
import { hotp, stepOf } from "../../src/authentication/totp.ts"

/** The app. */
export interface Authenticator {
  readonly secret: string
  /** The next code that was not shown yet, from the step before now on. Throws when three were shown within a step: the window has no fourth. */
  next(now?: Date): Promise<string>
  /** The code of a step, counted from the one of now. */
  at(aside: number, now?: Date): Promise<string>
}

/** An app that has read a seed. */
export function authenticator(secret: string): Authenticator {
  const seed = decodeBase32(secret)
  if (seed === null) throw new Error("Not a seed")
  let last = Number.NEGATIVE_INFINITY
  return {
    secret,
    at: (aside, now = new Date()) => hotp(seed, stepOf(now) + aside),
    async next(now = new Date()) {
      const step = Math.max(last + 1, stepOf(now) - 1)
      if (step > stepOf(now) + 1) throw new Error("Three codes were shown within half a minute")
      last = step
      return hotp(seed, step)
    },
  }
}
