/** Line 9 of the security checklist: nobody has an account before somebody made one, and the first administrator needs a code. */
import { runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { typeid } from "typeid-js"
import { describe, expect, test } from "vitest"
import { formatToken, idRoute } from "../../src/authentication/token.ts"
import { call } from "../support/calls.ts"
import { newSetupCode } from "../support/operators.ts"
import { newAddress, newNetwork, session, signIn } from "../support/people.ts"
import { withApp } from "../support/second-factors.ts"

const setUp = (code: string, who = newAddress()) => {
  const { name, email, password, headers } = who
  return call(null, "POST /v1/auth/set-up", { body: { code, name, email, password }, headers })
}

const usersLike = async (emails: readonly string[]) => {
  const { results } = await env.DB.prepare(
    'select "email", "roles" from "users" where "email" in (select value from json_each(?))',
  )
    .bind(JSON.stringify(emails))
    .all()
  return results
}

describe("checklist 9: no default accounts; the first administrator by a one-time code (ASVS 6.3.2)", () => {
  test("a database that was only migrated holds nobody, no key and no code", async () => {
    // A database of its own: the migrations, run on the empty SQLite of an object.
    const rows = await runInDurableObject(env.LIMITER.getByName("migrated"), (_, { storage }) => {
      for (const { queries } of env.TEST_MIGRATIONS) for (const query of queries) storage.sql.exec(query)
      const tables = [
        "users",
        "api_keys",
        "service_accounts",
        "impersonations",
        "setup_codes",
        "signing_keys",
        "outbox",
      ]
      return tables.map((table) => [table, storage.sql.exec(`select count(*) "n" from "${table}"`).one().n])
    })
    expect(rows.map(([, n]) => n)).toEqual(rows.map(() => 0))
  })

  test.each(["admin@example.com", "administrator@example.com", "root@localhost.localdomain"])(
    "%s opens nothing with the usual passwords",
    async (email) => {
      for (const password of ["admin", "password", "changeme"])
        expect((await signIn({ email, password, headers: newAddress().headers })).status).toBe(401)
    },
  )

  test("a code makes one administrator, who can sign in", async () => {
    const code = await newSetupCode()
    const who = newAddress("First")
    const made = await setUp(code, who)
    expect(made).toMatchObject({ status: 201, body: { email: who.email, roles: ["admin"], status: "active" } })
    expect(await usersLike([who.email])).toEqual([{ email: who.email, roles: '["admin"]' }])
    // See administrators.test.ts for what a session is before there is a second factor.
    const first = await withApp(await session(who))
    expect((await call(first, "GET /v1/users")).status).toBe(200)
    expect((await setUp(code)).status).toBe(403)
  })

  test("20 with one code at the same time: one administrator", async () => {
    const code = await newSetupCode()
    const all = Array.from({ length: 20 }, () => newAddress())
    const answers = await Promise.all(all.map((who) => setUp(code, who)))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(19).fill(403)])
    expect(await usersLike(all.map(({ email }) => email))).toHaveLength(1)
  })

  test("expired, used, made up, of another kind: one refusal, and nobody is made", async () => {
    const used = await newSetupCode()
    expect((await setUp(used)).status).toBe(201)
    const secret = crypto.getRandomValues(new Uint8Array(32))
    const route = idRoute(typeid("setup").toString())
    const all = Array.from({ length: 6 }, () => newAddress())
    const codes = [
      used,
      await newSetupCode(-1),
      formatToken("st", route, secret),
      formatToken("rs", route, secret),
      (await newSetupCode()).slice(0, -1),
      "please",
    ]
    const answers = await Promise.all(codes.map((code, n) => setUp(code, all[n])))
    for (const { status, body } of answers) {
      const { requestId: _, ...rest } = body
      expect([status, rest]).toEqual([403, { ...answers[0]?.body, requestId: undefined }])
    }
    expect(answers[0]?.body).toMatchObject({ code: "PERMISSION_DENIED" })
    expect(await usersLike(all.map(({ email }) => email))).toEqual([])
  })

  test("a password that is refused uses no code up", async () => {
    const code = await newSetupCode()
    const who = newAddress()
    expect((await setUp(code, { ...who, password: "short" })).status).toBe(400)
    expect((await setUp(code, { ...who, headers: { "CF-Connecting-IP": newNetwork() } })).status).toBe(201)
  })

  test("whoever signs up has no role, whatever the request says", async () => {
    const { name, email, password, headers } = newAddress()
    const body = { name, email, password, roles: ["admin"] }
    expect((await call(null, "POST /v1/auth/sign-up", { body, headers })).status).toBe(400)
    expect(await usersLike([email])).toEqual([])
  })
})
