/**
 * A second factor, given: for a sign-in that waits, or to prove oneself once more. An attempt at a code is reserved before the code is looked at,
 * as with passwords; what proves is computed here, and the object decides whether it counts. Each refusal says what is wrong, and is an event.
 */
import * as z from "zod"
import type { FactorCompletion, FactorOpening, FactorProof, FactorPurpose } from "../core/factors.ts"
import type { EngineWork } from "../core/operation.ts"
import { invalid, Problem } from "../core/problem.ts"
import type { Grant } from "../core/user-object.ts"
import { type AccountPorts, causeOf, type Flow, findPerson, originOf } from "./account.ts"
import { decodeBase32 } from "./base32.ts"
import { recoveryUsedMail, wrongCodesMail } from "./mails.ts"
import { ask } from "./objects.ts"
import { givePasskey, type PasskeyFault, passkeyFaults } from "./passkey-proof.ts"
import { assertionInput, type PasskeyGiven } from "./passkey-shapes.ts"
import { recoveryCodeHash } from "./recovery-codes.ts"
import { matchingStep } from "./totp.ts"

export const codeInput = z
  .string()
  .regex(/^[0-9]{3} ?[0-9]{3}$/)
  .meta({ description: "The six digits that the authenticator app shows now", examples: ["492039"] })

/** One of these is given. */
export const factorInputs = {
  code: codeInput.optional(),
  recoveryCode: z.string().max(64).optional().describe("One of the recovery codes; it works once"),
  passkey: assertionInput.optional(),
}

/** Their names. */
export const factorNames = ["code", "recoveryCode", "passkey"] as const

/** A second factor as it was sent. */
export interface GivenFactor {
  readonly code?: string
  readonly recoveryCode?: string
  readonly passkey?: PasskeyGiven
}

/** Purpose under which seeds are sealed. */
export const seedPurpose = "totp"

/** What is given, to whom, and what it opens. */
export interface Giving {
  readonly userId: string
  readonly purpose: FactorPurpose
  /** What it opens, with the methods of RFC 8176 that were used. */
  opening(amr: readonly string[]): FactorOpening | Promise<FactorOpening>
  /** What is said when the ticket or the session is over. */
  over(): Problem
}

const methods = { totp: ["otp", "mfa"], recoveryCode: ["otp", "mfa"] } as const

/** Failures in a row after which the owner is told: whoever gets so far knows the password. */
const failuresTold = 5

const faults = {
  code: {
    wrong: ["wrong_code", "The code is wrong, or its time is over"],
    replayed: ["used_code", "The code was used already; wait for the next one"],
  },
  recoveryCode: { wrong: ["wrong_recovery_code", "There is no such recovery code, or it was used"] },
  passkey: {
    wrong: ["unknown_passkey", passkeyFaults.unknown_passkey],
    replayed: ["used_challenge", "This answer of the passkey was given before; begin again"],
    regressed: [
      "copied_passkey",
      "The passkey counts backwards: there may be a copy of it. Use another factor, and remove it",
    ],
  },
} as const

/** What is said of a factor that does not count. */
export function faultOf(given: keyof typeof faults, fault: string, ceremony: PasskeyFault | null = null): Problem {
  if (ceremony !== null) return invalid("/passkey", ceremony, passkeyFaults[ceremony])
  const known: Readonly<Record<string, readonly [string, string]>> = faults[given]
  const [code, message] = known[fault] ?? faults[given].wrong
  return invalid(`/${given}`, code, message)
}

/** The one that was given. Throws INVALID_ARGUMENT for none and for more than one. */
export function oneOf<K extends string>(given: { readonly [key in K]?: unknown }, names: readonly K[]): K {
  const found = names.filter((name) => given[name] !== undefined)
  if (found.length !== 1)
    throw invalid("", "exactly_one", `Give exactly one of ${names.slice(0, -1).join(", ")} and ${names.at(-1)}`)
  return found[0] as K
}

async function proveCode(
  { sealer }: AccountPorts,
  work: EngineWork,
  { userId }: Giving,
  code: string,
  seeds: readonly { readonly id: string; readonly sealed: string }[],
): Promise<FactorProof> {
  const digits = code.replace(" ", "")
  let found: FactorProof | null = null
  let isReadable = false
  for (const { id, sealed } of seeds) {
    const text = await sealer.open(seedPurpose, `${userId}/${id}`, sealed)
    const seed = text === null ? null : decodeBase32(text)
    if (text === null || seed === null) continue
    isReadable = true
    const step = await matchingStep(seed, digits, work.reading.now)
    if (step === null) continue
    const anew = sealer.isStale(sealed) ? { sealed: await sealer.seal(seedPurpose, `${userId}/${id}`, text) } : {}
    found = { kind: "totp", factor: id, step, ...anew }
  }
  const reason = seeds.length === 0 ? "none" : isReadable ? "wrong" : "unreadable"
  return found ?? { kind: "wrong", method: "totp", reason }
}

/** The attempt at a code, evaluated and completed. */
async function giveCode(
  flow: Flow,
  work: EngineWork,
  giving: Giving,
  given: { readonly code: string } | { readonly recoveryCode: string },
): Promise<FactorCompletion> {
  const ports = flow.ports()
  const { userId, purpose, opening, over } = giving
  const object = ports.objects.user(userId)
  const reserved = await ask(() => object.reserveFactor(purpose, causeOf(work)))
  if (reserved === null) throw over()
  if (!reserved.admitted)
    throw new Problem("RESOURCE_EXHAUSTED", "Too many attempts", {
      retryAfterSeconds: Math.max(1, reserved.retryAfterSeconds),
    })
  const isCode = "code" in given
  if (isCode && reserved.isExhausted)
    throw new Problem(
      "FAILED_PRECONDITION",
      "After so many wrong codes none is taken here any more: use a passkey, a recovery code or a device that you signed in on before",
    )
  const hash = isCode ? null : await recoveryCodeHash(given.recoveryCode)
  const proof: FactorProof = isCode
    ? await proveCode(ports, work, giving, given.code, reserved.seeds)
    : hash === null
      ? { kind: "wrong", method: "recoveryCode", reason: "malformed" }
      : { kind: "recoveryCode", hash }
  if (proof.kind === "wrong" && proof.reason === "unreadable")
    ports.tell("totp", `The seeds of ${userId} do not open under KEK`)
  const amr = methods[isCode ? "totp" : "recoveryCode"]
  const { attempt } = reserved
  const outcome = { attempt, proof, opening: await opening(amr), ...originOf(work) }
  const completed = await ask(() => object.completeFactor(outcome, causeOf(work)))
  if (completed === null) throw over()
  return completed
}

/** Tells the owner of what only they can judge. The call does not fail by it: what happened stands in the log in any case. */
async function tellOwner(flow: Flow, work: EngineWork, userId: string, mail: typeof wrongCodesMail): Promise<void> {
  const ports = flow.ports()
  try {
    const person = await findPerson(work.store, "id", userId)
    if (person !== null) await work.write(({ changes }) => void changes.mail(mail(person.email, ports.title)))
  } catch (cause) {
    ports.tell("letter", cause)
  }
}

async function give(flow: Flow, work: EngineWork, giving: Giving, { code, recoveryCode, passkey }: GivenFactor) {
  if (passkey !== undefined) return givePasskey(flow, work, giving, passkey)
  const typed = code === undefined ? { recoveryCode: recoveryCode ?? "" } : { code }
  return { completed: await giveCode(flow, work, giving, typed), fault: null }
}

/**
 * Evaluates a second factor and opens what it is given for.
 * @throws INVALID_ARGUMENT for one that does not count, RESOURCE_EXHAUSTED after too many, what `over` gives when there is nothing to open
 */
export async function giveFactor(
  flow: Flow,
  work: EngineWork,
  giving: Giving,
  given: GivenFactor,
): Promise<FactorCompletion & { readonly grant: Grant }> {
  const name = oneOf(given, factorNames)
  const { userId } = giving
  const { completed, fault: ceremony } = await give(flow, work, giving, given)
  const { grant, fault, failures, recoveryCodesLeft } = completed
  if (grant === null) {
    if (failures === failuresTold && "ticket" in giving.purpose) await tellOwner(flow, work, userId, wrongCodesMail)
    throw faultOf(name, fault ?? "wrong", ceremony)
  }
  if (name === "recoveryCode")
    await tellOwner(flow, work, userId, (to, title) => recoveryUsedMail(to, title, recoveryCodesLeft))
  return { ...completed, grant }
}
