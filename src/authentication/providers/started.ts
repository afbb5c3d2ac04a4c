/**
 * A flow on its way to a provider and back: nothing is stored, all of it travels sealed in the hands of whoever began it. A browser keeps it in a
 * cookie that no script reads; it lives ten minutes, is good for one provider, and is used up when the provider's answer comes.
 */
import { base64url } from "jose"
import type { EngineWork } from "../../core/operation.ts"
import type { Provider } from "../../core/provider.ts"
import type { NewToken } from "../../core/user-object.ts"
import { type AccountPorts, causeOf, ghosts } from "../account.ts"
import { ask } from "../objects.ts"
import { equalBytes, hashSecret } from "../token.ts"
import { ProviderFault } from "./faults.ts"

/** How long somebody may take at the provider. */
export const flowSeconds = 600

/** What is known again when the provider's answer comes. */
export interface StartedFlow {
  readonly state: string
  readonly nonce: string
  /** PKCE's code verifier (RFC 7636 §4.1). */
  readonly verifier: string
  readonly redirectUri: string
  /** A path of this site. */
  readonly returnTo: string
  /** Milliseconds since 1970. */
  readonly issuedAt: number
  /** To whom the identity is to be linked, and the session that wants it; null: it is to sign in. */
  readonly link: { readonly userId: string; readonly session: string } | null
}

const sealPurpose = "provider-flow"

/** Begins a flow: three secrets of 256 bits. */
export function newFlow(
  { random }: AccountPorts,
  now: Date,
  given: Pick<StartedFlow, "redirectUri" | "returnTo" | "link">,
): StartedFlow {
  const secret = () => base64url.encode(random(32))
  return { state: secret(), nonce: secret(), verifier: secret(), issuedAt: now.getTime(), ...given }
}

/** The flow as its owner keeps it. */
export function sealFlow({ sealer }: AccountPorts, { name }: Provider, flow: StartedFlow): Promise<string> {
  return sealer.seal(sealPurpose, name, JSON.stringify(flow))
}

/**
 * Opens a flow again.
 * @throws ProviderFault when it was made for another provider, or by somebody else, or is over
 */
export async function openFlow(
  { sealer }: AccountPorts,
  { name }: Provider,
  sealed: string,
  now: Date,
): Promise<StartedFlow> {
  const text = await sealer.open(sealPurpose, name, sealed)
  if (text === null) throw new ProviderFault("flow", "No flow to this provider was begun here")
  const flow: StartedFlow = JSON.parse(text)
  if (now.getTime() >= flow.issuedAt + flowSeconds * 1000) throw new ProviderFault("expired", "The flow is over")
  return flow
}

/**
 * Refuses an answer that belongs to another flow. Before anything is used up, so that a forged answer spoils nothing.
 * @throws ProviderFault
 */
export function checkState({ state }: StartedFlow, query: string): void {
  const [given, ...more] = new URLSearchParams(query).getAll("state")
  const bytes = (text: string) => new TextEncoder().encode(text)
  if (given === undefined || more.length > 0 || !equalBytes(bytes(given), bytes(state)))
    throw new ProviderFault("state", "The state is another flow's")
}

/**
 * Uses a flow up, exactly once, whoever comes at the same moment: a mark in one of the objects that are nobody's.
 * @returns false when it was used before
 */
export async function spend(ports: AccountPorts, work: EngineWork, { state, issuedAt }: StartedFlow): Promise<boolean> {
  const hash = await hashSecret(new TextEncoder().encode(state))
  const object = ports.objects.ghost(Number.parseInt(hash.slice(0, 8), 16) % ghosts)
  const expiresAt = issuedAt + flowSeconds * 1000
  const token: NewToken = { purpose: "provider", topic: hash, hash, issuedAt, expiresAt }
  // Kept as used until it would be over, it does not come to life again when it is issued again.
  await ask(() => object.issueToken(token, causeOf(work)))
  return (await ask(() => object.redeemToken("provider", hash, causeOf(work)))) !== null
}
