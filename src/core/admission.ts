/**
 * Whether a call may go on, before any row is known: the credential reaches the operation, somebody like the caller could pass its policy, and
 * the caller proved lately enough who they are.
 * What depends on the row is decided where the row is.
 */
import { checkFreshness, checkRestriction } from "./assurance.ts"
import { checkCredential } from "./credential.ts"
import { couldPass } from "./fold.ts"
import type { JsonObject } from "./json.ts"
import { modelOf } from "./model.ts"
import type { Principal } from "./principal.ts"
import { denied, Problem } from "./problem.ts"
import type { CompiledOperation, Registry } from "./registry.ts"
import { batchActions } from "./standard.ts"

/**
 * Turns away who could never pass.
 * @param input as it was validated
 * @param now of the call
 * @throws Problem UNAUTHENTICATED for nobody and for a proof that is too old, PERMISSION_DENIED for somebody
 */
export function admit(
  registry: Pick<Registry, "models">,
  operation: CompiledOperation,
  principal: Principal,
  input: JsonObject,
  now: Date,
): void {
  checkRestriction(operation, principal)
  checkCredential(operation, principal)
  const refuse = () => {
    if (principal.kind === "anonymous") throw new Problem("UNAUTHENTICATED", "Sign in to do this")
    throw denied(`call ${operation.name}`)
  }
  const { policy } = operation
  if (policy.kind === "on") {
    const { models } = registry
    const model = modelOf(models, policy.resource)
    const place = { model, models }
    const actions = operation.standard?.verb === "batch" ? batchActions(input) : [policy.action]
    for (const action of actions) if (!couldPass(model.policy[action], principal, place)) refuse()
  } else if (!couldPass(policy, principal, null)) refuse()
  // Last: nobody is asked for a proof that would gain them nothing.
  checkFreshness(operation, principal, now)
}
