/** The rules of accounts: what an application may decide about sign-up, sign-in and sessions. Refuses values below the floors. */

import { checkProviders, type Provider } from "./provider.ts"

/** How long a session lives: without a refresh, and at most. */
interface SessionSeconds {
  readonly idleSeconds: number
  readonly hardSeconds: number
}

/** What `app({ accounts })` takes; all of it may be left out. */
export interface AccountOptions {
  /** Whether an address must be proved by mail before the first session. Default `"required"`. */
  readonly emailVerification?: "required" | "optional"
  /**
   * What sign-up says of an address that has an account: nothing (the same answer, and a mail to its owner), or ALREADY_EXISTS.
   * Default `"hidden"`. `"told"` lets anybody find out who has an account.
   */
  readonly takenAddress?: "hidden" | "told"
  readonly password?: {
    /** Characters, 8 at least; default 15 (NIST SP 800-63B §3.1.1.2). */
    readonly minimum?: number
    /** Names of the product: they count for nothing in a password. */
    readonly words?: readonly string[]
    /** Asks Have I Been Pwned with five characters of a hash. Default false: nothing leaves. */
    readonly breached?: boolean
  }
  /**
   * Life of an access token, 60 seconds to 7 days; default 600. Longer than minutes only for clients that cannot refresh: every session that
   * ends is then remembered for as long by every isolate.
   */
  readonly accessSeconds?: number
  /** Default 30 days without a refresh, 180 days at most. */
  readonly session?: SessionSeconds
  /** For users with the role `admin`: default 12 hours, 24 hours. */
  readonly administratorSession?: SessionSeconds
  /**
   * Who must have a second factor. Default: administrators, whose sessions can do nothing but add one until they have it. `"optional"` leaves it to
   * each of them.
   */
  readonly mfa?: { readonly administrators?: "required" | "optional" }
  /** Days in which a deleted account comes back by signing in; default 14. */
  readonly deletionDays?: number
  /** Who owns service accounts: a resource with members, and the role in it that manages them. None when left out. */
  readonly serviceAccounts?: { readonly owner: string; readonly role: string }
  /** Who vouches for people that sign in elsewhere: `[google(), github()]`. None when left out. */
  readonly providers?: readonly Provider[]
  readonly oauth?: {
    /**
     * Whether programs may register themselves (RFC 7591). `"closed"`: only programs that describe themselves at an https address are known.
     * Default `"open"`.
     */
    readonly registration?: "open" | "closed"
  }
}

/** The rules, complete. */
export interface AccountRules {
  readonly emailVerification: "required" | "optional"
  readonly takenAddress: "hidden" | "told"
  readonly password: { readonly minimum: number; readonly words: readonly string[]; readonly breached: boolean }
  readonly accessSeconds: number
  readonly session: SessionSeconds
  readonly administratorSession: SessionSeconds
  readonly mfa: { readonly administrators: "required" | "optional" }
  readonly deletionDays: number
  readonly serviceAccounts: { readonly owner: string; readonly role: string } | null
  readonly providers: readonly Provider[]
  readonly oauth: { readonly registration: "open" | "closed" }
}

const day = 86_400

function within(name: string, value: number, least: number, most: number): number {
  if (!Number.isInteger(value) || value < least || value > most)
    throw new Error(`accounts.${name}: ${value} is not a whole number from ${least} to ${most}`)
  return value
}

function seconds(name: string, given: SessionSeconds): SessionSeconds {
  within(`${name}.idleSeconds`, given.idleSeconds, 60, 400 * day)
  within(`${name}.hardSeconds`, given.hardSeconds, given.idleSeconds, 400 * day)
  return given
}

function requirement(name: string, given: unknown = "required"): "required" | "optional" {
  if (given !== "required" && given !== "optional")
    throw new Error(`accounts.${name}: it is "required" or "optional", and not ${JSON.stringify(given)}`)
  return given
}

/**
 * The rules with their safe defaults.
 * @throws Error naming the rule and its bounds
 */
export function accountRules(options: AccountOptions = {}): AccountRules {
  const { password = {} } = options
  return Object.freeze({
    emailVerification: options.emailVerification ?? "required",
    takenAddress: options.takenAddress ?? "hidden",
    password: {
      minimum: within("password.minimum", password.minimum ?? 15, 8, 256),
      words: password.words ?? [],
      breached: password.breached ?? false,
    },
    // Sessions say how long their tokens live, and the hub remembers a revocation for as long: longer tokens make its list longer.
    accessSeconds: within("accessSeconds", options.accessSeconds ?? 600, 60, 7 * day),
    session: seconds("session", options.session ?? { idleSeconds: 30 * day, hardSeconds: 180 * day }),
    administratorSession: seconds(
      "administratorSession",
      options.administratorSession ?? { idleSeconds: day / 2, hardSeconds: day },
    ),
    mfa: { administrators: requirement("mfa.administrators", options.mfa?.administrators) },
    deletionDays: within("deletionDays", options.deletionDays ?? 14, 0, 365),
    serviceAccounts: options.serviceAccounts ?? null,
    providers: checkProviders(options.providers ?? []),
    oauth: { registration: options.oauth?.registration ?? "open" },
  })
}
