/** Whoever operates the installation: makes the first administrator with a one-time code, and turns the signing keys. */
import { env } from "cloudflare:workers"
import { describe, expect, test } from "vitest"
import { mintSetupCode, type SetupCode, storeSetupCode } from "../../scripts/setup-code.ts"
import { newActor } from "../support/actors.ts"
import { call } from "../support/calls.ts"
import { type Newcomer, newAddress, type Person, person, session } from "../support/people.ts"
import { withApp } from "../support/second-factors.ts"

/** A code as `npm start` and `npm run admin:invite` store it. */
async function setupCode(): Promise<SetupCode> {
  const code = await mintSetupCode()
  await env.DB.batch(storeSetupCode(code).map((sql) => env.DB.prepare(sql)))
  return code
}

const setUp = ({ name, email, password, headers }: Newcomer, code: string) =>
  call(null, "POST /v1/auth/set-up", { body: { code, name, email, password }, headers })

const isKnown = async ({ email }: Newcomer) =>
  (await env.DB.prepare('select 1 from "users" where "email" = ?').bind(email).first()) !== null

async function administrator(): Promise<Person> {
  const who = newAddress("Root")
  expect((await setUp(who, (await setupCode()).text)).status).toBe(201)
  return withApp(await session(who))
}

const rotate = (actor: Parameters<typeof call>[0], mode: string) =>
  call(actor, "POST /v1/auth/rotate-keys", { body: { mode } })

describe("checklist 9: the first administrator has a one-time code, and there is no default account", () => {
  test("a code makes an administrator, once", async () => {
    const { text } = await setupCode()
    const [first, second] = [newAddress("Root"), newAddress("Mallory")]
    expect((await setUp(first, text)).status).toBe(201)
    const root = await session(first)
    expect((await call(root, "GET /v1/me")).body).toMatchObject({ email: first.email, roles: ["admin"] })

    expect((await setUp(second, text)).status).toBe(403)
    expect(await isKnown(second)).toBe(false)
  })

  test("of two who use a code at the same moment, one gets in", async () => {
    const { text } = await setupCode()
    const both = [newAddress("A"), newAddress("B")]
    const answers = await Promise.all(both.map((who) => setUp(who, text)))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 403])
    expect((await Promise.all(both.map(isKnown))).filter(Boolean)).toHaveLength(1)
  })

  test("a code whose day is over, one that was made up and one of another kind are refused alike", async () => {
    const late = await mintSetupCode()
    await env.DB.prepare('insert into "setup_codes" values (?, ?)')
      .bind(late.hash, new Date(Date.now() - 1000).toISOString())
      .run()
    const who = newAddress("Mallory")
    const refusals = []
    for (const code of [late.text, (await mintSetupCode()).text, late.text.replace("sv_st_", "sv_em_"), "letmein"]) {
      const { status, body } = await setUp(who, code)
      refusals.push({ status, code: body.code, detail: body.detail })
    }
    for (const refusal of refusals) expect(refusal).toEqual(refusals[0])
    expect(refusals[0]).toMatchObject({ status: 403, code: "PERMISSION_DENIED" })
    expect(await isKnown(who)).toBe(false)
  })

  test("the next code that is made clears those whose day is over, and no other", async () => {
    const [late, alive] = [await mintSetupCode(), await setupCode()]
    await env.DB.prepare('insert into "setup_codes" values (?, ?)')
      .bind(late.hash, new Date(Date.now() - 1000).toISOString())
      .run()
    await setupCode()
    const { results } = await env.DB.prepare('select "hash" from "setup_codes"').all<{ hash: string }>()
    const hashes = results.map(({ hash }) => hash)
    expect(hashes).not.toContain(late.hash)
    expect(hashes).toContain(alive.hash)
    // What is stored is no code.
    for (const hash of hashes) expect((await setUp(newAddress(), hash)).status).toBe(403)
  })
})

describe("turning the signing keys", () => {
  test("is for administrators who signed in: nobody, a person, another issuer's administrator are refused", async () => {
    const kids = async () => (await env.DB.prepare('select "kid" from "signing_keys" order by 1').all()).results
    const [ada, foreign] = [await person("Ada"), await newActor("Foreign", ["admin"])]
    const before = await kids()
    for (const [actor, status] of [
      [null, 401],
      [ada, 403],
      [foreign, 403],
    ] as const)
      expect((await rotate(actor, "compromised")).status).toBe(status)
    expect(await kids()).toEqual(before)
  })

  test("what is not due is not done, and neither is what nobody knows", async () => {
    const root = await administrator()
    expect(await rotate(root, "due")).toMatchObject({ status: 200, body: { steps: [] } })
    expect((await rotate(root, "sideways")).status).toBe(400)
    expect((await call(root, "GET /v1/me")).status).toBe(200)
  })

  test("compromised keys take every access token with them at once, also those that were believed before; sessions stay", async () => {
    const [root, ada, foreign] = [await administrator(), await person("Ada"), await newActor("Foreign")]
    for (const one of [root, ada]) expect((await call(one, "GET /v1/me")).status).toBe(200)
    const published = async () =>
      (await call(null, "GET /.well-known/jwks.json")).body.keys.map(({ kid }: { kid: string }) => kid)
    const old: string[] = await published()

    const answer = await rotate(root, "compromised")
    expect(answer.status).toBe(200)
    expect(answer.body.steps.map(({ kind }: { kind: string }) => kind)).toEqual([
      "remove",
      "remove",
      "create",
      "create",
    ])

    for (const one of [root, ada]) expect((await call(one, "GET /v1/me")).status).toBe(401)
    expect((await published()).filter((kid: string) => old.includes(kid))).toEqual([])
    const refreshed = await call(null, "POST /v1/auth/refresh", { body: { refreshToken: ada.refreshToken } })
    expect(refreshed.status).toBe(200)
    expect((await call({ ...ada, token: refreshed.body.accessToken }, "GET /v1/me")).status).toBe(200)
    // What another issuer signed has nothing to do with our keys.
    expect((await call(foreign, "GET /v1/tasks")).status).toBe(200)
  })
})
