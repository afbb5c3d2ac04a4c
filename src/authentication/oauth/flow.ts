/** What the flows of the authorization server share. */
import { type AuthorizationRules, type OAuthError, oauthErrors } from "../../core/oauth.ts"
import { invalid, Problem } from "../../core/problem.ts"
import type { Flow } from "../account.ts"
import type { ClientStore } from "./clients.ts"

/** What every flow of the authorization server is made with. */
export interface OAuthFlow extends Flow {
  readonly authorization: AuthorizationRules
  readonly clients: ClientStore
  /** Every scope that there is. */
  scopes(): readonly string[]
}

/** A refusal that a client of the protocol reads: its word stands where violations have theirs. */
export function oauthProblem(error: OAuthError, sentence: string): Problem {
  if (error !== "invalid_client") return invalid("", error, sentence)
  return new Problem("UNAUTHENTICATED", sentence, { violations: [{ path: "", code: error, message: sentence }] })
}

/** The refusal in an answer of the provider. */
export function providedProblem(status: number, body: string): Problem {
  let told: { error?: unknown; error_description?: unknown } = {}
  try {
    told = JSON.parse(body)
  } catch {
    // Falls through: without a word it is a fault of ours.
  }
  const error = oauthErrors.find((one) => one === told.error)
  if (error === undefined) throw new Error(`The OAuth provider answered ${status}: ${body}`)
  return oauthProblem(error, typeof told.error_description === "string" ? told.error_description : "It is not valid")
}
