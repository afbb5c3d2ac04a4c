/**
 * The life of a signing key as a pure machine: next -> current -> retired -> removed. It refuses to sign with a key that verifiers have not had
 * time to read, and to forget one whose tokens may be alive, except when a key is compromised.
 */

/** Where a key stands. */
export type KeyState = "next" | "current" | "retired"

/** A key as the machine sees it. Instants are milliseconds since 1970. */
export interface KeyFacts {
  readonly kid: string
  readonly state: KeyState
  readonly createdAt: number
  readonly activatedAt: number | null
  readonly retiredAt: number | null
}

/** How long a key stays in a state. */
export interface RotationRules {
  /** A key is published at least so long before it signs. */
  readonly publishSeconds: number
  /** A key signs so long. */
  readonly useSeconds: number
  /** A key that signs no more stays published so long: the life of an access token, what isolates keep, and the skew of clocks. */
  readonly keepSeconds: number
}

export const defaultRotationRules: RotationRules = {
  publishSeconds: 24 * 3600,
  useSeconds: 30 * 24 * 3600,
  keepSeconds: 15 * 60 + 300 + 60,
}

/**
 * due: what time asks for (cron, start). early: switch now, without waiting for the end of use; publication is waited for all the same.
 * compromised: all keys go at once, and with them all access tokens.
 */
export type RotationMode = "due" | "early" | "compromised"

/** One change. `from` is the state that it was planned on. */
export type RotationStep =
  | { readonly kind: "remove"; readonly kid: string; readonly from: KeyState }
  | { readonly kind: "retire"; readonly kid: string }
  | { readonly kind: "activate"; readonly kid: string }
  | { readonly kind: "create"; readonly state: "next" | "current" }

/** True when a retired key verifies nothing any more. */
export function isOver(key: KeyFacts, now: number, rules: RotationRules): boolean {
  return key.retiredAt !== null && key.retiredAt + rules.keepSeconds * 1000 <= now
}

/**
 * What has to happen, in this order and in one transaction. Empty when all is well. Once applied, one key is current and one is next.
 * @param now milliseconds since 1970
 */
export function planRotation(
  keys: readonly KeyFacts[],
  now: number,
  mode: RotationMode,
  rules: RotationRules,
): readonly RotationStep[] {
  if (mode === "compromised") {
    return [
      ...keys.map(({ kid, state }) => ({ kind: "remove" as const, kid, from: state })),
      { kind: "create", state: "current" },
      { kind: "create", state: "next" },
    ]
  }
  const steps: RotationStep[] = keys
    .filter((key) => key.state === "retired" && isOver(key, now, rules))
    .map(({ kid }) => ({ kind: "remove", kid, from: "retired" }))
  const current = keys.find(({ state }) => state === "current")
  const next = keys.find(({ state }) => state === "next")
  if (current === undefined) {
    // Nobody can sign: an unpublished key is better than none, and verifiers ask again for a kid that they do not know.
    steps.push(next === undefined ? { kind: "create", state: "current" } : { kind: "activate", kid: next.kid })
    steps.push({ kind: "create", state: "next" })
    return steps
  }
  if (next === undefined) return [...steps, { kind: "create", state: "next" }]
  const published = next.createdAt + rules.publishSeconds * 1000 <= now
  const used = (current.activatedAt ?? current.createdAt) + rules.useSeconds * 1000 <= now
  if (published && (used || mode === "early")) {
    steps.push({ kind: "retire", kid: current.kid }, { kind: "activate", kid: next.kid })
    steps.push({ kind: "create", state: "next" })
  }
  return steps
}
