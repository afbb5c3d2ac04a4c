/** People with an authenticator app as their second factor, and the second half of their sign-in. */
import { type Authenticator, authenticator } from "./authenticator.ts"
import { type Answer, call } from "./calls.ts"
import { type Newcomer, newNetwork, type Person, person, signIn } from "./people.ts"

/** Somebody with an app. */
export interface Protected extends Person {
  readonly app: Authenticator
  readonly factorId: string
  readonly recoveryCodes: readonly string[]
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
