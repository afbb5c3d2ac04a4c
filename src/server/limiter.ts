/**
 * An exact limiter: counted by the object of a key (limiter-object.ts, bucket.ts), so a taking is one hop; a drawing takes from what the isolate
 * has leased (leases.ts). Within any time it admits no more than burst + rate × time, however many ask at once and whatever their clocks say.
 * When the object cannot be reached the answer is UNAVAILABLE, never admission. Loads without a runtime: the class stands apart.
 */
import { networkOf } from "../core/address.ts"
import type { Limit, Limiting } from "../core/limiting.ts"
import { Problem } from "../core/problem.ts"
import { type Answer, type Ask, measuresOf, oneCall } from "./bucket.ts"
import { limiterObjectName } from "./keys.ts"
import { type LeasePorts, type LeaseRules, Leases } from "./leases.ts"
import { kvCarrier, unavailable, verdictOf } from "./verdicts.ts"

const keyLengthMax = 512

/** The object's method over a call, as a stub gives it. */
interface Counting {
  serve(key: string, limit: Limit, ask: Ask, now: number): Promise<Answer>
}

/** What a limiter is made of. */
export interface LimiterBindings {
  readonly objects: DurableObjectNamespace
  /** Where verdicts are carried to other isolates. */
  readonly verdicts: KVNamespace
  /** The clock, as it is after a wait. */
  readonly now: () => Date
  /** Told of what failed behind a call and harms nobody: verdicts that KV did not take or give. */
  readonly tell: (cause: unknown) => void
}

/** Waits by a timer, which is steady whatever the clock says. One that is stopped is gone: a call has no more than 10,000. */
const sleep: LeasePorts["sleep"] = (milliseconds, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds)
    signal?.addEventListener("abort", () => {
      clearTimeout(timer)
      reject(signal.reason)
    })
  })

/** The limiter of an isolate. */
export function limiting(bindings: LimiterBindings, rules?: LeaseRules): Limiting {
  const ask: LeasePorts["ask"] = (key, limit, question, now) => {
    // A stub belongs to the call that made it.
    const stub = bindings.objects.getByName(limiterObjectName(key)) as unknown as Counting
    return stub.serve(key, limit, question, now)
  }
  const check = (key: string, limit: Limit): void => {
    measuresOf(limit)
    if (key.length > keyLengthMax) throw new RangeError("A limiter's key is too long")
  }
  const take: Limiting["take"] = async (key, limit, now) => {
    check(key, limit)
    try {
      const answer = await ask(key, limit, oneCall, now.getTime())
      return verdictOf(answer, answer.admitted > 0, null)
    } catch (cause) {
      throw unavailable(cause)
    }
  }
  const leases = new Leases(
    { ...bindings, ask, sleep, newId: () => crypto.randomUUID(), carrier: kvCarrier(bindings.verdicts) },
    rules,
  )
  return {
    take,
    async admit(key, limit, now) {
      const verdict = await take(key, limit, now)
      if (!verdict.admitted)
        throw new Problem("RESOURCE_EXHAUSTED", "Too many requests", { retryAfterSeconds: verdict.retryAfterSeconds })
      return verdict
    },
    draw(key, limit, now, behind) {
      check(key, limit)
      return leases.draw(key, limit, now, behind)
    },
    restore: (key, limit, drawn) => leases.restore(key, limit, drawn),
    charge(key, limit, tokens, now, behind) {
      check(key, limit)
      if (!Number.isSafeInteger(tokens) || tokens < 0) throw new RangeError("A charge is a whole number of tokens")
      leases.charge(key, limit, tokens, now, behind)
    },
  }
}

/** Letters that one sender may have sent by handlers: thirty at once, then one in two minutes. Letters of accounts have limits of their own. */
export function letterLimit(limiter: Limiting): (sender: string, count: number, now: Date) => Promise<void> {
  return async (sender, cost, now) => {
    await limiter.admit(`letters/${networkOf(sender)}`, { ratePerMinute: 1 / 2, burst: 30, cost }, now)
  }
}
