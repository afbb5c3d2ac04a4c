/**
 * Whether a call may go on, before any row is known: the credential reaches the operation, and somebody like the caller could pass its policy.
 * What depends on the row is decided where the row is.
 */
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
 * @throws Problem UNAUTHENTICATED for nobody, PERMISSION_DENIED for somebody
 */
export function admit(
  registry: Pick<Registry, "models">,
  operation: CompiledOperation,
  principal: Principal,
  input: JsonObject,
): void {
  checkCredential(operation, principal)
  const refuse = () => {
    if (principal.kind === "anonymous") throw new Problem("UNAUTHENTICATED", "Sign in to do this")
    throw denied(`call ${operation.name}`)
  }
  if (operation.policy.kind !== "on") {
    if (!couldPass(operation.policy, principal, null)) refuse()
    return
  }
  const { models } = registry
  const model = modelOf(models, operation.policy.resource)
  const place = { model, models }
  const actions = operation.standard?.verb === "batch" ? batchActions(input) : [operation.policy.action]
  for (const action of actions) if (!couldPass(model.policy[action], principal, place)) refuse()
}
