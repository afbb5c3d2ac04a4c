/** The terms under which a person lets a program in, beside its scopes. They are kept with the grant and hold through every door. */

/** What was agreed on. */
export interface GrantTerms {
  /** Nothing is changed before the person has said yes to that very change. */
  readonly approval: boolean
  /** Rows that the program's calls may read, and as many that they may write, in a UTC day; null: no bound of the grant's own. */
  readonly rows: number | null
}

/** What a person may choose as the bound of rows, beside none. */
export const rowChoices = [1000, 10_000, 100_000] as const

/** What is chosen for whoever chooses nothing. */
export const defaultRows = 100_000

/** Terms that ask for nothing: grants from before there were any. */
export const noTerms: GrantTerms = Object.freeze({ approval: false, rows: null })

/** What the page of consent offers. */
export interface OfferedTerms {
  /** Whether one can ask to be asked: only a program that may change something can be held to it. null: it is not offered. */
  readonly approval: "asked" | "unasked" | null
  readonly rows: readonly number[]
  readonly defaultRows: number
}

/**
 * The offer for a request. Of a program that nobody describes nothing is known, so it is to ask first unless the person says otherwise.
 * @param scopes that it asks for
 * @param host of the program's description; null for a registered one
 */
export function offerOf(scopes: readonly string[], host: string | null): OfferedTerms {
  const isChanging = scopes.some((scope) => scope.endsWith(":write"))
  return { approval: isChanging ? (host === null ? "asked" : "unasked") : null, rows: rowChoices, defaultRows }
}
