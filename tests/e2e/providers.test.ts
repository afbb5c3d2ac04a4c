/**
 * Sign-in with others from end to end: the built Worker, without Node's modules, and a certified identity provider that somebody else wrote, over real
 * sockets and with the pages of both. Then the providers that have a file of their own, on a server that answers as their documentation shows.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { agree, decline, newPerson, type Person, type Stand } from "./person.ts"
import { type Started, start } from "./started.ts"

let started: Started

beforeAll(async () => {
  started = await start()
})

afterAll(() => started?.stop())

const newLogin = () => `ada-${crypto.randomUUID().slice(0, 8)}`

/** Somebody at the real provider. */
function newcomer(domain = "example.com", more: object = {}): { readonly login: string; readonly email: string } {
  const login = newLogin()
  const email = `${login}@${domain}`
  started.people.set(login, { email, email_verified: true, name: "Ada Lovelace", ...more })
  return { login, email }
}

const browser = () => newPerson(started.origin)

/** Presses "Go on with Acme" on the sign-in page, and does there what is asked. */
async function enter(person: Person, login: string): Promise<Stand> {
  return agree(person, await person.go("/auth/acme/start"), login)
}

const me = (person: Person) => person.call("GET /v1/me")
const isCallback = (url: URL) => url.pathname === "/auth/acme/callback"
const told = (before: number) => started.refusals().slice(before)

async function rows(sql: string, ...values: string[]): Promise<Record<string, unknown>[]> {
  return (
    await started.database
      .prepare(sql)
      .bind(...values)
      .all()
  ).results as Record<string, unknown>[]
}

describe("with a certified provider", () => {
  test("somebody new signs up, signs out, and signs in again as the same person", async () => {
    const { login, email } = newcomer()
    const ada = browser()
    const page = await ada.go("/account/sign-in")
    expect(page.text).toContain('<a href="/auth/acme/start">Go on with Acme</a>')
    const there = await ada.go("/auth/acme/start")
    expect(there.url.origin).toBe(started.issuer)

    const back = await agree(ada, there, login)
    expect([back.url.href, back.status]).toEqual([`${started.origin}/account`, 200])
    expect(back.text).toContain(`<dd>${email}</dd>`)
    expect(back.text).toContain("<strong>Acme</strong>")
    const first = (await me(ada)).body
    expect(first).toMatchObject({ email, name: "Ada Lovelace", emailVerifiedAt: expect.any(String) })

    expect((await ada.send("/account/sign-out", {})).url.pathname).toBe("/account/sign-in")
    expect((await me(ada)).status).toBe(401)
    const again = browser()
    expect((await enter(again, login)).url.pathname).toBe("/account")
    expect((await me(again)).body).toMatchObject({ id: first.id })
    const identities = await rows('select * from "identities" where "subject" = ?', login)
    expect(identities).toMatchObject([{ issuer: started.issuer, userId: first.id, provider: "acme" }])
    const events = await rows(
      `select "resource", "change" from "events" where "record" in (?1, ?2) order by "sequence"`,
      String(first.id),
      String(identities[0]?.id),
    )
    expect(events.slice(0, 2)).toEqual([
      { resource: "users", change: "created" },
      { resource: "identities", change: "created" },
    ])
  })

  test("a second identity is linked from the page of the account, signs in, and is taken away again", async () => {
    const [one, two] = [newcomer(), newcomer()]
    const ada = browser()
    await enter(ada, one.login)
    const { id } = (await me(ada)).body
    // Another account at the provider: it must not remember the first.
    ada.jars.delete(started.issuer)
    const onward = await ada.send("/account/link", { provider: "acme" })
    expect([onward.status, onward.url.origin]).toEqual([200, started.origin])
    const [, url = ""] = /<meta http-equiv="refresh" content="0;url=([^"]+)">/.exec(onward.text) ?? []
    const back = await agree(ada, await ada.go(url.replaceAll("&amp;", "&")), two.login)
    expect(back.url.href).toBe(`${started.origin}/account?told=linked`)
    expect(back.text.match(/<strong>Acme<\/strong>/g)).toHaveLength(2)

    const elsewhere = browser()
    await enter(elsewhere, two.login)
    expect((await me(elsewhere)).body).toMatchObject({ id, email: one.email })

    const [linked] = await rows('select "id" from "identities" where "subject" = ?', two.login)
    const gone = await ada.send("/account/unlink", { id: String(linked?.id) })
    expect(gone.url.href).toBe(`${started.origin}/account?told=unlinked`)
    expect((await elsewhere.call("POST /v1/auth/refresh")).status).toBeGreaterThanOrEqual(400)
    // It is a stranger's now, with an address of its own: an account of its own.
    const stranger = browser()
    await enter(stranger, two.login)
    expect((await me(stranger)).body).toMatchObject({ email: two.email })
    expect((await me(stranger)).body.id).not.toBe(id)

    const last = await ada.send("/account/unlink", {
      id: String((await rows('select "id" from "identities" where "subject" = ?', one.login))[0]?.id),
    })
    expect([last.status, last.text.includes("set a password first")]).toEqual([400, true])
  })

  test("a program finishes its own flow by the address that it registered", async () => {
    const { login, email } = newcomer()
    const post = async (path: string, body: object) => {
      const headers = { "Content-Type": "application/json" }
      const response = await fetch(`${started.origin}/v1/auth/providers/acme/${path}`, {
        method: "POST",
        headers,
        body: JSON.stringify(body),
      })
      return { status: response.status, body: (await response.json()) as never }
    }
    const redirectUri = "http://127.0.0.1:1/native"
    const { body: began } = (await post("begin", { redirectUri })) as { body: { url: string; flow: string } }
    const person = browser()
    const stopped = (url: URL) => url.href.startsWith(redirectUri)
    const back = await agree(person, await person.go(began.url, stopped), login, stopped)
    const query = back.url.search.slice(1)
    const finished = (await post("finish", { flow: began.flow, query })) as {
      status: number
      body: { signIn: { accessToken: string } }
    }
    expect(finished.status).toBe(200)
    const headers = { Authorization: `Bearer ${finished.body.signIn.accessToken}` }
    expect(await (await fetch(`${started.origin}/v1/me`, { headers })).json()).toMatchObject({ email })
    expect((await post("finish", { flow: began.flow, query })).status).toBe(401)
  })
})

describe("with a certified provider, what must not work", () => {
  test("an answer in another browser, an answer twice, an answer that was changed", async () => {
    const before = started.refusals().length
    const { login, email } = newcomer()
    const [ada, mallory] = [browser(), browser()]
    const back = await agree(ada, await ada.go("/auth/acme/start"), login, isCallback)
    expect(back.url.searchParams.get("iss")).toBe(started.issuer)
    expect((await mallory.go(back.url.href)).status).toBe(400)

    const flow = ada.jars.get(started.origin)?.get("__Host-flow") ?? ""
    const evil = new URL(back.url)
    evil.searchParams.set("iss", "https://evil.example")
    expect((await ada.go(evil.href)).status).toBe(400)
    // The flow was used up by that answer, whose state was right.
    ada.jars.get(started.origin)?.set("__Host-flow", flow)
    expect((await ada.go(back.url.href)).status).toBe(400)
    expect((await me(ada)).status).toBe(401)
    expect(await rows('select 1 from "users" where "email" = ?', email)).toEqual([])
    expect(told(before)).toEqual(["acme flow", "acme iss", "acme replayed"])
  })

  test("a no on the provider's page", async () => {
    const before = started.refusals().length
    const ada = browser()
    const page = await decline(ada, await ada.go("/auth/acme/start"))
    expect([page.url.pathname, page.status]).toEqual(["/auth/acme/callback", 400])
    expect(page.text).toContain("Acme was not allowed to say who you are.")
    expect((await me(ada)).status).toBe(401)
    expect(told(before)).toEqual(["acme denied"])
  })

  test("the address of somebody else's account; at the provider that runs the mailbox it is theirs", async () => {
    const ada = newcomer("elsewhere.example")
    await enter(browser(), ada.login)
    const mallory = newLogin()
    started.people.set(mallory, { email: ada.email, email_verified: true, name: "Mallory" })
    const thief = browser()
    const refused = await enter(thief, mallory)
    expect([refused.status, refused.text.includes("Nobody signs in with this account of Acme yet")]).toEqual([
      400,
      true,
    ])
    expect((await me(thief)).status).toBe(401)

    const grace = newcomer("acme.example")
    const first = browser()
    await enter(first, grace.login)
    const second = newLogin()
    started.people.set(second, { email: grace.email, email_verified: true })
    const owner = browser()
    expect((await enter(owner, second)).url.pathname).toBe("/account")
    expect((await me(owner)).body).toMatchObject({ email: grace.email })
  })

  test("an address that the provider has not proved", async () => {
    const { login, email } = newcomer("example.com", { email_verified: false })
    const ada = browser()
    expect((await enter(ada, login)).status).toBe(400)
    expect(await rows('select 1 from "users" where "email" = ?', email)).toEqual([])
  })
})

/** What each tells of a person, beside what is recorded. */
function telling(provider: string, id: string) {
  const email = `${id}@example.org`
  const number = String(Math.floor(Math.random() * 1e12))
  const all = [
    ["github", "github.com", { id: Number(number), email }],
    ["facebook", "www.facebook.com", { id: number, email }],
    ["x", "x.com", { id: number, confirmed_email: email }],
    ["linkedin", "www.linkedin.com", { sub: `li-${number}`, email, email_verified: true, name: "Ada Lovelace" }],
    ["google", "accounts.google.com", { sub: number, email, email_verified: true, name: "Ada Lovelace" }],
  ] as const
  const [, host, about] = all.find(([name]) => name === provider) as (typeof all)[number]
  return { host, about }
}

describe("with providers as their documentation shows them", () => {
  test.each(["github", "facebook", "x", "linkedin", "google"])(
    "%s: somebody signs up and comes again",
    async (name) => {
      const before = started.refusals().length
      const { host, about } = telling(name, newLogin())
      started.tellings.set(host, about)
      const first = browser()
      const page = await first.go(`/auth/${name}/start`)
      expect([name, page.url.href, told(before)]).toEqual([name, `${started.origin}/account`, []])
      const known = (await me(first)).body
      expect(known).toMatchObject({
        name: "Ada Lovelace",
        email: Object.values(about).find((one) => String(one).includes("@")),
      })
      const again = browser()
      await again.go(`/auth/${name}/start`)
      expect((await me(again)).body).toMatchObject({ id: known.id })
      expect(await rows('select "provider" from "identities" where "userId" = ?', String(known.id))).toEqual([
        { provider: name },
      ])
    },
  )
})
