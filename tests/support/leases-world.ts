/**
 * Several isolates and an object of the limiter on a clock of the test's own: the real code of both sides, with a network that
 * loses, timers that die with their call, clocks that step, and restarts. Keeps a record of what was admitted, and when by the object's time.
 */
import type { Limit, Verdict } from "../../src/core/limiting.ts"
import { type Answer, type Ask, leaseLifeMs } from "../../src/server/bucket.ts"
import { Leases } from "../../src/server/leases.ts"
import { ModelObject } from "./leases-object.ts"

/** What happened, for the test to know that it did. */
export const happenings = [
  "draws from memory",
  "refusals from memory",
  "clock of an isolate forward",
  "clock of an isolate back",
  "steps back that no call saw",
  "clock of the object stepped",
  "restarts of an isolate with a lease",
  "restarts of the object with a lease out",
  "leases that expired",
  "leases that returned tokens",
  "messages lost",
  "answers lost",
  "timers that died",
  "refunds",
  "charges",
  "buckets forgotten",
  "firm refusals",
] as const

/** A call that was admitted. */
interface Admission {
  readonly tokens: number
  /** The object's time when it was admitted: what it knew then, and what it knew with its next call. */
  readonly from: number
  to: number | null
  restored: boolean
}

interface Timer {
  readonly at: number
  readonly isolate: Isolate | null
  readonly ring: () => void
}

interface Message {
  readonly isolate: Isolate
  serve(): void
  /** After it was served. */
  answer: (() => void) | null
  fail(): void
}

interface Isolate {
  leases: Leases
  offset: number
  /** Steps back: when, by how much. */
  back: { at: number; by: number }[]
  timerDiedAt: number
  last: { verdict: Verdict; admission: Admission } | null
  /** What its calls saw last. */
  seen: number
}

const key = "model/one"
/** Steps back that a lease without its timer survives. */
const backMax = 4900

/** See above. */
export class LeasesWorld {
  readonly counts = new Map<string, number>()
  readonly admissions: Admission[] = []
  readonly isolates: Isolate[]
  readonly #limit: Limit
  readonly #sweeps: boolean
  #steady = 0
  #ids = 0
  #timers: Timer[] = []
  #messages: Message[] = []
  #offset = 0
  readonly #object: ModelObject

  /** `sweeps`: buckets at rest are forgotten, and clocks differ by less than a minute. */
  constructor(limit: Limit, start: number, isolates: number, sweeps: boolean) {
    this.#limit = limit
    this.#sweeps = sweeps
    this.#steady = start
    this.#object = new ModelObject(
      (what) => this.#count(what),
      (milliseconds, ring) => this.#timers.push({ at: this.#steady + milliseconds, isolate: null, ring }),
    )
    this.isolates = Array.from({ length: isolates }, () => this.#newIsolate())
  }

  /** What was promised and not kept, in words. */
  get broken(): readonly string[] {
    return this.#object.broken
  }

  #count(what: (typeof happenings)[number], times = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + times)
  }

  #newIsolate(): Isolate {
    const isolate: Isolate = { offset: 0, back: [], timerDiedAt: -1e9, last: null, seen: -1e15 } as never
    isolate.leases = new Leases({
      ask: (_, limit, ask, now) => this.#send(isolate, limit, ask, now),
      sleep: (milliseconds, signal) =>
        new Promise((resolve, reject) => {
          const timer: Timer = { at: this.#steady + milliseconds, isolate, ring: resolve }
          this.#timers.push(timer)
          signal?.addEventListener("abort", () => {
            this.#timers = this.#timers.filter((one) => one !== timer)
            reject(new Error("stopped"))
          })
        }),
      now: () => new Date(this.#steady + isolate.offset),
      newId: () => `grant${this.#ids++}`,
      carrier: { read: async () => null, write: async () => {} },
      tell: () => {},
    })
    return isolate
  }

  #send(isolate: Isolate, limit: Limit, ask: Ask, now: number): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const message: Message = {
        isolate,
        answer: null,
        serve: () => {
          const answer = this.#object.serve(limit, ask, now)
          this.#tellTime()
          message.answer = () => resolve(answer)
        },
        fail: () => reject(new Error("Network connection lost")),
      }
      this.#messages.push(message)
    })
  }

  /** The object knows a later time. What is not known yet was admitted no more than `most` milliseconds after it was leased. */
  #tellTime(most = Number.POSITIVE_INFINITY): void {
    for (const admission of this.admissions) admission.to ??= Math.min(this.#object.time, admission.from + most)
  }

  #admit(isolate: Isolate, verdict: Verdict): void {
    if (!verdict.admitted) return
    const from = verdict.local ? this.#object.time : (this.#object.servedAt.get(verdict.grant ?? "") as number)
    const admission = { tokens: this.#limit.cost, from, to: verdict.local ? null : from, restored: false }
    this.admissions.push(admission)
    isolate.last = { verdict, admission }
  }

  /** The isolate draws `times` at once. */
  draw(isolate: Isolate, times: number): void {
    const now = new Date(this.#steady + isolate.offset)
    if (isolate.back.at(-1)?.at === this.#steady && now.getTime() >= isolate.seen)
      this.#count("steps back that no call saw")
    isolate.seen = now.getTime()
    for (let n = 0; n < times; n++) {
      const verdict = isolate.leases.draw(key, this.#limit, now, (work) => void work.catch(() => {}))
      if ("admitted" in verdict) this.#count(verdict.admitted ? "draws from memory" : "refusals from memory")
      if ("admitted" in verdict) this.#admit(isolate, verdict)
      else verdict.then((late) => this.#admit(isolate, late)).catch(() => {})
    }
  }

  /** Gives back what it drew last. */
  restore(isolate: Isolate): void {
    const { last } = isolate
    if (last === null) return
    isolate.last = null
    last.admission.restored = true
    isolate.leases.restore(key, this.#limit, last.verdict)
  }

  /** Charges it for a call. */
  charge(isolate: Isolate, tokens: number): void {
    const now = new Date(this.#steady + isolate.offset)
    isolate.leases.charge(key, this.#limit, tokens, now, (work) => void work.catch(() => {}))
  }

  /** What is on its way arrives, and is answered. */
  deliver(): void {
    const messages = this.#messages
    this.#messages = []
    for (const message of messages) {
      if (message.answer === null) message.serve()
      message.answer?.()
    }
  }

  /** What is on its way arrives; the answers do not, yet. */
  arrive(): void {
    for (const message of this.#messages) if (message.answer === null) message.serve()
  }

  /** What is on its way is lost. `isTold`: the isolate learns of it. */
  lose(isTold: boolean): void {
    for (const message of this.#messages) {
      this.#count(message.answer === null ? "messages lost" : "answers lost")
      if (isTold) message.fail()
    }
    this.#messages = []
  }

  /** Time passes, and timers ring. */
  async pass(milliseconds: number, flush: () => Promise<void>): Promise<void> {
    const end = this.#steady + milliseconds
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
      if (!next) break
      this.#timers = this.#timers.filter((timer) => timer !== next)
      this.#steady = Math.max(this.#steady, next.at)
      next.ring()
      await flush()
    }
    this.#steady = end
    for (const isolate of this.isolates) isolate.back = isolate.back.filter(({ at }) => at > end - leaseLifeMs)
  }

  /** A call goes away that had timers. */
  killTimers(isolate: Isolate): void {
    if (isolate.back.reduce((sum, { by }) => sum + by, 0) > backMax) return
    const dying = this.#timers.filter((timer) => timer.isolate === isolate)
    if (dying.length === 0) return
    isolate.timerDiedAt = this.#steady
    this.#count("timers that died", dying.length)
    this.#timers = this.#timers.filter((timer) => timer.isolate !== isolate)
  }

  /** The clock of an isolate steps. */
  step(isolate: Isolate, by: number): void {
    if (this.#sweeps && Math.abs(isolate.offset + by) > 25_000) return
    if (by < 0) {
      const back = isolate.back.reduce((sum, one) => sum + one.by, 0) - by
      if (back > backMax && this.#steady - isolate.timerDiedAt < leaseLifeMs) return
      isolate.back.push({ at: this.#steady, by: -by })
    }
    isolate.offset += by
    this.#count(by < 0 ? "clock of an isolate back" : "clock of an isolate forward")
  }

  /** The clock of the object steps. */
  stepObject(by: number): void {
    if (Math.abs(this.#offset + by) > 25_000) return
    this.#offset += by
    this.#count("clock of the object stepped")
  }

  /** An isolate loses its memory; what it asked is on its way still, and nobody waits for the answers. */
  restart(place: number): void {
    const isolate = this.isolates[place] as Isolate
    if (this.#object.hasLeases) this.#count("restarts of an isolate with a lease")
    this.#timers = this.#timers.filter((timer) => timer.isolate !== isolate)
    const fresh = this.#newIsolate()
    fresh.offset = isolate.offset
    this.isolates[place] = fresh
  }

  /** The object loses its memory, not its row. */
  restartObject(): void {
    this.#object.restart()
  }

  /** The object's alarm. */
  sweep(): void {
    if (!this.#sweeps || !this.#object.sweep(this.#steady + this.#offset)) return
    // Nothing is on its way for as long as a bucket at rest is kept.
    this.#messages = this.#messages.filter(({ answer }) => answer !== null)
    this.#tellTime(leaseLifeMs)
  }
}
