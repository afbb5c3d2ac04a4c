/** People who signed up by themselves: with a password, a session and a mailbox. */
import { env } from "cloudflare:workers"
import type { Received } from "../../src/integrations/mail/mailbox.ts"
import type { Actor } from "./actors.ts"
import { jobsDone } from "./apart.ts"
import { type Answer, call } from "./calls.ts"

/** Somebody before sign-up: an address of their own to sign in with, and one to call from. */
export interface Newcomer {
  readonly name: string
  readonly email: string
  readonly password: string
  readonly headers: Readonly<Record<string, string>>
}

/** Somebody with an open session. */
export interface Person extends Actor, Newcomer {
  readonly sessionId: string
  readonly refreshToken: string
  readonly deviceToken: string
}

let count = 0

/** An IPv4 address that no other test calls from. */
export function newNetwork(): string {
  count++
  return `100.${64 + ((count >> 16) & 63)}.${(count >> 8) & 255}.${count & 255}`
}

/** A newcomer whom nobody has heard of. */
export function newAddress(name = "Newcomer"): Newcomer {
  const id = crypto.randomUUID().slice(0, 18)
  return {
    name,
    email: `someone-${id}@example.com`,
    password: `correct horse ${id}`,
    headers: { "CF-Connecting-IP": newNetwork() },
  }
}

/** Signs up. */
export function signUp(who: Newcomer, more: object = {}): Promise<Answer> {
  const { name, email, password, headers } = who
  return call(null, "POST /v1/auth/sign-up", { body: { name, email, password, ...more }, headers })
}

/** Signs in. */
export function signIn(who: Pick<Newcomer, "email" | "password" | "headers">, more: object = {}): Promise<Answer> {
  const { email, password, headers } = who
  return call(null, "POST /v1/auth/sign-in", { body: { email, password, ...more }, headers })
}

const opened = new Map<string, Received>()

/** The newest letters. A letter never changes, so each is read once: tests ask often. */
async function mailbox(): Promise<readonly Received[]> {
  const { keys } = await env.CACHE.list({ prefix: "mailbox/", limit: 50 })
  const fresh = keys.filter(({ name }) => !opened.has(name))
  await Promise.all(
    fresh.map(async ({ name }) => {
      const text = await env.CACHE.get(name)
      if (text !== null) opened.set(name, JSON.parse(text) as Received)
    }),
  )
  return keys.flatMap(({ name }) => opened.get(name) ?? [])
}

type Letter = Received & { readonly action: NonNullable<Received["action"]> & { readonly token: string } }

/**
 * The newest letter to an address whose subject begins so. Letters are jobs, so this waits for it, and for others that may be newer; of several that
 * left at the same moment, the one that was wanted last.
 */
export async function letterTo(email: string, subject: string): Promise<Letter> {
  for (let turn = 0; turn < 200; turn++) {
    await jobsDone()
    const found = (await mailbox()).filter((one) => one.to === email && one.subject.startsWith(subject))
    const [newest] = found.sort((a, b) => (a.id < b.id ? 1 : -1))
    if (newest) return newest as Letter
    await scheduler.wait(10)
  }
  throw new Error(`No letter "${subject}…" came to ${email}`)
}

/** How many letters came to an address. */
export async function lettersTo(email: string): Promise<readonly Received[]> {
  return (await mailbox()).filter((one) => one.to === email)
}

/** Signs in and gives the session, for the steps that lead to a test. */
export async function session(who: Newcomer, more: object = {}): Promise<Person> {
  const { status, body } = await signIn(who, more)
  if (status !== 200) throw new Error(`Signing in answered ${status}: ${JSON.stringify(body)}`)
  const { userId: id, accessToken: token, sessionId, refreshToken, deviceToken } = body
  return { ...who, id, token, sessionId, refreshToken, deviceToken }
}

/** Somebody who signed up, proved the address and signed in. */
export async function person(name = "Newcomer"): Promise<Person> {
  const who = newAddress(name)
  await signUp(who)
  const { action } = await letterTo(who.email, "Confirm")
  await call(null, "POST /v1/auth/verify-email", { body: { token: action.token }, headers: who.headers })
  return session(who)
}
