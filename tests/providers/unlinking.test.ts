/** Linking and unlinking by somebody who is signed in, through the operations and through the page of the account. */
import { env } from "cloudflare:workers"
import { describe, expect, test } from "vitest"
import { mintToken } from "../support/actors.ts"
import type { Browser } from "../support/browser.ts"
import { letterTo, newNetwork } from "../support/people.ts"
import {
  claimsOf,
  comeBack,
  enter,
  identityRows,
  newEmail,
  program,
  refusals,
  start,
  visitor,
  type World,
  whoIs,
  world,
} from "./world.ts"

/** Somebody who signed up with acme, and the browser that they did it with. */
async function comer(
  place: World,
  email = newEmail(),
): Promise<Browser & { readonly id: string; readonly email: string }> {
  const browser = visitor(place)
  await enter(place, browser, claimsOf({ email }))
  const me = await whoIs(browser)
  return { ...browser, id: me?.id ?? "", email }
}

/** Presses the button on the page of the account. Gives the address that the page goes on to. */
async function press(browser: Browser, provider: string): Promise<string> {
  const page = await browser.fetch("POST /account/link", {
    body: `provider=${provider}`,
    headers: { "Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded" },
  })
  const [, url = ""] = /<meta http-equiv="refresh" content="0;url=([^"]+)">/.exec(String(page.body)) ?? []
  return url.replaceAll("&amp;", "&")
}

/** What stands in the log of an identity's changes. */
async function eventsOf(userId: string): Promise<readonly Record<string, unknown>[]> {
  const sql = `select "operation", "change", "actor", "reason", "before", "after" from "events" where "resource" = 'identities'
    and (json_extract("after", '$.userId') = ?1 or json_extract("before", '$.userId') = ?1) order by "sequence"`
  return (await env.DB.prepare(sql).bind(userId).all()).results
}

describe("linking", () => {
  test("from the page of the account: the identity signs in from then on, the owner is told, and the log has it", async () => {
    const place = await world()
    const ada = await comer(place)
    expect((await ada.fetch("GET /account")).body).toContain('<input type="hidden" name="provider" value="other">')

    const claims = claimsOf({ email: newEmail() })
    const url = await press(ada, "other")
    expect(new URL(url).origin).toBe(place.other.issuer)
    const back = await comeBack(ada, place.other.agree(url, claims), "other")
    expect([back.status, back.headers.get("Location")]).toEqual([303, "/account?told=linked"])
    expect(ada.jar.has("__Host-flow")).toBe(false)

    const list = await ada.fetch("GET /v1/identities")
    expect(list.body.items.map((one: { provider: string }) => one.provider).sort()).toEqual(["acme", "other"])
    const account = await ada.fetch("GET /account")
    expect(account.body).toContain("<strong>Other</strong>")
    await place.isolate.settled()
    const letter = await letterTo(ada.email, "Other now signs you in")
    expect(letter.text).toContain("If this was not you")

    const later = visitor(place)
    await enter(place, later, claims, "other")
    expect(await whoIs(later)).toMatchObject({ id: ada.id, email: ada.email })
    const events = await eventsOf(ada.id)
    expect(events.map(({ operation, change }) => `${operation} ${change}`)).toEqual([
      "auth.finishWithProvider created",
      "auth.finishWithProvider created",
      "auth.finishWithProvider updated",
    ])
    // Who somebody is elsewhere is personal: the log says that it is known, not what it is.
    expect(JSON.stringify(events)).not.toContain(claims.sub)
    expect(JSON.stringify(events)).not.toContain(String(claims.email))
  })

  test("takes a form of this site: another site's page cannot have an identity linked to its visitor", async () => {
    const place = await world()
    const ada = await comer(place)
    const headers = { "Sec-Fetch-Site": "cross-site", "Content-Type": "application/x-www-form-urlencoded" }
    const forged = await ada.fetch("POST /account/link", { body: "provider=other", headers })
    expect(forged.status).toBe(403)
    expect((await ada.fetch("GET /account/link")).status).toBe(405)
    expect(ada.jar.has("__Host-flow")).toBe(false)
  })

  test("of an identity that is another's is refused, and both stay as they were", async () => {
    const place = await world()
    const claims = claimsOf()
    const grace = visitor(place)
    await enter(place, grace, claims, "other")
    const owner = await whoIs(grace)
    const ada = await comer(place)
    const back = await comeBack(ada, place.other.agree(await press(ada, "other"), claims), "other")
    expect(back.status).toBe(409)
    expect(back.body).toContain("belongs to another account here")
    expect(await identityRows(place.other.issuer)).toMatchObject([{ userId: owner?.id }])
    expect(await whoIs(ada)).toMatchObject({ id: ada.id })
  })

  test("again of one's own identity changes nothing", async () => {
    const place = await world()
    const ada = await comer(place)
    const claims = claimsOf()
    for (let time = 0; time < 2; time++)
      expect((await comeBack(ada, place.other.agree(await press(ada, "other"), claims), "other")).status).toBe(303)
    expect(await identityRows(place.other.issuer)).toHaveLength(1)
  })

  test("when the session that asked for it has ended meanwhile is refused", async () => {
    const place = await world()
    const ada = await comer(place)
    const url = await press(ada, "other")
    const flow = ada.jar.get("__Host-flow") ?? ""
    await ada.fetch("POST /v1/auth/sign-out", { body: {} })
    const nobody = visitor(place)
    nobody.jar.set("__Host-flow", flow)
    const back = await comeBack(nobody, place.other.agree(url, claimsOf()), "other")
    expect(back.status).toBe(400)
    expect(await identityRows(place.other.issuer)).toEqual([])
  })

  test("when somebody else is signed in by then is refused", async () => {
    const place = await world()
    const ada = await comer(place)
    const url = await press(ada, "other")
    const grace = await comer(place)
    grace.jar.set("__Host-flow", ada.jar.get("__Host-flow") ?? "")
    const back = await comeBack(grace, place.other.agree(url, claimsOf()), "other")
    expect(back.status).toBe(403)
    expect(await identityRows(place.other.issuer)).toEqual([])
  })

  test("finishes though the access token ran out at the provider", async () => {
    const place = await world()
    const ada = await comer(place)
    const url = await press(ada, "other")
    ada.jar.delete("__Host-at")
    // Strict: not sent with an answer that comes from another site.
    ada.jar.delete("__Host-rt")
    expect((await comeBack(ada, place.other.agree(url, claimsOf()), "other")).status).toBe(303)
    expect(await identityRows(place.other.issuer)).toMatchObject([{ userId: ada.id }])
  })

  test("takes a person who signed in: neither nobody nor a token of another issuer will do", async () => {
    const place = await world()
    const ada = await comer(place)
    expect((await program(place).begin("other", {}, "link")).status).toBe(401)
    expect((await program(place, await mintToken(ada.id)).begin("other", {}, "link")).status).toBe(403)
  })

  test("is bounded: nobody has more than 20", async () => {
    const place = await world()
    const ada = await comer(place)
    const at = new Date().toISOString()
    const insert = env.DB.prepare(
      `insert into "identities" ("id", "version", "createdAt", "updatedAt", "userId", "provider", "issuer", "subject", "lastUsedAt")
       values (?1, 1, ?2, ?2, ?3, 'other', ?4, ?1, ?2)`,
    )
    const ids = Array.from(
      { length: 19 },
      (_, n) => `identity_01kb5t8q3cf4n9r7x2m6w0z${ada.id.slice(-1)}${String(n).padStart(2, "0")}`,
    )
    await env.DB.batch(
      ids.map((id) => insert.bind(id + crypto.randomUUID().slice(0, 4), at, ada.id, place.acme.issuer)),
    )
    const back = await comeBack(ada, place.other.agree(await press(ada, "other"), claimsOf()), "other")
    expect(back.status).toBe(429)
    expect(await identityRows(place.other.issuer)).toEqual([])
  })
})

describe("unlinking", () => {
  test("ends the other sessions, tells the owner, and the identity opens nothing any more", async () => {
    const place = await world()
    const ada = await comer(place)
    const claims = claimsOf({ email: ada.email })
    await comeBack(ada, place.other.agree(await press(ada, "other"), claims), "other")
    const elsewhere = visitor(place)
    await enter(place, elsewhere, claims, "other")
    expect(await whoIs(elsewhere)).toMatchObject({ id: ada.id })

    const { body } = await ada.fetch("GET /v1/identities")
    const other = body.items.find((one: { provider: string }) => one.provider === "other")
    const page = await ada.fetch("POST /account/unlink", {
      body: `id=${other.id}`,
      headers: { "Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded" },
    })
    expect([page.status, page.headers.get("Location")]).toEqual([303, "/account?told=unlinked"])
    expect(await identityRows(place.other.issuer)).toEqual([])
    expect((await elsewhere.fetch("POST /v1/auth/refresh", { body: {} })).status).toBe(401)
    expect(await whoIs(ada)).toMatchObject({ id: ada.id })
    await place.isolate.settled()
    await letterTo(ada.email, "Other no longer signs you in")
    expect((await eventsOf(ada.id)).at(-1)).toMatchObject({ operation: "identities.unlink", change: "deleted" })

    const again = visitor(place)
    expect((await enter(place, again, claims, "other")).status).toBe(400)
    expect(await whoIs(again)).toBeNull()
    expect(refusals(place)).toEqual(["other unlinked"])
  })

  test("of the last way in is refused; with a password it is not the last", async () => {
    const place = await world()
    const ada = await comer(place)
    const { body } = await ada.fetch("GET /v1/identities")
    const line = `DELETE /v1/identities/${body.items[0].id}`
    const refused = await ada.fetch(line)
    expect([refused.status, refused.body.code]).toEqual([400, "FAILED_PRECONDITION"])
    expect(refused.body.detail).toContain("set a password first")
    expect(await identityRows(place.acme.issuer)).toHaveLength(1)

    const headers = { "CF-Connecting-IP": newNetwork() }
    const post = (path: string, given: object) =>
      place.isolate.call(null, `POST /v1/auth/${path}`, { body: given, headers })
    await post("request-password-reset", { email: ada.email })
    await place.isolate.settled()
    const { token } = (await letterTo(ada.email, "Set a new password")).action
    const password = `a sentence of ${ada.id}`
    expect((await post("reset-password", { token, password })).status).toBe(200)
    await ada.signIn({ email: ada.email, password })
    expect((await ada.fetch(line)).status).toBe(204)
    expect(await identityRows(place.acme.issuer)).toEqual([])
  })

  test("of both ways in at the same moment leaves one", async () => {
    const place = await world()
    const ada = await comer(place)
    await comeBack(ada, place.other.agree(await press(ada, "other"), claimsOf()), "other")
    const { body } = await ada.fetch("GET /v1/identities")
    const answers = await Promise.all(
      body.items.map(({ id }: { id: string }) => ada.fetch(`DELETE /v1/identities/${id}`)),
    )
    const statuses = answers.map(({ status }) => status)
    expect(statuses.filter((status) => status === 204)).toHaveLength(1)
    const left = [...(await identityRows(place.acme.issuer)), ...(await identityRows(place.other.issuer))]
    expect(left).toHaveLength(1)
  })

  test("of somebody else's is refused as if there were none", async () => {
    const place = await world()
    const [ada, grace] = [await comer(place), await comer(place)]
    const { body } = await grace.fetch("GET /v1/identities")
    expect(body.items).toHaveLength(1)
    const { id } = body.items[0]
    expect((await ada.fetch(`GET /v1/identities/${id}`)).status).toBe(404)
    expect((await ada.fetch(`DELETE /v1/identities/${id}`)).status).toBe(404)
    expect(await identityRows(place.acme.issuer)).toHaveLength(2)
  })

  test("is not what a start of another flow does: a visitor who only looks around loses nothing", async () => {
    const place = await world()
    const ada = await comer(place)
    await start(ada, "other")
    expect(await whoIs(ada)).toMatchObject({ id: ada.id })
    expect(await identityRows(place.other.issuer)).toEqual([])
  })
})
