/** Somebody who signed up with an address that is not theirs, where no proof is asked for; and the ways in which its owner proves it later. */
import { env } from "cloudflare:workers"
import application from "../../src/app/index.ts"
import type { Application } from "../../src/core/registry.ts"
import type { Answer } from "../support/calls.ts"
import type { Counted } from "../support/counting.ts"
import { letterTo, type Newcomer, newAddress, newNetwork } from "../support/people.ts"
import { inObject, objectOf } from "../support/user-objects.ts"

/** The reference application for everybody who has an address, proved or not. */
export const optional: Application = {
  ...application,
  accounts: { ...application.accounts, emailVerification: "optional", takenAddress: "told" },
}

/** A Worker that can be called, and waited for. */
export type Place = Pick<Counted, "call" | "settled">

/** In the account before its owner has heard of it. */
export interface Squatter extends Newcomer {
  readonly id: string
  readonly token: string
  readonly refreshToken: string
}

/** Where no other test calls from. */
export const from = () => ({ "CF-Connecting-IP": newNetwork() })

/** Calls as somebody who is not signed in, from an address of their own. */
export const asking = (place: Place, line: string, body: object): Promise<Answer> =>
  place.call(null, line, { body, headers: from() })

/** The same, of the flows of accounts. */
export const post = (place: Place, path: string, body: object) => asking(place, `POST /v1/auth/${path}`, body)

async function granted(answer: Promise<Answer>): Promise<Answer["body"]> {
  const { status, body } = await answer
  if (status >= 300) throw new Error(`A step answered ${status}: ${JSON.stringify(body)}`)
  return body
}

/** Signs up and is in at once. */
export async function squat(place: Place): Promise<Squatter> {
  const who = newAddress("Mallory")
  const { name, email, password } = who
  const { session } = await granted(post(place, "sign-up", { name, email, password }))
  await place.settled()
  return { ...who, id: session.userId, token: session.accessToken, refreshToken: session.refreshToken }
}

/** Makes a key that may do everything. */
export const newKey = (place: Place, bearer: string): Promise<{ id: string; key: string }> =>
  granted(place.call({ token: bearer }, "POST /v1/api-keys", { body: { name: "A program", scopes: ["*:write"] } }))

/** The person's keys as they stand in D1. */
export const rowsOf = async (ownerId: string) =>
  (await env.DB.prepare('select * from "api_keys" where "ownerId" = ?').bind(ownerId).all()).results

/** What the owner of the address chooses. */
export const ownPassword = "the owner's own sentence"

type Who = Pick<Squatter, "id" | "email" | "password">

/** The token of a letter that the owner asks for. */
async function asked(place: Place, path: string, subject: string, email: string): Promise<string> {
  await granted(post(place, path, { email }))
  await place.settled()
  return (await letterTo(email, subject)).action.token
}

async function reset(place: Place, token: string, email: string): Promise<string> {
  await granted(post(place, "reset-password", { token, password: ownPassword }))
  return (await granted(post(place, "sign-in", { email, password: ownPassword }))).accessToken
}

/** How the owner of an address proves it by what stands in a letter. Each gives the owner's access token. */
export const proofs: Record<string, (place: Place, who: Who) => Promise<string>> = {
  "auth.resetPassword": async (place, { email }) =>
    reset(place, await asked(place, "request-password-reset", "Set a new password", email), email),
  "auth.redeemMagicLink": async (place, { email }) => {
    const token = await asked(place, "request-magic-link", "Sign in", email)
    return (await granted(post(place, "redeem-magic-link", { token }))).accessToken
  },
  "auth.confirmSignIn": async (place, { id, email, password }) => {
    // After very many failures the right password, whoever enters it, sends a letter to the owner.
    await inObject(objectOf({ id }), `insert into "buckets" values ('unknown', 100, 0)`)
    await post(place, "sign-in", { email, password })
    await place.settled()
    const { token } = (await letterTo(email, "Was it you")).action
    return (await granted(post(place, "confirm-sign-in", { token }))).accessToken
  },
  "auth.verifyEmail": async (place, { email }) => {
    await granted(post(place, "verify-email", { token: (await letterTo(email, "Confirm")).action.token }))
    await place.settled()
    return reset(place, (await letterTo(email, "Set a password")).action.token, email)
  },
}
