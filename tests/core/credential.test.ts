/** What a credential reaches: the scopes of a key, noun by noun, and the operations that ask for the person itself. */
import { describe, expect, test } from "vitest"
import { checkCredential, covers, scopePattern } from "../../src/core/credential.ts"
import { anonymous, type Principal, system, type User } from "../../src/core/principal.ts"
import { Problem } from "../../src/core/problem.ts"

const query = { name: "tasks.get", kind: "query" } as const
const mutation = { name: "tasks.complete", kind: "mutation" } as const

describe("scopes", () => {
  test.each<[readonly string[], boolean, boolean]>([
    [["tasks:read"], true, false],
    [["tasks:write"], true, true],
    [["*:read"], true, false],
    [["*:write"], true, true],
    [["task:write"], false, false],
    [["tasks_more:write"], false, false],
    [["comments:write", "tasks:read"], true, false],
    [["tasks"], false, false],
    [["tasks:admin"], false, false],
    [[], false, false],
  ])("%j reach a query: %s, a mutation: %s", (scopes, reads, writes) => {
    expect([covers(scopes, query), covers(scopes, mutation)]).toEqual([reads, writes])
  })

  test.each(["tasks:read", "*:write", "project_members:write", "apiKeys:read"])("%s is one", (scope) => {
    expect(scope).toMatch(scopePattern)
  })
  test.each([
    "tasks",
    "tasks:",
    ":read",
    "tasks:admin",
    "Tasks:read",
    "tasks:read ",
    "tasks:read,*:write",
    "**:read",
    "tasks:read\n",
  ])("%j is none", (scope) => expect(scope).not.toMatch(scopePattern))
})

describe("an operation that asks for a session", () => {
  const own = { ...mutation, credential: "session" } as const
  const person: User = { kind: "user", id: "user_1", roles: ["admin"], session: "session_1" }
  const codeOf = (principal: Principal, operation: Parameters<typeof checkCredential>[0] = own) => {
    try {
      checkCredential(operation, principal)
      return "OK"
    } catch (thrown) {
      return thrown instanceof Problem ? thrown.code : thrown
    }
  }

  test("takes the person who signed in", () => expect(codeOf(person)).toBe("OK"))
  test.each<[string, Principal, string]>([
    ["nobody", anonymous, "UNAUTHENTICATED"],
    ["another issuer's token", { kind: "user", id: "user_1", roles: ["admin"] }, "PERMISSION_DENIED"],
    ["a key, even of every scope", { ...person, scopes: ["*:write"] }, "PERMISSION_DENIED"],
    ["whoever acts in another's name", { ...person, impersonator: "user_2" }, "PERMISSION_DENIED"],
    ["a system", system("nightly"), "PERMISSION_DENIED"],
  ])("refuses %s", (_, principal, code) => expect(codeOf(principal)).toBe(code))

  test("any other operation takes a key within its scopes, and everybody without scopes", () => {
    const key = (...scopes: string[]): User => ({ ...person, scopes })
    expect([codeOf(key("tasks:write"), mutation), codeOf(key("tasks:read"), mutation), codeOf(key(), query)]).toEqual([
      "OK",
      "PERMISSION_DENIED",
      "PERMISSION_DENIED",
    ])
    expect([codeOf(person, mutation), codeOf(anonymous, mutation), codeOf(system("nightly"), mutation)]).toEqual([
      "OK",
      "OK",
      "OK",
    ])
  })
})
