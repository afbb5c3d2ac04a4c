/**
 * Passkeys (WebAuthn Level 3): added by who is signed in, and used to sign in without anything else. They are discoverable and check who uses them, so
 * one alone is two factors. A challenge is 32 random bytes, for one flow, five minutes at the browser and once.
 */
import * as z from "zod"
import type { EngineWork, Operation } from "../../core/operation.ts"
import { anyone, signedIn as whoIsSignedIn } from "../../core/policy.ts"
import { invalid, Problem } from "../../core/problem.ts"
import { admit, callerPerson, causeOf, type Flow, findPerson, originOf, type Person } from "../account.ts"
import { ask } from "../objects.ts"
import {
  beginCeremony,
  ceremonyMs,
  evaluateAssertion,
  expectedOf,
  passkeyAmr,
  passkeyFaults,
  userHandleOf,
  userOfHandle,
} from "../passkey-proof.ts"
import {
  assertionCredential,
  attestationCredential,
  creationOptions,
  passkeyState,
  requestOptions,
} from "../passkey-shapes.ts"
import { renewalOf } from "../renewing.ts"
import { faultOf } from "../second-factor.ts"
import {
  checkTransport,
  deviceOf,
  deviceToken,
  handOver,
  newSession,
  replacedBy,
  signedIn,
  transport,
} from "../session-opening.ts"
import { factorFreshness, factorNameInput, factorPrefix, ownObject } from "./factors.ts"
import { factorAdded, invalidState, keepFactor, stateInput } from "./factors-totp.ts"
import { sessionOf } from "./password.ts"
import { presentedTicket } from "./second-factor.ts"
import { hindrance, restored } from "./sign-in.ts"

/** `factors.beginPasskey`. One call of the object, for the passkeys that there are. */
export function beginPasskeyCreation(flow: Flow): Operation {
  return {
    name: "factors.beginPasskey",
    kind: "mutation",
    summary: "Begin to add a passkey: what the browser is asked to make",
    input: z.strictObject({}),
    output: z
      .object({
        state: z.string().describe("For factors.addPasskey, within ten minutes"),
        expiresAt: z.iso.datetime(),
        options: creationOptions,
      })
      .meta({ id: "PasskeyEnrolment" }),
    policy: whoIsSignedIn(),
    credential: "session",
    fresh: factorFreshness,
    confidential: true,
    rest: { method: "POST", path: "/factors/passkey" },
    engine: async (_: unknown, work) => {
      const ports = flow.ports()
      const { algorithms } = await import("../passkey-verify.ts")
      const person = await callerPerson(work)
      const known = await ask(() => ownObject(flow, work).listFactors())
      const begun = await beginCeremony(ports, "enrol-passkey", sessionOf(work), work.reading.now)
      const type = "public-key" as const
      const options = {
        challenge: begun.challenge,
        rp: { id: ports.passkeys.rpId, name: ports.title },
        user: { id: userHandleOf(person.id), name: person.email ?? person.name, displayName: person.name },
        pubKeyCredParams: algorithms.map((alg) => ({ type, alg })),
        timeout: ceremonyMs,
        excludeCredentials: (known?.credentials ?? []).map((id) => ({ type, id })),
        authenticatorSelection: { residentKey: "required", requireResidentKey: true, userVerification: "required" },
        attestation: "none",
      }
      return { state: begun.state, expiresAt: new Date(begun.expiresAt).toISOString(), options }
    },
  }
}

const addInput = z
  .strictObject({
    state: stateInput,
    credential: attestationCredential,
    name: factorNameInput.default("Passkey"),
    endOtherSessions: z.boolean().default(true).describe("With the first factor they end in any case"),
  })
  .meta({ id: "AddPasskey" })

/** A ceremony that does not hold is an event, too. */
async function tellFault(flow: Flow, work: EngineWork, reason: string): Promise<void> {
  const opening = { kind: "renewal", renewal: await renewalOf(flow, work, []) } as const
  const outcome = { attempt: null, proof: { kind: "wrong", method: "passkey", reason }, opening } as const
  await ask(() => ownObject(flow, work).completeFactor({ ...outcome, ...originOf(work) }, causeOf(work)))
}

/** `factors.addPasskey`. */
export function addPasskey(flow: Flow): Operation {
  return {
    name: "factors.addPasskey",
    kind: "mutation",
    summary: "Add the passkey that the browser made; the first factor brings ten recovery codes",
    input: addInput,
    output: factorAdded,
    policy: whoIsSignedIn(),
    credential: "session",
    fresh: factorFreshness,
    confidential: true,
    rest: { method: "POST", path: "/factors/passkey/confirm" },
    engine: async (given: z.output<typeof addInput>, work) => {
      const ports = flow.ports()
      const state = await ports.states.open("enrol-passkey", sessionOf(work), given.state, work.reading.now)
      if (state === null) throw invalidState()
      const { verifyRegistration } = await import("../passkey-verify.ts")
      const made = await verifyRegistration(given.credential, expectedOf(ports, state.secret))
      if (made.fault !== null) {
        await tellFault(flow, work, made.fault)
        throw invalid("/credential", made.fault, passkeyFaults[made.fault])
      }
      const { fault: _, ...known } = made
      const transports = given.credential.response.transports ?? []
      const factor = {
        kind: "passkey",
        id: ports.ids.mint(factorPrefix),
        name: given.name,
        ...known,
        transports,
      } as const
      return keepFactor(flow, work, factor, {
        once: state.once,
        amr: passkeyAmr(made.isSynced),
        endOthers: given.endOtherSessions,
      })
    },
  }
}

const beginInput = z
  .strictObject({
    purpose: z
      .enum(["signIn", "secondFactor", "stepUp"])
      .default("signIn")
      .describe("secondFactor: for auth.verifySecondFactor. stepUp: for auth.stepUp"),
    ticket: z.string().max(200).optional().describe("With secondFactor; left out where it is in a cookie"),
    transport,
  })
  .meta({ id: "BeginPasskey" })

type BeginInput = z.output<typeof beginInput>

/** Who may answer the challenge: whoever has the session, the ticket or, for a sign-in, the state itself. */
async function holderOf(work: EngineWork, given: BeginInput) {
  if (given.purpose === "secondFactor")
    return { kind: "passkey-second-factor", holder: (await presentedTicket(work, given)).hash } as const
  if (given.purpose === "signIn") return { kind: "passkey-sign-in", holder: "" } as const
  const { principal } = work.reading
  if (principal.kind !== "user" || principal.session === undefined)
    throw new Problem("UNAUTHENTICATED", "Sign in to do this")
  return { kind: "passkey-step-up", holder: principal.session } as const
}

/** `auth.beginPasskey`. Nothing is stored and nobody asked. */
export function beginPasskey(flow: Flow): Operation {
  return {
    name: "auth.beginPasskey",
    kind: "mutation",
    summary: "Begin to use a passkey: what the browser is asked to sign",
    input: beginInput,
    output: z
      .object({
        state: z
          .string()
          .optional()
          .describe("To be sent with the answer; for a sign-in in a browser it is in a cookie"),
        expiresAt: z.iso.datetime(),
        options: requestOptions,
      })
      .meta({ id: "PasskeyBegun" }),
    policy: anyone(),
    confidential: true,
    rest: { method: "POST", path: "/auth/passkey" },
    engine: async (given: BeginInput, work) => {
      const ports = flow.ports()
      checkTransport(work, given.transport)
      const { kind, holder } = await holderOf(work, given)
      const { challenge, state, expiresAt } = await beginCeremony(ports, kind, holder, work.reading.now)
      const options = {
        challenge,
        rpId: ports.passkeys.rpId,
        timeout: ceremonyMs,
        userVerification: "required" as const,
      }
      const begun = { expiresAt: new Date(expiresAt).toISOString(), options }
      if (given.purpose !== "signIn" || given.transport === "bearer") return { ...begun, state }
      work.session({ kind: "flow", cookie: "challenge", value: state, expiresAt })
      return begun
    },
  }
}

const signInInput = z
  .strictObject({
    state: passkeyState.optional().describe("Of auth.beginPasskey; left out where it is in a cookie"),
    credential: assertionCredential,
    transport,
    deviceToken,
  })
  .meta({ id: "SignInWithPasskey" })

type SignInInput = z.output<typeof signInInput>

/** The one refusal of passkeys that open no account here. */
const unknown = () => faultOf("passkey", "wrong")

function checkOpen(flow: Flow, person: Person): void {
  const hindered = hindrance(flow, person)
  if (hindered === "closed") throw new Problem("PERMISSION_DENIED", "This account is closed")
  if (hindered !== null) throw new Problem("FAILED_PRECONDITION", "The address is not proved yet")
}

/** Opens a session for what the passkey proved, or records why it proves nothing. */
async function openByPasskey(flow: Flow, work: EngineWork, given: SignInInput, kept: "bearer" | "cookie") {
  const ports = flow.ports()
  const userId = userOfHandle(given.credential)
  const found = userId === null ? null : await findPerson(work.store, "id", userId)
  if (found === null) throw unknown()
  const state = given.state ?? work.caller.cookies?.challenge ?? null
  const asked = { kind: "passkey-sign-in", holder: "", state, now: work.reading.now } as const
  const { proof, amr, fault } = await evaluateAssertion(ports, found.id, asked, given.credential)
  // An event only for who has such a passkey: nobody else's log is to be filled from outside.
  if (fault === "unknown_passkey") throw unknown()
  if (fault === null) checkOpen(flow, found)
  const person = fault === null ? await restored(flow, work, found) : found
  const device = await deviceOf(ports, work, person.id, given.deviceToken)
  const replaces = fault === null ? await replacedBy(ports, work, person) : null
  const { session, deviceToken: token } = await newSession(flow, work, { person, amr, device, replaces })
  const opening = { kind: "session", session: { ...session, isWhole: true } } as const
  const outcome = { attempt: null, proof, opening, ...originOf(work) }
  const completed = await ask(() => ports.objects.user(person.id).completeFactor(outcome, causeOf(work)))
  if (completed === null) throw new Problem("PERMISSION_DENIED", "This account is closed")
  if (completed.grant === null) throw faultOf("passkey", completed.fault ?? "wrong", fault)
  return handOver(flow, work, completed.grant, { userId: person.id, transport: kept, deviceToken: token })
}

/** `auth.signInWithPasskey`. One D1 read, two calls of the object; no address is typed. */
export function signInWithPasskey(flow: Flow): Operation {
  return {
    name: "auth.signInWithPasskey",
    kind: "mutation",
    summary: "Sign in with a passkey alone: it is both factors",
    input: signInInput,
    output: signedIn,
    policy: anyone(),
    confidential: true,
    rest: { method: "POST", path: "/auth/passkey/sign-in" },
    engine: async (given: SignInInput, work) => {
      const kept = given.state === undefined ? "cookie" : given.transport
      checkTransport(work, kept)
      await admit(flow.ports(), "sign-in", work)
      return openByPasskey(flow, work, given, kept)
    },
  }
}
