/** Line 24 of the security checklist, its second half: a GET, which any page can cause, changes nothing. */
import { env } from "cloudflare:workers"
import { describe, expect, test } from "vitest"
import { routesOf } from "../../src/api/rest/routes.ts"
import { type Browser, newBrowser } from "../support/browser.ts"
import { counted } from "../support/counting.ts"
import { administrator } from "../support/operators.ts"
import { type Person, person } from "../support/people.ts"
import { inObject, objectOf } from "../support/user-objects.ts"

async function signedIn(who: Person): Promise<Browser> {
  const browser = newBrowser()
  expect((await browser.signIn(who)).status).toBe(200)
  return browser
}

function routes() {
  const { registry } = counted()
  return [...registry.operations.values()].flatMap((operation) => routesOf(operation, registry))
}

describe("checklist 24: GET changes nothing", () => {
  test("whatever stands at GET is a query, or tells of changes", () => {
    for (const { method, operation } of routes())
      if (method === "GET") expect(operation.kind, operation.name).not.toBe("mutation")
  })

  test("every GET from another site, with an administrator's cookies, leaves every table as it was", async () => {
    const admin = await administrator()
    const browser = await signedIn(admin)
    const { results: tables } = await env.DB.prepare(
      `select "name" from sqlite_master where "type" = 'table' and "name" not like '\\_cf%' escape '\\'`,
    ).all<{ name: string }>()
    const state = async () => {
      const counts = await env.DB.batch(tables.map(({ name }) => env.DB.prepare(`select count(*) "n" from "${name}"`)))
      const users = await env.DB.prepare('select sum("version") "n" from "users"').first("n")
      const held = ["sessions", "tokens", "keys", "devices", "preferences"].map((table) =>
        inObject(objectOf(admin), `select * from "${table}"`),
      )
      return JSON.stringify([counts.map(({ results }) => results), users, await Promise.all(held)])
    }
    // The object's events reach the log within a second; nothing of them is under way any more.
    await expect
      .poll(async () => (await inObject(objectOf(admin), 'select 1 from "events" where "pushed" = 0')).length, {
        timeout: 10_000,
      })
      .toBe(0)
    const before = await state()
    const paths = routes().filter(({ method }) => method === "GET")
    expect(paths.length).toBeGreaterThan(15)
    for (const { path } of paths) {
      const at = path.replaceAll(/\{\w+\}/g, admin.id)
      const headers = { "Sec-Fetch-Site": "cross-site" }
      const { status } = await browser.fetch(`GET ${at}`, { headers })
      expect(status, at).toBeLessThan(500)
    }
    expect(await state()).toBe(before)
  })

  test("nothing makes a write of a GET", async () => {
    const browser = await signedIn(await person())
    for (const path of ["/v1/auth/sign-out", "/v1/auth/refresh", "/v1/sessions/revoke-others?_method=POST"]) {
      const answer = await browser.fetch(`GET ${path}`, { headers: { "X-HTTP-Method-Override": "POST" } })
      expect(answer.status, path).not.toBe(200)
    }
    expect((await browser.fetch("GET /v1/me")).status).toBe(200)
  })
})
