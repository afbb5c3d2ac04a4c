/**
 * The bundle as it would be uploaded, in production's mode and in a runtime without Node's modules, called over HTTP. The other tests cannot
 * see a stray `node:` import: their runner always switches Node compatibility on.
 */
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { exportJWK, generateKeyPair, SignJWT } from "jose"
import { afterAll, beforeAll, expect, test } from "vitest"
import { wranglerSetting } from "../../scripts/local.ts"
import { mintSetupCode, storeSetupCode } from "../../scripts/setup-code.ts"
import { authenticator } from "../support/authenticator.ts"
import { softPasskey } from "../support/passkeys.ts"
import { type Built, startBuilt } from "./built.ts"

let built: Built
let database: D1Database
let origin: URL
let token: string

beforeAll(async () => {
  const { privateKey, publicKey } = await generateKeyPair("EdDSA")
  const keys = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: "smoke", alg: "EdDSA" }] })
  built = await startBuilt(() => ({ TOKEN_PUBLIC_KEYS: keys, PUBLIC_URL: "https://selvage.test" }))
  ;({ database, origin } = built)

  const ada = await database.prepare("select id from users where email = 'ada@example.com'").first<{ id: string }>()
  token = await new SignJWT({ roles: [] })
    .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid: "smoke" })
    .setIssuer(wranglerSetting("TOKEN_ISSUER"))
    .setAudience(wranglerSetting("TOKEN_AUDIENCE"))
    .setSubject(ada?.id ?? "")
    .setIssuedAt()
    .setExpirationTime("1 minute")
    .sign(privateKey)
}, 60_000)

afterAll(() => built?.stop())

test("the bundle imports nothing of Node", () => {
  expect(readFileSync(built.bundle, "utf8")).not.toMatch(/(from|import|require)\s*\(?\s*["']node:/)
})

test("it lives and is ready", async () => {
  for (const path of ["/health/live", "/health/ready"]) {
    const response = await fetch(new URL(path, origin))
    expect([path, response.status]).toEqual([path, 200])
    await response.body?.cancel()
  }
})

test("it describes itself", async () => {
  const response = await fetch(new URL("/openapi.json", origin))
  expect(response.status).toBe(200)
  expect(await response.json()).toMatchObject({ openapi: expect.stringMatching(/^3\.1/), paths: { "/v1/tasks": {} } })
})

test("it serves the documentation page and its script, and lets it load nothing from elsewhere", async () => {
  const page = await fetch(new URL("/docs", origin))
  expect(page.status).toBe(200)
  expect(page.headers.get("content-security-policy")).toMatch(/default-src '(none|self)'/)
  const html = await page.text()
  const script = /<script[^>]*src="([^"]+)"/.exec(html)?.[1] ?? ""
  const asset = await fetch(new URL(script, origin))
  expect([script, asset.status]).toEqual([script, 200])
  expect((await asset.text()).length).toBeGreaterThan(1_000_000)
})

test("it answers who it knows, and nobody else", async () => {
  const url = new URL("/v1/tasks?limit=3", origin)
  const known = await fetch(url, { headers: { Authorization: `Bearer ${token}` } })
  expect(known.status).toBe(200)
  expect(((await known.json()) as { items: unknown[] }).items).toHaveLength(3)
  const unknown = await fetch(url)
  expect(unknown.status).toBe(401)
  await unknown.body?.cancel()
})

interface Answered {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: this test looks into bodies of every shape
  readonly body: any
}

async function post(path: string, body: object, bearer?: string): Promise<Answered> {
  const response = await fetch(new URL(path, origin), {
    method: "POST",
    headers: { "Content-Type": "application/json", ...(bearer ? { Authorization: `Bearer ${bearer}` } : {}) },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: await response.json() }
}

/** A token from the letters that the simulation of the mail binding wrote down. */
async function tokenFromLetter(kind: string): Promise<string> {
  for (let turn = 0; turn < 200; turn++) {
    for (const path of globSync("**/email-text/*.txt", { cwd: built.letters })) {
      const found = new RegExp(`https://selvage\\.test/account/\\S+token=(sv_${kind}_\\w+)`).exec(
        readFileSync(join(built.letters, path), "utf8"),
      )
      if (found?.[1]) return found[1]
    }
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error("No letter came")
}

test("a newcomer signs up, proves the address by a letter and signs in: Argon2's WebAssembly runs in the bundle", async () => {
  const grace = { email: "grace@example.org", password: "three small ships at sea" }
  const signedUp = await post("/v1/auth/sign-up", { ...grace, name: "Grace" })
  expect(signedUp).toMatchObject({ status: 202, body: { accepted: true } })

  const verified = await post("/v1/auth/verify-email", { token: await tokenFromLetter("em") })
  expect(verified).toMatchObject({ status: 200, body: { verified: true } })
  const wrong = await post("/v1/auth/sign-in", { ...grace, password: "three small ships at bay" })
  expect(wrong.status).toBe(401)
  expect(wrong.body.accessToken).toBeUndefined()
  const session = await post("/v1/auth/sign-in", grace)
  expect(session.status).toBe(200)

  const me = await fetch(new URL("/v1/me", origin), {
    headers: { Authorization: `Bearer ${session.body.accessToken}` },
  })
  expect(await me.json()).toMatchObject({ email: grace.email, name: "Grace", roles: [] })
})

test("production has no mailbox page, which would hand out everybody's letters", async () => {
  for (const path of ["/dev/mailbox", "/dev/mailbox.json"]) {
    const response = await fetch(new URL(path, origin))
    expect([path, response.status]).toEqual([path, 404])
    await response.body?.cancel()
  }
})

test("the demo's people sign in with the passwords that a script hashed in Node, and none of them is an administrator", async () => {
  expect([...built.passwords.keys()]).toEqual(["ada@example.com", "ben@example.com", "cleo@example.com"])
  for (const [email, password] of built.passwords) {
    expect(password.length).toBeGreaterThanOrEqual(15)
    const session = await post("/v1/auth/sign-in", { email, password })
    expect([email, session.status]).toEqual([email, 200])
    const refused = await post("/v1/auth/rotate-keys", { mode: "due" }, session.body.accessToken)
    expect([email, refused.status]).toEqual([email, 403])
  }
  const stored = await database.prepare('select "passwordSealed" as "text" from "users"').all<{ text: string }>()
  for (const { text } of stored.results) expect(text).toMatch(/^s1\.k1\./)
})

test("a setup code makes an administrator, once; the administrator turns the keys and the tokens still hold", async () => {
  const setup = await mintSetupCode()
  await database.batch(storeSetupCode(setup).map((sql) => database.prepare(sql)))
  const admin = { email: "root@example.org", password: "four larger ships at sea" }
  const made = await post("/v1/auth/set-up", { ...admin, name: "Root", code: setup.text })
  expect(made.status).toBe(201)
  const again = await post("/v1/auth/set-up", { ...admin, email: "other@example.org", name: "Other", code: setup.text })
  expect(again.status).toBe(403)

  // An administrator takes a second factor; here by the bundle as it is deployed, without Node's modules.
  const session = await post("/v1/auth/sign-in", admin)
  expect(session.body).toMatchObject({ restricted: "enrolment" })
  const begun = await post("/v1/factors/totp", {}, session.body.accessToken)
  const code = await authenticator(begun.body.secret).next()
  const added = await post("/v1/factors/totp/confirm", { state: begun.body.state, code }, session.body.accessToken)
  const own = added.body.session.accessToken
  const passkey = await softPasskey({ origin: "https://selvage.test" })
  const making = await post("/v1/factors/passkey", {}, own)
  const created = { state: making.body.state, credential: await passkey.create(making.body.options) }
  expect((await post("/v1/factors/passkey/confirm", { ...created, endOtherSessions: false }, own)).status).toBe(200)
  const asked = await post("/v1/auth/passkey", {})
  const answer = { state: asked.body.state, credential: await passkey.get(asked.body.options) }
  const entered = await post("/v1/auth/passkey/sign-in", answer)
  const rotated = await post("/v1/auth/rotate-keys", { mode: "early" }, entered.body.accessToken)
  // The next key has not been published for a day: nothing is done too early.
  expect(rotated).toMatchObject({ status: 200, body: { steps: [] } })
  const users = await database.prepare("select count(*) as n from users where email like 'other@%'").first<number>("n")
  expect(users).toBe(0)
})
