/** An authenticator app in the test's hand: codes of a seed, each used once; and what it takes to have one as a second factor. */
import { decodeBase32 } from "../../src/authentication/base32.ts"
import { hotp, stepOf } from "../../src/authentication/totp.ts"
import { type Answer, call } from "./calls.ts"
import { type Newcomer, newNetwork, type Person, person, signIn } from "./people.ts"

/** The app. */
export interface Authenticator {
  readonly secret: string
  /** The next code that was not shown yet, from the step before now on. Throws when three were shown within a step: the window has no fourth. */
  next(now?: Date): Promise<string>
  /** The code of a step, counted from the one of now. */
  at(aside: number, now?: Date): Promise<string>
}

/** Somebody with an app. */
export interface Protected extends Person {
  readonly app: Authenticator
  readonly factorId: string
  readonly recoveryCodes: readonly string[]
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

type Caller = (actor: { readonly token: string } | null, line: string, options?: object) => Promise<Answer>

/** Adds an app to somebody who has just signed in; their session goes on under a new id. */
export async function withApp(who: Person, via: Caller = call): Promise<Protected> {
  const { headers } = who
  const begun = await via(who, "POST /v1/factors/totp", { body: {}, headers })
  if (begun.status !== 200) throw new Error(`Enrolling answered ${begun.status}: ${JSON.stringify(begun.body)}`)
  const app = authenticator(begun.body.secret)
  const body = { state: begun.body.state, code: await app.next() }
  const added = await via(who, "POST /v1/factors/totp/confirm", { body, headers })
  if (added.status !== 200) throw new Error(`Confirming answered ${added.status}: ${JSON.stringify(added.body)}`)
  const { factor, session, recoveryCodes } = added.body
  const { accessToken: token, sessionId, refreshToken } = session
  return { ...who, token, sessionId, refreshToken, app, factorId: factor.id, recoveryCodes }
}

/** The second half of a sign-in. */
export function completeSignIn(
  { headers }: Pick<Newcomer, "headers">,
  body: object,
  via: Caller = call,
): Promise<Answer> {
  return via(null, "POST /v1/auth/second-factor", { body, headers })
}

/** Somebody who signed up, signed in and added an app. */
export async function protectedPerson(name = "Ada"): Promise<Protected> {
  return withApp(await person(name))
}

/** The ticket of a sign-in with the right password, from anywhere. */
export async function ticketOf(who: Protected): Promise<string> {
  return (await signIn({ ...who, headers: { "CF-Connecting-IP": newNetwork() } })).body.ticket
}
