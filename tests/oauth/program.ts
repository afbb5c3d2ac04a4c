/** A program that wants to be let in, and a person with a browser who is asked: what each does in its turn, over HTTP. */

import { newVisitor, type Page, type Visitor } from "../pages/visitor.ts"
import { type Answer, call } from "../support/calls.ts"
import { letterTo, type Newcomer, newAddress, newNetwork, signUp } from "../support/people.ts"

/** Where the server of the tests says it stands. */
export const issuer = "http://localhost:8787"
export const callback = "https://client.example/callback"

/** A registered client. */
export interface Program {
  readonly id: string
  readonly secret: string | null
}

/** Proof key of one request (RFC 7636). */
export interface Proof {
  readonly verifier: string
  readonly challenge: string
}

function base64url(bytes: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "")
}

/** A new proof key. */
export async function newProof(): Promise<Proof> {
  const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)).buffer)
  return { verifier, challenge: base64url(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))) }
}

/** Registers a client; without a secret unless `metadata` says otherwise. */
export async function register(metadata: object = {}): Promise<Program> {
  const body = {
    client_name: "Robot",
    redirect_uris: [callback],
    grant_types: ["authorization_code", "refresh_token"],
    token_endpoint_auth_method: "none",
    ...metadata,
  }
  const answer = await call(null, "POST /oauth/register", { body, headers: { "CF-Connecting-IP": newNetwork() } })
  if (answer.status !== 201) throw new Error(`Registering answered ${answer.status}: ${JSON.stringify(answer.body)}`)
  return { id: answer.body.client_id, secret: answer.body.client_secret ?? null }
}

/** Somebody with an account who is signed in with a browser. */
export interface Host extends Visitor {
  readonly id: string
  /** Access token of the browser's session, for calls beside the pages. */
  readonly token: string
}

/** A person who signed up, proved the address and signed in with a browser. */
export async function host(name = "Ada", who: Newcomer = newAddress(name)): Promise<Host> {
  const visitor = newVisitor(who)
  await signUp(who)
  const { action } = await letterTo(who.email, "Confirm")
  await call(null, "POST /v1/auth/verify-email", { body: { token: action.token }, headers: who.headers })
  return signedIn(visitor)
}

/** Signs in with a browser of one's own. */
export async function signedIn(visitor: Visitor): Promise<Host> {
  const { email, password } = visitor.who
  const entered = await visitor.post("/account/sign-in", { email, password })
  if (entered.status !== 303) throw new Error(`Signing in answered ${entered.status}`)
  const token = visitor.cookies.get("__Host-at") ?? ""
  const me = await call({ token }, "GET /v1/me")
  return { ...visitor, id: me.body.id, token }
}

/** Path of an authorization request; null in `change` leaves a parameter out. */
export function requestPath(program: Program, proof: Proof, change: Record<string, string | null> = {}): string {
  const given: Record<string, string | null> = {
    response_type: "code",
    client_id: program.id,
    redirect_uri: callback,
    scope: "tasks:read",
    state: "state of the program",
    code_challenge: proof.challenge,
    code_challenge_method: "S256",
    resource: issuer,
    ...change,
  }
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(given)) if (value !== null) query.set(name, value)
  return `/oauth/authorize?${query}`
}

/** What a page says, without what surrounds it. */
export function mainOf({ text }: Page): string {
  return /<main>([\s\S]*)<\/main>/.exec(text)?.[1] ?? text
}

/** The ticket in a page of consent. */
export function ticketIn(page: Page): string {
  const ticket = /name="ticket" value="([^"]+)"/.exec(page.text)?.[1]
  if (ticket === undefined) throw new Error(`No question was asked: ${page.status} ${page.location} ${mainOf(page)}`)
  return ticket
}

/**
 * Looks at the question and lets the program in.
 * @param terms fields of the form beside the decision: `{ approval: "yes", rows: "1000" }`
 */
export async function consent(person: Visitor, path: string, terms: Record<string, string> = {}): Promise<Page> {
  const ticket = ticketIn(await person.get(path))
  return person.post("/oauth/authorize", { ticket, decision: "allow", ...terms })
}

/** The parameters with which the browser came back to the program. */
export function returned(page: Page): URLSearchParams {
  if (page.location === null) throw new Error(`The browser was not sent on: ${page.status} ${mainOf(page)}`)
  return new URL(page.location).searchParams
}

/** Calls an endpoint with a form. */
export function form(
  path: string,
  parameters: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return call(null, `POST ${path}`, {
    body: new URLSearchParams(parameters).toString(),
    headers: { "Content-Type": "application/x-www-form-urlencoded", "CF-Connecting-IP": newNetwork(), ...headers },
  })
}

/** Redeems a code; parameters of `change` take the place of the right ones. */
export function redeem(
  program: Program,
  code: string,
  proof: Proof,
  change: Record<string, string> = {},
): Promise<Answer> {
  return form("/oauth/token", {
    grant_type: "authorization_code",
    code,
    redirect_uri: callback,
    client_id: program.id,
    code_verifier: proof.verifier,
    ...(program.secret === null ? {} : { client_secret: program.secret }),
    ...change,
  })
}

/** A code for a program that was let in, and the proof that redeems it. */
export async function newCode(
  person: Visitor,
  program: Program,
): Promise<{ readonly proof: Proof; readonly code: string }> {
  const proof = await newProof()
  return { proof, code: returned(await consent(person, requestPath(program, proof))).get("code") ?? "" }
}

/** Exchanges a refresh token. */
export function refresh(program: Program, token: string, change: Record<string, string> = {}): Promise<Answer> {
  return form("/oauth/token", {
    grant_type: "refresh_token",
    refresh_token: token,
    client_id: program.id,
    ...(program.secret === null ? {} : { client_secret: program.secret }),
    ...change,
  })
}

/** What a program holds that was let in. */
export interface Tokens {
  readonly access: string
  readonly refresh: string
  readonly grant: string
}

/** Lets a program in, from the question to its tokens. */
export async function letIn(
  person: Host,
  program: Program,
  change: Record<string, string | null> = {},
  terms: Record<string, string> = {},
): Promise<Tokens> {
  const proof = await newProof()
  const code = returned(await consent(person, requestPath(program, proof, change), terms)).get("code") ?? ""
  const { status, body } = await redeem(program, code, proof)
  if (status !== 200) throw new Error(`Redeeming answered ${status}: ${JSON.stringify(body)}`)
  const { items } = (await call(person, "GET /v1/grants")).body
  return { access: body.access_token, refresh: body.refresh_token, grant: items[0].id }
}

/** The word of a refusal with its status, as RFC 6749 §5.2 has them. */
export function refusalOf({ status, body }: Answer): readonly [number, string | undefined] {
  return [status, body?.error]
}
