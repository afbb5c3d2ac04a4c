/** The exact limiter as the rest of the engine sees it; `server/limiter.ts` counts. */

/** Tokens that come back steadily. */
export interface Rate {
  /** Tokens a minute, a fraction for less: 1/12 is five an hour. At least one a day, rounded down to whole tokens a day. */
  readonly ratePerMinute: number
  /** Tokens that may be taken at once after a rest, 1 to 1,000,000. */
  readonly burst: number
  /** Tokens that this call takes, 1 to burst. */
  readonly cost: number
}

/** Tokens of a day (UTC). */
export interface Quota {
  readonly perDay: number
  /** Tokens that this call takes, 1 to perDay. */
  readonly cost: number
}

/** How much a key may do. */
export type Limit = Rate | Quota

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

/** Keeps work going after the answer. */
export type Behind = (work: Promise<unknown>) => void

/** A limiter over a namespace of objects. */
export interface Limiting {
  /** Counts, and says how it is. */
  take(key: string, limit: Rate, now: Date): Promise<Verdict>
  /** Counts, and throws RESOURCE_EXHAUSTED with the seconds to wait when it is too much. */
  admit(key: string, limit: Rate, now: Date): Promise<Verdict>
  /** Counts from tokens that this isolate holds, as often as it can. Throws or rejects with UNAVAILABLE when nobody can count. */
  draw(key: string, limit: Limit, now: Date, behind: Behind): Verdict | Promise<Verdict>
  /** Gives tokens back that were drawn just now. */
  restore(key: string, limit: Limit, tokens: number): void
  /** Takes tokens, whether there are so many or not: what was done already has to be paid. */
  charge(key: string, limit: Limit, tokens: number, now: Date, behind: Behind): void
}
