/** Credentials that are asked about: for one resource, for half a minute, and never past a revocation. */
import { expect, test } from "vitest"
import { type AuthenticationPorts, authenticator } from "../../src/authentication/authenticate.ts"
import { formatGrantToken, readGrantToken } from "../../src/authentication/oauth/grant-token.ts"
import type { Objects } from "../../src/authentication/objects.ts"
import type { GrantedAccess } from "../../src/core/oauth.ts"

const start = Date.parse("2026-11-21T12:00:00Z")
const origin = "https://selvage.test"
const provided = `user_01kaj700000000000000000000:${"g".repeat(16)}:${"s".repeat(32)}`
const token = formatGrantToken("at", provided)

/** An isolate before an object that answers so. */
function isolate(access: Partial<GrantedAccess> | null, administrators: "required" | "optional" = "required") {
  const asked: string[] = []
  const revoked = new Set<string>()
  const whole: GrantedAccess = {
    id: "g".repeat(16),
    scopes: ["tasks:read"],
    terms: { approval: true, rows: 1000 },
    resource: origin,
    expiresAt: start + 3_600_000,
    epoch: 1,
    account: { version: 1, roles: ["b", "a"], status: "active" },
    hasFactor: false,
    ...access,
  }
  const object = {
    async verifyAccess(grant: string, hash: string) {
      asked.push(`${grant} ${hash}`)
      return access === null ? { error: "REFUSED" } : whole
    },
  }
  const authenticate = authenticator({
    origin,
    apiKeys: "live",
    mfa: { administrators },
    objects: { user: () => object as never } as Pick<Objects, "user">,
    rules: { issuer: "x", audience: "x", keys: null },
    revocations: { isRevoked: (id: string) => revoked.has(id) },
    behind: () => undefined,
  } as unknown as AuthenticationPorts)
  const at = async (seconds: number, resource?: string) => {
    const credentials = { address: null, bearer: token, userAgent: null, cookies: null }
    const now = new Date(start + seconds * 1000)
    return authenticate(resource === undefined ? credentials : { ...credentials, resource }, now)
  }
  return { asked, revoked, at }
}

const refused = { code: "UNAUTHENTICATED" }

test("a program's token gives its user, within its scopes, until it is over", async () => {
  const { at } = isolate({})
  expect(await at(0)).toEqual({
    kind: "user",
    id: "user_01kaj700000000000000000000",
    roles: ["a", "b"],
    grant: "g".repeat(16),
    scopes: ["tasks:read"],
    expiresAt: (start + 3_600_000) / 1000,
    terms: { approval: true, rows: 1000 },
  })
})

test("an administrator's program has no role until there is a second factor, where one is asked for", async () => {
  const account = { version: 1, roles: ["editor", "admin"], status: "active" } as const
  expect(await isolate({ account }).at(0)).toMatchObject({ kind: "user", roles: [] })
  const roles = ["admin", "editor"]
  expect(await isolate({ account, hasFactor: true }).at(0)).toMatchObject({ roles })
  expect(await isolate({ account }, "optional").at(0)).toMatchObject({ roles })
})

test("a token for one resource fails at another, also where it was just believed (RFC 8707)", async () => {
  const whole = isolate({})
  expect(await whole.at(0)).toMatchObject({ kind: "user" })
  await expect(whole.at(1, "/mcp")).rejects.toMatchObject(refused)
  const tools = isolate({ resource: `${origin}/mcp` })
  expect(await tools.at(0, "/mcp")).toMatchObject({ kind: "user" })
  await expect(tools.at(1)).rejects.toMatchObject(refused)
  await expect(tools.at(2, "/mc")).rejects.toMatchObject(refused)
})

test("the object is asked again after half a minute, and not before", async () => {
  const { asked, at } = isolate({})
  for (const second of [0, 10, 29, 30, 31]) await at(second)
  expect(asked).toHaveLength(2)
})

test("a token is not believed beyond its end", async () => {
  const { asked, at } = isolate({ expiresAt: start + 5000 })
  await at(0)
  await at(5)
  expect(asked).toHaveLength(2)
})

test("a revoked grant is refused at once; one that the object does not know is, too", async () => {
  const { revoked, at } = isolate({})
  await at(0)
  revoked.add("g".repeat(16))
  await expect(at(1)).rejects.toMatchObject(refused)
  await expect(isolate(null).at(0)).rejects.toMatchObject(refused)
})

test("the text of a token: of its kind alone, and every slip is seen before anybody is asked", () => {
  expect(readGrantToken(["at"], token)).toEqual({
    kind: "at",
    user: "user_01kaj700000000000000000000",
    grant: "g".repeat(16),
    provided,
  })
  expect(readGrantToken(["gr", "ac"], token)).toBeNull()
  expect(token).toMatch(/^sv_at_[0-9A-Za-z]+$/)
  for (let n = "sv_at_".length; n < token.length; n++)
    expect(readGrantToken(["at"], token.slice(0, n) + (token[n] === "0" ? "1" : "0") + token.slice(n + 1))).toBeNull()
  for (const other of ["user_x:g:s", provided.replace("g", "é"), `${provided}:x`, ""])
    expect(() => formatGrantToken("at", other)).toThrow("another form")
})
