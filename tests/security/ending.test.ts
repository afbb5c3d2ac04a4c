/** Line 21 of the security checklist: what ends a session ends it everywhere, at once for refreshes, within the hub's bound for access tokens. */
import { afterEach, describe, expect, test, vi } from "vitest"
import { call } from "../support/calls.ts"
import { type Counted, counted } from "../support/counting.ts"
import { administrator } from "../support/operators.ts"
import { type Person, person, signIn } from "../support/people.ts"

afterEach(() => {
  vi.useRealTimers()
})

const refresh = (refreshToken: string) => call(null, "POST /v1/auth/refresh", { body: { refreshToken } })

/** All that ends the sessions of a person, by whom it may. */
const ends: Record<string, (who: Person) => Promise<{ status: number }>> = {
  "sign-out": (who) => call(who, "POST /v1/auth/sign-out", { body: {} }),
  "the account is disabled": async (who) =>
    call(await administrator(), `POST /v1/users/${who.id}/disable`, { body: {} }),
  "the account is deleted": (who) =>
    call(who, "POST /v1/me/delete", { body: { password: who.password }, headers: who.headers }),
  "an administrator ends all sessions": async (who) =>
    call(await administrator(), `POST /v1/users/${who.id}/end-sessions`, { body: {} }),
}

/** Another isolate, which believes the token. */
async function elsewhere(who: Person): Promise<Counted> {
  const world = counted()
  expect((await world.call(who, "GET /v1/me")).status).toBe(200)
  await world.settled()
  return world
}

/** Moves the clock of the Worker; the objects' own stay, since nothing of theirs is asked for. */
function pass(ms: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms })
}

describe.each(Object.entries(ends))("checklist 21: %s (ASVS 7.4.1, 7.4.2)", (_, end) => {
  test("refused at once: the refresh everywhere, the access token in the isolate that did it", async () => {
    const ada = await person()
    const kept = (await refresh(ada.refreshToken)).body
    expect((await end(ada)).status).toBe(200)
    expect((await refresh(kept.refreshToken)).status).toBe(401)
    expect((await refresh(ada.refreshToken)).status).toBe(401)
    for (const token of [ada.token, kept.accessToken]) expect((await call({ token }, "GET /v1/me")).status).toBe(401)
  })

  test("in an isolate that is busy: after ten seconds, and one call that asks the hub", async () => {
    const ada = await person()
    const other = await elsewhere(ada)
    expect((await end(ada)).status).toBe(200)
    pass(10_000)
    other.clear()
    await other.call(ada, "GET /v1/me")
    await other.settled()
    expect(other.counts.calls["HUB.since"]).toBe(1)
    expect(await other.call(ada, "GET /v1/me")).toMatchObject({ status: 401, body: { code: "UNAUTHENTICATED" } })
  })

  test("in an isolate that was idle for a minute: with the first call", async () => {
    const ada = await person()
    const other = await elsewhere(ada)
    expect((await end(ada)).status).toBe(200)
    pass(60_000)
    expect((await other.call(ada, "GET /v1/me")).status).toBe(401)
    expect((await other.call(null, "POST /v1/auth/refresh", { body: { refreshToken: ada.refreshToken } })).status).toBe(
      401,
    )
  })

  test("in an isolate that was not there before: with its first call", async () => {
    const ada = await person()
    expect((await end(ada)).status).toBe(200)
    expect((await counted().call(ada, "GET /v1/me")).status).toBe(401)
  })
})

describe("checklist 21: what stays closed", () => {
  test("a disabled account opens with no password, until it is enabled; its old sessions never again", async () => {
    const [ada, admin] = [await person(), await administrator()]
    expect((await call(admin, `POST /v1/users/${ada.id}/disable`, { body: {} })).status).toBe(200)
    expect(await signIn(ada)).toMatchObject({ status: 403, body: { code: "PERMISSION_DENIED" } })
    expect((await signIn({ ...ada, password: "not what it is at all" })).status).toBe(401)
    expect((await call(admin, `POST /v1/users/${ada.id}/enable`, { body: {} })).status).toBe(200)
    expect((await refresh(ada.refreshToken)).status).toBe(401)
    expect((await call(ada, "GET /v1/me")).status).toBe(401)
    expect((await signIn(ada)).status).toBe(200)
  })

  test("only an administrator disables", async () => {
    const [ada, eve] = [await person(), await person()]
    expect((await call(eve, `POST /v1/users/${ada.id}/disable`, { body: {} })).status).toBe(403)
    expect((await call(ada, "GET /v1/me")).status).toBe(200)
  })

  test("a deletion needs the password", async () => {
    const ada = await person()
    const body = { password: "not what it is at all" }
    expect((await call(ada, "POST /v1/me/delete", { body, headers: ada.headers })).status).toBe(400)
    expect((await call(ada, "GET /v1/me")).status).toBe(200)
    expect((await refresh(ada.refreshToken)).status).toBe(200)
  })
})
