/** People with passkeys of a software authenticator, and the ceremonies that they go through at the reference application. */
import { type Answer, call } from "./calls.ts"
import { type Bend, type SoftPasskey, softPasskey } from "./passkeys.ts"
import { newNetwork, type Person, person } from "./people.ts"
import { eventsIn } from "./user-objects.ts"

/** The pages of the application. */
export const site = { origin: "http://localhost:8787" }
export const rpId = "localhost"

/** A call from an address that nobody else calls from. */
export function post(path: string, body: object, who: { readonly token: string } | null = null): Promise<Answer> {
  return call(who, `POST /v1/${path}`, { body, headers: { "CF-Connecting-IP": newNetwork() } })
}

/** Somebody with a passkey. */
export interface Holder extends Person {
  readonly passkey: SoftPasskey
  readonly factorId: string
}

/** Begins and ends the ceremony that makes one. */
export async function register(who: Person, passkey: SoftPasskey, bend: Bend = {}, more: object = {}): Promise<Answer> {
  const { state, options } = (await post("factors/passkey", {}, who)).body
  return post("factors/passkey/confirm", { state, credential: await passkey.create(options, bend), ...more }, who)
}

/** Gives somebody who has just signed in a passkey. */
export async function holder(made: Parameters<typeof softPasskey>[1] = {}, who?: Person): Promise<Holder> {
  const ada = who ?? (await person("Ada"))
  const passkey = await softPasskey(site, made)
  const added = await register(ada, passkey)
  if (added.status !== 200) throw new Error(`Adding answered ${added.status}: ${JSON.stringify(added.body)}`)
  const { accessToken: token, sessionId, refreshToken } = added.body.session
  return { ...ada, token, sessionId, refreshToken, passkey, factorId: added.body.factor.id }
}

/** Begins to use one. */
export async function begin(body: object = {}, who: { readonly token: string } | null = null) {
  return (await post("auth/passkey", body, who)).body
}

/** Ends a sign-in with one alone. */
export function enter(body: object): Promise<Answer> {
  return post("auth/passkey/sign-in", body)
}

/** Signs in with a passkey alone. */
export async function signInWith(passkey: SoftPasskey, bend: Bend = {}): Promise<Answer> {
  const { state, options } = await begin()
  return enter({ state, credential: await passkey.get(options, bend) })
}

/** Why proofs of somebody failed, oldest first. */
export async function failedIn(who: Person): Promise<unknown[]> {
  return (await eventsIn(who)).filter(([kind]) => kind === "factor.failed").map(([, { reason }]) => reason)
}

/** What an access token says. */
export function claimsOf(token: string) {
  return JSON.parse(atob((token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/")))
}
