/** What a credential is good for, beyond who presents it: the scopes of a key, and operations that ask for the person itself. */
import type { Operation } from "./operation.ts"
import type { Principal } from "./principal.ts"
import { Problem } from "./problem.ts"

/** `tasks:read`, `tasks:write`, `*:read`, `*:write`: a noun of the operations and what may be done. `write` includes `read`. */
export const scopePattern = /^(\*|[a-z][A-Za-z0-9_]{0,63}):(read|write)$/

/** The narrowest scope that reaches an operation. */
function scopeFor({ name, kind }: Pick<Operation, "name" | "kind">): string {
  return `${name.slice(0, name.indexOf("."))}:${kind === "mutation" ? "write" : "read"}`
}

/** True when the scopes reach an operation: a query or a subscription needs `read`, a mutation `write`, of its noun or of `*`. */
export function covers(scopes: readonly string[], operation: Pick<Operation, "name" | "kind">): boolean {
  const noun = operation.name.slice(0, operation.name.indexOf("."))
  return scopes.some((scope) => {
    const [of, right] = scope.split(":")
    return (of === "*" || of === noun) && (right === "write" || (right === "read" && operation.kind !== "mutation"))
  })
}

/**
 * Refuses a credential that does not reach the operation.
 * @throws UNAUTHENTICATED or PERMISSION_DENIED for an operation that asks for a session; PERMISSION_DENIED beyond the scopes of a key
 */
export function checkCredential(
  operation: Pick<Operation, "name" | "kind" | "credential">,
  principal: Principal,
): void {
  if (operation.credential === "session") {
    if (principal.kind === "anonymous") throw new Problem("UNAUTHENTICATED", "Sign in to do this")
    if (principal.kind !== "user" || principal.session === undefined || principal.scopes !== undefined)
      throw new Problem(
        "PERMISSION_DENIED",
        "This takes a person who signed in: neither a key nor another issuer's token will do",
      )
    if (principal.impersonator !== undefined)
      throw new Problem("PERMISSION_DENIED", "Nobody may do this in another's name")
  }
  if (principal.kind === "user" && principal.scopes !== undefined && !covers(principal.scopes, operation))
    throw new Problem(
      "PERMISSION_DENIED",
      `The ${principal.grant === undefined ? "key" : "grant"}'s scopes do not reach ${operation.name}`,
      {
        scope: scopeFor(operation),
      },
    )
}
