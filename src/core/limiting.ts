/** The exact limiter as the rest of the engine sees it; `server/limiter.ts` counts. */

/** How much a key may do. */
export interface Limit {
  /** Tokens a minute, a fraction for less: 1/12 is five an hour. At least one a day, rounded down to whole tokens a day. */
  readonly ratePerMinute: number
  /** Tokens that may be taken at once after a rest, 1 to 1,000,000. */
  readonly burst: number
  /** Tokens that this call takes, 1 to burst. */
  readonly cost: number
}

/** The answer of a limiter. */
export interface Verdict {
  readonly admitted: boolean
  /** Whole tokens that are left. */
  readonly remaining: number
  /** Seconds after which the same call is admitted, if nothing else is; 0 when it was. */
  readonly retryAfterSeconds: number
  /** Seconds after which everything is left again. */
  readonly resetSeconds: number
}

/** A limiter over a namespace of objects. */
export interface Limiting {
  /** Counts, and says how it is. */
  take(key: string, limit: Limit, now: Date): Promise<Verdict>
  /** Counts, and throws RESOURCE_EXHAUSTED with the seconds to wait when it is too much. */
  admit(key: string, limit: Limit, now: Date): Promise<Verdict>
}
