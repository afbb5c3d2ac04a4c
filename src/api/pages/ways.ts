/** Where the pages lead whoever may not go on yet: to the sign-in, to a fresh proof, to a first second factor. */
import type { JsonObject } from "../../core/json.ts"
import type { Problem } from "../../core/problem.ts"
import { pathWithin } from "../../core/return-path.ts"

export const accountPath = "/account"
export const signInPath = "/account/sign-in"
export const factorsPath = "/account/factors"
/** Where a session begins that may only add a second factor. */
export const enrolmentPath = `${factorsPath}?told=enrol`

/** The page of a sign-in's second half, by the best of the ways that are open. */
export function secondFactorPath({ methods }: JsonObject): string {
  const open = methods as readonly string[]
  if (open.includes("totp")) return "/account/second-factor"
  return open.includes("passkey") ? "/account/second-factor/passkey" : "/account/recovery-code"
}

/** Where a first proof leads: in, to the second factor, or to adding one. */
export function entered(output: JsonObject): string {
  if (output.kind === "secondFactor") return secondFactorPath(output)
  return output.restricted === "enrolment" ? enrolmentPath : accountPath
}

/** True when the session holds, and its proof is too old for what was asked. */
export function needsFreshProof({ options }: Problem): boolean {
  return options.type === "insufficient-user-authentication"
}

/** True when the account has to have a second factor before this. */
export function needsFactor({ code, options }: Problem): boolean {
  const isAsked = options.violations?.some((violation) => violation.code === "second_factor_required") === true
  return code === "PERMISSION_DENIED" && isAsked
}

/**
 * The page that asks for a fresh proof.
 * @param next path of the account's pages to go on to
 */
export function stepUpPath(next: string): string {
  return `/account/step-up?next=${encodeURIComponent(next)}`
}

/** Where a fresh proof leads, as the address says it: a page of the account, whatever else it says. */
export function nextOf(url: URL): string {
  const path = pathWithin(url.origin, url.searchParams.get("next") ?? "")
  return path !== null && /^\/account(?=[/?#]|$)/.test(path) ? path : accountPath
}
