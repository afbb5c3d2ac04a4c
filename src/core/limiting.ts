/** The exact limiter as the rest of the engine sees it; `server/limiter.ts` counts. */

/** So many tokens a minute, and how many at once. Within any time no more is admitted than burst + rate × time. */
export interface Rate {
  /** Tokens a minute, a fraction for less: 1/12 is five an hour. One a day to 60,000 a minute, rounded down to whole tokens a day. */
  readonly ratePerMinute: number
  /** Tokens that may be taken at once after a rest, 1 to 1,000,000. */
  readonly burst: number
  /** Tokens that this call takes, 1 to burst. */
  readonly cost: number
}

/** So many tokens in a day of UTC, whenever they are taken. */
export interface Quota {
  /** Tokens a day, 1 to 10,000,000. */
  readonly perDay: number
  /** Tokens that this call takes, 1 to perDay. */
  readonly cost: number
}

/** How much a key may do. */
export type Limit = Rate | Quota

/** The answer of a limiter. */
export interface Verdict {
  readonly admitted: boolean
  /** Whole tokens that are left, as far as is known here. */
  readonly remaining: number
  /** Seconds after which the same call is admitted, if nothing else is; 0 when it was. */
  readonly retryAfterSeconds: number
  /** Seconds after which everything is left again. */
  readonly resetSeconds: number
  /** True for a refusal that stands: nothing is leased that could come back, so before the wait is over the same call would be refused again. */
  readonly firm: boolean
  /** True when memory answered: the call cost no hop. */
  readonly local: boolean
  /** The grant that the tokens came out of, for `restore`; null when there is nothing to give back. */
  readonly grant: string | null
}

/** Keeps work going after the answer (`ctx.waitUntil`). */
export type Behind = (work: Promise<unknown>) => void

/** A limiter over a namespace of objects. A key is `<what>/<whom>`, and always has the same limit. */
export interface Limiting {
  /**
   * Counts in the object, one hop each, and says how it is.
   * @throws Problem UNAVAILABLE when the object does not answer; RangeError for a limit or a key that makes no sense
   */
  take(key: string, limit: Limit, now: Date): Promise<Verdict>
  /** Takes, and throws RESOURCE_EXHAUSTED with the seconds to wait when it is too much. */
  admit(key: string, limit: Limit, now: Date): Promise<Verdict>
  /**
   * Takes from what this isolate has leased, and asks the object when that is used up. No promise when memory suffices.
   * @param behind keeps the return of idle tokens going, and the question when the caller goes away
   * @throws like `take`
   */
  draw(key: string, limit: Limit, now: Date, behind: Behind): Verdict | Promise<Verdict>
  /** Gives back what a draw took, for a call that another limit then refused. What cannot be given back without risk stays spent. */
  restore(key: string, limit: Limit, drawn: Verdict): void
  /**
   * Takes afterwards what a call turned out to cost. It may go into debt, up to four times what the limit allows at once; the next calls are
   * refused until it is paid. Told to the object behind the call, within about a second.
   * @param tokens whole, 0 or more
   */
  charge(key: string, limit: Limit, tokens: number, now: Date, behind: Behind): void
}
