/** Somebody who is signed in with a browser at the pages of their account's security, and what such a page holds. */
import { call } from "../support/calls.ts"
import { ownClaims, signOwn } from "../support/own-tokens.ts"
import { newAddress, type Person, person } from "../support/people.ts"
import { type Protected, withApp } from "../support/second-factors.ts"
import { newVisitor, type Page, type Visitor } from "./visitor.ts"

/** A browser with a session, and the same person with one of their own beside it. */
export interface Inside extends Visitor {
  readonly person: Person
}

/** Signs in with a browser. */
export async function enter(who: Person, code?: string): Promise<Inside> {
  const visitor = newVisitor({ ...who, headers: newAddress().headers })
  const entered = await visitor.post("/account/sign-in", { email: who.email, password: who.password })
  if (entered.status !== 303) throw new Error(`Signing in answered ${entered.status}`)
  if (code !== undefined) await visitor.post("/account/second-factor", { code })
  if (!visitor.cookies.has("__Host-at")) throw new Error("Nobody was let in")
  return { ...visitor, person: who }
}

/** Somebody without a second factor. */
export async function inside(name = "Ada"): Promise<Inside> {
  return enter(await person(name))
}

/** Somebody with an app. */
export async function protectedInside(name = "Grace"): Promise<Inside & { readonly person: Protected }> {
  const who = await withApp(await person(name))
  return { ...(await enter(who, await who.app.next())), person: who }
}

const claimsIn = (token: string) =>
  JSON.parse(atob((token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/")))

/** Lets the proof of a browser's session lie so many seconds back. */
export async function age(visitor: Visitor, seconds: number): Promise<void> {
  const { sub, sid, ...claims } = claimsIn(visitor.cookies.get("__Host-at") ?? "")
  const own = ownClaims({ id: sub, sessionId: sid })
  const auth_time = Math.floor(Date.now() / 1000) - seconds
  visitor.cookies.set("__Host-at", await signOwn({ ...own, epoch: claims.epoch, amr: claims.amr, auth_time }))
}

/** What somebody has: factors, recovery codes, keys, programs. */
export async function holdings({ person: { token } }: Inside): Promise<unknown> {
  const [factors, keys, grants] = await Promise.all(
    ["factors", "api-keys", "grants"].map(async (path) => (await call({ token }, `GET /v1/${path}`)).body),
  )
  return { factors, keys, grants }
}

/** Value of a hidden field. */
export function hidden({ text }: Page, name: string): string {
  const found = new RegExp(`<input type="hidden" name="${name}" value="([^"]*)"`).exec(text)?.[1]
  if (found === undefined) throw new Error(`The page has no field ${name}: ${text}`)
  return found
}

/** The options of a page on which a passkey is made or used. */
// biome-ignore lint/suspicious/noExplicitAny: options of two shapes, as the browser would read them
export function optionsIn({ text }: Page): any {
  const found = /data-options="([^"]*)"/.exec(text)?.[1]
  if (found === undefined) throw new Error(`The page asks for no passkey: ${text}`)
  return JSON.parse(found.replaceAll("&quot;", '"').replaceAll("&amp;", "&"))
}
