/**
 * Where addresses need no proof, a stranger may sign up with another's and be in the account for months. Line 8 of the security checklist, from
 * the owner's side: the first proof by letter leaves the stranger no way in, neither session nor password nor API key.
 */
import { env } from "cloudflare:workers"
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest"
import { mintToken } from "../support/actors.ts"
import { administrator } from "../support/administrators.ts"
import { type Answer, call } from "../support/calls.ts"
import { type Counted, counted } from "../support/counting.ts"
import { lettersTo, letterTo, newAddress, person } from "../support/people.ts"
import { serving, watchedDatabase } from "../support/serving.ts"
import { inObject, objectOf } from "../support/user-objects.ts"
import { asking, from, newKey, optional, ownPassword, post, proofs, rowsOf, type Squatter, squat } from "./squatting.ts"

let world: Counted
beforeAll(() => {
  world = counted({ application: optional })
})
afterEach(() => {
  vi.useRealTimers()
})

const me = async (bearer: string, at: Pick<Counted, "call"> = world) =>
  (await at.call({ token: bearer }, "GET /v1/me")).status

/** The owner's bearer token after the proof, and what they see of keys. */
async function expectOwned(stranger: Squatter, bearer: string): Promise<void> {
  const owner = { token: bearer }
  expect((await world.call(owner, "GET /v1/me")).body).toMatchObject({ id: stranger.id, email: stranger.email })
  expect((await world.call(owner, "GET /v1/api-keys")).body).toEqual({ items: [] })
  expect((await world.call(owner, "GET /v1/sessions")).body.items).toHaveLength(1)
  expect(await me((await newKey(world, bearer)).key)).toBe(200)
}

describe.each(Object.entries(proofs))("checklist 8: %s by the owner of the address", (_, prove) => {
  test("ends the stranger's key, session and password, here with the very next call", async () => {
    const stranger = await squat(world)
    const { id, key } = await newKey(world, stranger.token)
    expect([await me(key), await me(stranger.token)]).toEqual([200, 200])

    const bearer = await prove(world, stranger)
    expect([await me(key), await me(stranger.token)]).toEqual([401, 401])
    const refresh = await post(world, "refresh", { refreshToken: stranger.refreshToken })
    const { email, password } = stranger
    const again = await post(world, "sign-in", { email, password })
    expect([refresh.status, again.status]).toEqual([401, 401])

    expect(await rowsOf(stranger.id)).toMatchObject([{ id, revokedAt: expect.any(String) }])
    expect(await inObject(objectOf(stranger), 'select "id", "hash" from "keys"')).toEqual([{ id, hash: null }])
    await expectOwned(stranger, bearer)
  })

  test("and in an isolate that had just believed both: after ten seconds, and one call that asks the hub", async () => {
    const stranger = await squat(world)
    const { key } = await newKey(world, stranger.token)
    const elsewhere = counted({ application: optional })
    expect([await me(key, elsewhere), await me(stranger.token, elsewhere)]).toEqual([200, 200])
    await elsewhere.settled()
    await prove(world, stranger)
    // Still believed there for a moment; what a session may make in it would last for months.
    const late = await elsewhere.call(stranger, "POST /v1/api-keys", { body: { name: "Late", scopes: ["*:write"] } })
    expect(late).toMatchObject({ status: 401, body: { code: "UNAUTHENTICATED" } })
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 10_000 })
    await me(key, elsewhere)
    await elsewhere.settled()
    expect([await me(key, elsewhere), await me(stranger.token, elsewhere)]).toEqual([401, 401])
  })

  test("is not held up by as many keys as there may be", async () => {
    const stranger = await squat(world)
    const keys = []
    for (let n = 0; n < 10; n++)
      keys.push(...(await Promise.all(Array.from({ length: 10 }, () => newKey(world, stranger.token)))))
    const bearer = await prove(world, stranger)
    expect(await Promise.all(keys.map(({ key }) => me(key)))).toEqual(keys.map(() => 401))
    expect((await rowsOf(stranger.id)).filter(({ revokedAt }) => revokedAt === null)).toEqual([])
    await expectOwned(stranger, bearer)
  })
})

describe("checklist 8: a key that is made at the moment of the proof", () => {
  const prove = proofs["auth.redeemMagicLink"] as (typeof proofs)[string]
  /** A Worker in which something happens right before the first batch whose text matches. */
  function interrupted(batch: RegExp, first: () => Promise<unknown>) {
    let isDone = false
    const database = watchedDatabase(async (sql) => {
      if (isDone || !sql.some((one) => batch.test(one))) return
      isDone = true
      await first()
    })
    return serving(database, optional)
  }

  test("ends with it when the proof had not seen it yet", async () => {
    const stranger = await squat(world)
    const made: { key: string }[] = []
    const between = interrupted(/^update "users" .*"emailVerifiedAt"/, async () => {
      made.push(await newKey(world, stranger.token))
    })
    await prove(between, stranger)
    expect(made).toHaveLength(1)
    expect(await me(made[0]?.key ?? "")).toBe(401)
    expect(await rowsOf(stranger.id)).toMatchObject([{ revokedAt: expect.any(String) }])
  })

  test("is not made when the proof was faster", async () => {
    const stranger = await squat(world)
    const between = interrupted(/^insert into "api_keys"/, () => prove(world, stranger))
    const answer = await between.call(stranger, "POST /v1/api-keys", { body: { name: "Late", scopes: ["*:write"] } })
    expect(answer).toMatchObject({ status: 409, body: { code: "ABORTED" } })
    expect(answer.body).not.toHaveProperty("key")
    expect(await rowsOf(stranger.id)).toEqual([])
  })
})

test.each(Object.entries(proofs))("checklist 8: %s ends a key of which D1 has lost the row", async (_, prove) => {
  const stranger = await squat(world)
  const { id, key } = await newKey(world, stranger.token)
  await env.DB.prepare('delete from "api_keys" where "id" = ?').bind(id).run()
  expect(await me(key)).toBe(200)
  await prove(world, stranger)
  expect(await me(key)).toBe(401)
})

describe("auth.verifyEmail, by somebody of whom it is not known that they signed up", () => {
  const confirmed = async ({ email }: Squatter) => (await letterTo(email, "Confirm")).action.token

  test.each<[string, (stranger: Squatter) => Promise<string>]>([
    ["with a session of another account", async () => (await person()).token],
    ["with a key of the account", async (stranger) => (await newKey(world, stranger.token)).key],
    ["with another issuer's token", ({ id }) => mintToken(id)],
    [
      "by an administrator in the account's name",
      async ({ id }) => {
        const body = { reason: "Support case 4711" }
        return (await world.call(await administrator(), `POST /v1/users/${id}/impersonate`, { body })).body.accessToken
      },
    ],
  ])("%s: all that opens the account ends, and a letter says so", async (_, bearerOf) => {
    const stranger = await squat(world)
    const { key } = await newKey(world, stranger.token)
    const body = { token: await confirmed(stranger) }
    const answer = await world.call({ token: await bearerOf(stranger) }, "POST /v1/auth/verify-email", { body })
    expect([answer.status, answer.body]).toEqual([200, { verified: true }])
    expect([await me(key), await me(stranger.token)]).toEqual([401, 401])
    await world.settled()
    const letter = await letterTo(stranger.email, "Set a password")
    expect(letter.text).toContain("its password, its sessions and its API keys are gone")
    const reset = await post(world, "reset-password", { token: letter.action.token, password: ownPassword })
    expect(reset.status).toBe(200)
  })

  test("a session alone, without a key, is reason enough", async () => {
    const stranger = await squat(world)
    expect((await post(world, "verify-email", { token: await confirmed(stranger) })).status).toBe(200)
    expect(await me(stranger.token)).toBe(401)
    const { email, password } = stranger
    expect((await post(world, "sign-in", { email, password })).status).toBe(401)
  })

  test("in an account in which nobody was, the password stays: that is how a sign-up ends", async () => {
    const hidden = counted({ application: { ...optional, accounts: { ...optional.accounts, takenAddress: "hidden" } } })
    const who = newAddress()
    const { name, email, password } = who
    expect((await post(hidden, "sign-up", { name, email, password })).body).toEqual({ accepted: true })
    await hidden.settled()
    const { token } = (await letterTo(email, "Confirm")).action
    expect((await post(hidden, "verify-email", { token })).status).toBe(200)
    expect((await post(hidden, "sign-in", { email, password })).status).toBe(200)
    await hidden.settled()
    expect((await lettersTo(email)).map(({ subject }) => subject)).toEqual([expect.stringContaining("Confirm")])
  })
})

describe("what the owner's own doing keeps", () => {
  test("a proof from a session of the account: key, sessions and password", async () => {
    const honest = await squat(world)
    const { email, password } = honest
    const other = (await post(world, "sign-in", { email, password })).body.accessToken
    const { key } = await newKey(world, honest.token)
    const body = { token: (await letterTo(email, "Confirm")).action.token }
    expect((await world.call(honest, "POST /v1/auth/verify-email", { body })).status).toBe(200)
    await world.settled()
    expect([await me(key), await me(honest.token), await me(other)]).toEqual([200, 200, 200])
    expect((await post(world, "sign-in", { email, password })).status).toBe(200)
    expect((await lettersTo(email)).filter(({ subject }) => subject.startsWith("Set a password"))).toEqual([])
    expect(
      await env.DB.prepare('select "emailVerifiedAt" from "users" where "id" = ?').bind(honest.id).first(),
    ).toEqual({
      emailVerifiedAt: expect.any(String),
    })
  })

  test.each(["auth.resetPassword", "auth.redeemMagicLink"])(
    "%s in an account that was proved: its keys",
    async (way) => {
      const ada = await person("Ada")
      const { key } = await newKey(world, ada.token)
      await proofs[way]?.(world, ada)
      expect(await me(key)).toBe(200)
    },
  )

  test("keys of a service account, which are its organization's and no way into the account", async () => {
    const stranger = await squat(world)
    const must = async (line: string, body: object): Promise<Answer["body"]> => {
      const answer = await world.call(stranger, line, { body })
      expect(answer.status, JSON.stringify(answer.body)).toBe(201)
      return answer.body
    }
    const { id: ownerId } = await must("POST /v1/organizations", { name: "Acme" })
    const service = await must("POST /v1/service_accounts", { ownerId, name: "Importer" })
    const given = { name: "Nightly", scopes: ["*:read"], serviceAccountId: service.id }
    const { id, key } = await must("POST /v1/api-keys", given)
    const bearer = (await proofs["auth.redeemMagicLink"]?.(world, stranger)) ?? ""
    expect((await world.call({ token: key }, "GET /v1/me")).body).toMatchObject({ id: service.userId })
    // The owner of the address finds it in the organization that is theirs now.
    const listed = await world.call({ token: bearer }, `GET /v1/api-keys?serviceAccountId=${service.id}`)
    expect(listed.body.items).toMatchObject([{ id }])
  })
})

test("checklist 8: a letter to an address that the account has left proves nothing", async () => {
  const eve = await person("Eve")
  const victim = newAddress().email
  for (const [ask, subject, path, more] of [
    ["request-magic-link", "Sign in", "redeem-magic-link", {}],
    ["request-password-reset", "Set a new", "reset-password", { password: ownPassword }],
  ] as const) {
    await env.DB.prepare('update "users" set "email" = ? where "id" = ?').bind(eve.email, eve.id).run()
    await call(null, `POST /v1/auth/${ask}`, { body: { email: eve.email }, headers: from() })
    const { token } = (await letterTo(eve.email, subject)).action
    // As `accounts.change` does.
    await env.DB.prepare('update "users" set "email" = ?, "emailVerifiedAt" = null where "id" = ?')
      .bind(victim, eve.id)
      .run()
    const answer = await asking(world, `POST /v1/auth/${path}`, { token, ...more })
    expect(answer).toMatchObject({ status: 400, body: { violations: [{ path: "/token", code: "invalid_token" }] } })
    const row = env.DB.prepare('select "emailVerifiedAt" from "users" where "id" = ?').bind(eve.id)
    expect(await row.first(), path).toEqual({ emailVerifiedAt: null })
  }
})
