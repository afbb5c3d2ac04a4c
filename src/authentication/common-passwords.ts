/**
 * The passwords that everyone tries first. Only those that the floor of 8 characters lets through are kept: a shorter one is refused anyway.
 * Comparison ignores case and compatibility forms.
 */
import { commonPasswordText } from "./common-passwords.generated.ts"

let known: ReadonlySet<string> | undefined

/** Text as passwords are compared with lists: compatibility forms unified, lower case. Never what is hashed. */
export function foldPassword(text: string): string {
  return text.normalize("NFKC").toLowerCase()
}

/** True when the folded text is one of the bundled list. */
export function isCommonPassword(folded: string): boolean {
  known ??= new Set(commonPasswordText.split(/\s/))
  return known.has(folded)
}

/** How many passwords the list holds. */
export function commonPasswordCount(): number {
  isCommonPassword("")
  return known?.size ?? 0
}
