/**
 * A second factor, given: for a sign-in that waits, or once more within a session; and a factor that is added. One transaction decides whether
 * the proof counts and makes the session that it opens. No session with one factor alone lives beside a factor.
 */
import type {
  FactorAddition,
  FactorCompletion,
  FactorOpening,
  FactorOutcome,
  FactorProof,
  FactorPurpose,
  FactorReservation,
  Renewal,
} from "../core/factors.ts"
import type { Grant, Refusal } from "../core/user-object.ts"
import {
  hasFactor,
  judge,
  keepFactor,
  listFactors,
  recoveryCodesLeft,
  replaceRecoveryCodes,
  seedsOf,
  useOnce,
} from "./factors.ts"
import { endPending, findPending } from "./pending.ts"
import { refreshMac } from "./refresh-mac.ts"
import { record } from "./security-events.ts"
import {
  createSession,
  endSingleFactor,
  findSession,
  renewSession,
  revokeOthers,
  type SessionToMake,
} from "./sessions.ts"
import type { Maker } from "./sign-in.ts"
import { completeCode, forgiveCodes, reserveCode } from "./throttle.ts"
import { short, type Turn } from "./turn.ts"

/** Reserves an attempt at a code, and gives what codes are held against; null when the ticket or the session is over. */
export function reserveFactor(turn: Turn, purpose: FactorPurpose): FactorReservation | null {
  const { sql, now } = turn
  let attempt: { device: string | null; session?: string }
  if ("ticket" in purpose) {
    const waiting = findPending(turn, purpose.ticket)
    if (waiting === null) return null
    attempt = { device: waiting.device ?? null }
  } else {
    if (findSession(sql, purpose.session, now) === null) return null
    attempt = { device: null, session: purpose.session }
  }
  const { admitted, retryAfterSeconds, ticket, confirmByMail } = reserveCode(turn, attempt)
  const seeds = admitted ? seedsOf(sql) : []
  return { admitted, retryAfterSeconds, attempt: ticket, isExhausted: confirmByMail, seeds }
}

/** The session that goes on under a new id. */
export async function prepareRenewal(renewal: Renewal, seed: Uint8Array): Promise<(turn: Turn) => Grant | null> {
  const mac = await refreshMac(renewal.key, seed, renewal.sid, 0)
  return (turn) => {
    const grant = renewSession(turn, renewal, seed)
    return grant && { ...grant, mac }
  }
}

async function prepareWaiting(opening: Extract<FactorOpening, { kind: "ticket" }>, seed: Uint8Array) {
  const { ticket, sid, key } = opening
  const mac = await refreshMac(key, seed, sid, 0)
  return (turn: Turn): Grant | null => {
    const waiting = findPending(turn, ticket)
    if (waiting === null || waiting.sid !== sid) return null
    endPending(turn.sql, ticket)
    const amr = [...new Set([...waiting.amr, ...opening.amr])]
    const grant = createSession(turn, { ...waiting, amr }, seed)
    return grant && { ...grant, mac }
  }
}

/**
 * Computes what takes an await.
 * @param whole makes the session of a proof that is both factors at once
 * @param seed 32 random bytes
 */
export async function prepareOpening(
  opening: FactorOpening,
  whole: Maker | null,
  seed: Uint8Array,
): Promise<(turn: Turn) => Grant | null> {
  if (opening.kind === "ticket") return prepareWaiting(opening, seed)
  if (opening.kind === "renewal") return prepareRenewal(opening.renewal, seed)
  return (turn) => whole?.(turn)?.grant ?? null
}

function isOpen(turn: Turn, opening: FactorOpening): boolean {
  if (opening.kind === "ticket") return findPending(turn, opening.ticket) !== null
  if (opening.kind === "renewal") return findSession(turn.sql, opening.renewal.of, turn.now) !== null
  return true
}

function methodOf(proof: FactorProof): string {
  return proof.kind === "wrong" ? proof.method : proof.kind
}

function deviceOf(turn: Turn, opening: FactorOpening): string | null {
  if (opening.kind === "session") return opening.session.device ?? null
  const waiting: SessionToMake | null = opening.kind === "ticket" ? findPending(turn, opening.ticket) : null
  return waiting?.device ?? null
}

/**
 * Closes an attempt, and makes what it opens when the proof counts.
 * @param make from `prepareOpening`
 */
export function completeFactor(
  turn: Turn,
  { attempt, proof, opening, address, userAgent }: FactorOutcome,
  make: (turn: Turn) => Grant | null,
): FactorCompletion | Refusal {
  const { sql } = turn
  if (!isOpen(turn, opening)) return { error: "REFUSED" }
  const device = deviceOf(turn, opening)
  let fault: FactorCompletion["fault"] = "wrong"
  const decide = () => (fault = judge(turn, proof)) === null
  // Codes are guessed, so they have an attempt; nobody guesses the signature of a passkey.
  const isGuessed = methodOf(proof) !== "passkey"
  if (isGuessed !== (attempt !== null)) return { error: "REFUSED" }
  const failures = attempt === null ? (decide() ? 0 : 1) : completeCode(turn, attempt, decide)
  if (failures === null) return { error: "REFUSED" }
  if (fault !== null) {
    const reason = proof.kind === "wrong" ? proof.reason : fault
    const from = { address: short(address, 60), userAgent: short(userAgent, 300) }
    record(turn, "factor.failed", { method: methodOf(proof), reason, failures }, from)
    return { grant: null, fault, failures, device, recoveryCodesLeft: recoveryCodesLeft(sql) }
  }
  if (proof.kind !== "totp") forgiveCodes(sql)
  const grant = make(turn)
  if (grant === null) return { error: "REFUSED" }
  return { grant, fault: null, failures: 0, device, recoveryCodesLeft: recoveryCodesLeft(sql) }
}

/**
 * Keeps a factor that was just confirmed.
 * @param renew from `prepareRenewal`
 */
export function addFactor(
  turn: Turn,
  { factor, once, recoveryCodes, renewal, endOthers }: FactorAddition,
  renew: (turn: Turn) => Grant | null,
): { readonly grant: Grant; readonly isFirst: boolean } | Refusal {
  const { sql, now } = turn
  if (findSession(sql, renewal.of, now) === null || !useOnce(turn, once)) return { error: "REFUSED" }
  const isFirst = !hasFactor(sql)
  if (listFactors(sql).credentials.includes(factor.kind === "passkey" ? factor.credential : ""))
    return { error: "REFUSED" }
  if (!keepFactor(turn, factor)) return { error: "LIMIT" }
  if (isFirst) replaceRecoveryCodes(turn, recoveryCodes)
  if (endOthers) revokeOthers(turn, renewal.of)
  else endSingleFactor(turn, renewal.of)
  const grant = renew(turn)
  if (grant === null) throw new Error("A session that lives could not go on")
  return { grant, isFirst }
}
