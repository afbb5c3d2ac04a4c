/** Passkeys as the flows use them: a ceremony begun, an assertion evaluated, and what is said of one that does not hold. */
import { base64url } from "jose"
import type { FactorCompletion, FactorProof } from "../core/factors.ts"
import type { EngineWork } from "../core/operation.ts"
import { type AccountPorts, causeOf, type Flow, originOf } from "./account.ts"
import type { FlowKind } from "./flow-state.ts"
import { ask } from "./objects.ts"
import type { AssertionCredential, PasskeyGiven } from "./passkey-shapes.ts"
import type { CeremonyFault, Expected } from "./passkey-verify.ts"
import type { Giving } from "./second-factor.ts"
import { idRoute, routeId } from "./token.ts"

/** How long a browser waits for the person, in milliseconds. */
export const ceremonyMs = 5 * 60_000

/** A code and a sentence for each way in which a ceremony fails. */
export const passkeyFaults: Readonly<Record<CeremonyFault | "unknown_passkey" | "wrong_user", string>> = {
  malformed: "What the passkey answered cannot be read",
  wrong_type: "The passkey answered something else than it was asked",
  wrong_challenge: "The passkey answered another question, or too late; begin again",
  wrong_origin: "The passkey was used on another site",
  wrong_rp_id: "The passkey is for another site",
  no_user_presence: "The passkey was used without anybody there",
  no_user_verification: "The passkey did not check who uses it: unlock it with PIN, face or fingerprint",
  unknown_algorithm: "The passkey's algorithm is not taken here",
  wrong_signature: "The passkey's signature is wrong",
  unknown_passkey: "There is no such passkey here",
  wrong_user: "The passkey is another account's",
}

/** What is wrong with an assertion. */
export type PasskeyFault = keyof typeof passkeyFaults

/** Begins a ceremony: 32 random bytes, and the state that knows them. */
export async function beginCeremony({ states, random }: AccountPorts, kind: FlowKind, holder: string, now: Date) {
  const challenge = base64url.encode(random(32))
  const { text: state, expiresAt } = await states.begin(kind, holder, challenge, now)
  return { challenge, state, expiresAt }
}

/** The id that an authenticator keeps beside a passkey: the 16 bytes of the user's. */
export function userHandleOf(userId: string): string {
  return base64url.encode(idRoute(userId))
}

/** Whose passkey it says to be; null when it does not say. */
export function userOfHandle({ response: { userHandle } }: AssertionCredential): string | null {
  if (!userHandle) return null
  const bytes = base64url.decode(userHandle)
  return bytes.length === 16 ? routeId("user", bytes) : null
}

/** What ceremonies have to say here. */
export function expectedOf({ passkeys }: AccountPorts, challenge: string): Expected {
  return { ...passkeys, challenge }
}

/** Methods of RFC 8176: possession of the key (software where it may be copied), presence, and more than one factor. */
export function passkeyAmr(isSynced: boolean): readonly string[] {
  return [isSynced ? "swk" : "hwk", "user", "mfa"]
}

/** What an assertion proves. */
export interface Evaluated {
  readonly proof: FactorProof
  readonly amr: readonly string[]
  readonly fault: PasskeyFault | null
}

const wrong = (fault: PasskeyFault): Evaluated => ({
  proof: { kind: "wrong", method: "passkey", reason: fault },
  amr: [],
  fault,
})

/**
 * Evaluates an assertion against the passkeys of an account. One call of the object.
 * @param state as it was presented; null: none was
 */
export async function evaluateAssertion(
  ports: AccountPorts,
  userId: string,
  { kind, holder, state, now }: { kind: FlowKind; holder: string; state: string | null; now: Date },
  credential: AssertionCredential,
): Promise<Evaluated> {
  const named = userOfHandle(credential)
  if (named !== null && named !== userId) return wrong("wrong_user")
  const known = await ask(() => ports.objects.user(userId).findPasskey(credential.id))
  if (known === null) return wrong("unknown_passkey")
  const opened = state === null ? null : await ports.states.open(kind, holder, state, now)
  if (opened === null) return wrong("wrong_challenge")
  const { verifyAssertion } = await import("./passkey-verify.ts")
  const verified = await verifyAssertion(credential, known.publicKey, expectedOf(ports, opened.secret))
  if (verified.fault !== null) return wrong(verified.fault)
  const { counter, isSynced } = verified
  const proof = { kind: "passkey", factor: known.id, counter, once: opened.once } as const
  return { proof, amr: passkeyAmr(isSynced), fault: null }
}

/** A passkey as a second factor, evaluated and completed. */
export async function givePasskey(
  flow: Flow,
  work: EngineWork,
  { userId, purpose, opening, over }: Giving,
  { state, credential }: PasskeyGiven,
): Promise<{ readonly completed: FactorCompletion; readonly fault: PasskeyFault | null }> {
  const ports = flow.ports()
  const { now } = work.reading
  const [kind, holder] =
    "ticket" in purpose
      ? (["passkey-second-factor", purpose.ticket] as const)
      : (["passkey-step-up", purpose.session] as const)
  const { proof, amr, fault } = await evaluateAssertion(ports, userId, { kind, holder, state, now }, credential)
  const outcome = { attempt: null, proof, opening: await opening(amr), ...originOf(work) }
  const completed = await ask(() => ports.objects.user(userId).completeFactor(outcome, causeOf(work)))
  if (completed === null) throw over()
  return { completed, fault }
}
