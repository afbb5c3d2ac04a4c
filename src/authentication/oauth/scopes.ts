/**
 * The scopes of an application (RFC 6749 §3.3): a noun of its operations and `read` or `write`, and `*` for all nouns. They are the scopes of API
 * keys (core/credential.ts), so what one reaches is decided in one place. Refuses to offer a scope that reaches nothing.
 */
import { defaultScope } from "../../core/oauth.ts"
import type { Operation } from "../../core/operation.ts"

type Named = Pick<Operation, "name" | "kind" | "credential" | "policy">

/** What a program can reach: not what asks for the person itself, nor what nobody need be let in for. */
function isReachable({ credential, policy }: Named): boolean {
  return credential !== "session" && policy.kind !== "always"
}

/** Every scope that reaches something, the widest first. */
export function scopesOf(operations: Iterable<Named>): readonly string[] {
  const nouns = new Set<string>()
  const changing = new Set<string>()
  for (const operation of operations) {
    if (!isReachable(operation)) continue
    const noun = operation.name.slice(0, operation.name.indexOf("."))
    nouns.add(noun)
    if (operation.kind === "mutation") changing.add(noun)
  }
  const own = [...nouns].sort().flatMap((noun) => [`${noun}:read`, ...(changing.has(noun) ? [`${noun}:write`] : [])])
  return [defaultScope, "*:write", ...own]
}

/** `api_keys`, `apiKeys` -> `api keys`. */
function words(noun: string): string {
  return noun
    .replaceAll("_", " ")
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2")
    .toLowerCase()
}

/** What a scope lets a program do, for the person who decides. */
export function sayScope(scope: string): string {
  const [noun = "", right] = scope.split(":")
  if (noun === "*")
    return right === "write" ? "See and change everything that you can" : "See everything that you can see"
  if (noun === "me") return right === "write" ? "See and change your name and settings" : "See your name and address"
  return right === "write" ? `See, add, change and delete ${words(noun)}` : `See ${words(noun)}`
}
