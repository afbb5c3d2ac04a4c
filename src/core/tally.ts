/**
 * Counting a call: every limit that it has is drawn from, all of them or none. When one refuses, what the others gave goes back. Who cannot be
 * counted is refused, unless the limit says otherwise.
 */
import type { ToldLimit } from "./limit.ts"
import { asksForMemberships, type LimitedCaller, type LimitPlace, placeOf, type Wanted } from "./limit-places.ts"
import type { Limit, Verdict } from "./limiting.ts"
import type { Membership } from "./organization.ts"
import type { Ports } from "./ports.ts"
import { Problem } from "./problem.ts"

/** What counting asks of the world. */
export type TallyPorts = Pick<Ports, "limiter" | "memberships" | "behind" | "observe">

/** The limits of one call, and what was drawn from them. */
export interface Tally {
  /**
   * Draws what is wanted. Nothing is awaited where this isolate holds the tokens.
   * @throws Problem RESOURCE_EXHAUSTED with the longest wait, UNAVAILABLE when nobody can count; what was drawn before has gone back then
   */
  draw(wanted: readonly Wanted[]): void | Promise<void>
  /** Takes what the call turned out to cost, where it costs what it reads. */
  chargeRows(rows: number): void
  /** What was counted, the tightest first: what refused, by its wait, and then what has the fewest calls left. */
  told(): readonly ToldLimit[]
}

interface Drawn extends LimitPlace {
  verdict: Verdict
}

/** What came of a place: a verdict, or why nobody could count. */
type Result = { readonly place: LimitPlace } & ({ readonly verdict: Verdict } | { readonly fault: unknown })

function withCost(limit: Limit, cost: number): Limit {
  return cost === limit.cost ? limit : { ...limit, cost }
}

function drawOne({ limiter, behind }: TallyPorts, place: LimitPlace, now: Date): Result | Promise<Result> {
  const wanted = withCost(place.allowance.limit, place.tokens)
  try {
    const verdict = limiter.draw(place.key, wanted, now, behind)
    if (!(verdict instanceof Promise)) return { place, verdict }
    return verdict.then(
      (known) => ({ place, verdict: known }),
      (fault) => ({ place, fault }),
    )
  } catch (fault) {
    return { place, fault }
  }
}

const callsLeft = ({ verdict, tokens }: Drawn) => Math.floor(verdict.remaining / tokens)

function byTightness(one: Drawn, other: Drawn): number {
  const wait = other.verdict.retryAfterSeconds - one.verdict.retryAfterSeconds
  return wait || callsLeft(one) - callsLeft(other) || other.verdict.resetSeconds - one.verdict.resetSeconds
}

/** Begins to count a call. */
export function tallyOf(ports: TallyPorts, caller: LimitedCaller, now: Date): Tally {
  const drawn: Drawn[] = []
  let memberships: Promise<readonly Membership[]> | null = null

  const told = (): readonly ToldLimit[] =>
    [...drawn].sort(byTightness).map(({ limit, allowance: { tokens, windowSeconds }, organization, verdict }) => ({
      name: limit.name,
      tokens,
      windowSeconds,
      organization,
      verdict,
    }))

  /** A call that is refused costs nothing. */
  const giveBack = () => {
    for (const one of drawn) {
      const { allowance, key, tokens, verdict } = one
      if (!verdict.admitted) continue
      ports.limiter.restore(key, withCost(allowance.limit, tokens), verdict)
      one.verdict = { ...verdict, remaining: Math.min(allowance.tokens, verdict.remaining + tokens) }
    }
  }

  const settle = (results: readonly Result[]) => {
    for (const one of results) if ("verdict" in one) drawn.push({ ...one.place, verdict: one.verdict })
    let closed: { readonly fault: unknown } | null = null
    for (const one of results) {
      if (!("fault" in one)) continue
      const { name, admitsUncounted } = one.place.limit
      if (!admitsUncounted) closed ??= one
      else ports.observe({ kind: "fault", at: now.toISOString(), where: `limit ${name}`, cause: one.fault })
    }
    const refused = drawn.filter(({ verdict }) => !verdict.admitted)
    if (refused.length === 0 && closed === null) return
    giveBack()
    if (refused.length === 0) throw closed?.fault
    throw new Problem("RESOURCE_EXHAUSTED", `Too many requests: ${refused.map(({ limit }) => limit.name).join(", ")}`, {
      retryAfterSeconds: Math.max(...refused.map(({ verdict }) => verdict.retryAfterSeconds)),
      limits: told(),
    })
  }

  const drawAll = (wanted: readonly Wanted[], known: readonly Membership[]): void | Promise<void> => {
    const places = wanted.map((one) => placeOf(one, caller, known))
    const tooMuch = places.find(({ allowance, tokens }) => tokens > allowance.tokens)
    if (tooMuch !== undefined) {
      giveBack()
      const { limit, allowance, tokens } = tooMuch
      const sentence = `This takes ${tokens} of ${limit.name} at once, which never has more than ${allowance.tokens}`
      throw new Problem("RESOURCE_EXHAUSTED", sentence)
    }
    const results = places.map((place) => drawOne(ports, place, now))
    return results.some((one) => one instanceof Promise)
      ? Promise.all(results).then(settle)
      : settle(results as Result[])
  }

  return {
    told,
    draw(wanted) {
      if (wanted.length === 0) return
      if (!wanted.some((one) => asksForMemberships(one, caller))) return drawAll(wanted, [])
      memberships ??= ports.memberships(caller.principal)
      return memberships.then(
        (known) => drawAll(wanted, known),
        (fault) => {
          giveBack()
          throw fault
        },
      )
    },
    chargeRows(rows) {
      for (const one of drawn) {
        const { limit, allowance, key, verdict } = one
        const more = rows - limit.cost
        if (!limit.isByRows || !verdict.admitted || more <= 0) continue
        ports.limiter.charge(key, allowance.limit, more, now, ports.behind)
        one.verdict = { ...verdict, remaining: Math.max(0, verdict.remaining - more) }
      }
    },
  }
}
