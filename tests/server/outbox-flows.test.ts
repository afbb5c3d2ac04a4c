/** The outbox behind the flows, over HTTP: an object that is down delays what is told to it, never undoes or forgets it. */
import { env } from "cloudflare:workers"
import { expect, test } from "vitest"
import { administrator } from "../support/administrators.ts"
import { call } from "../support/calls.ts"
import { newAddress, person, signIn } from "../support/people.ts"
import { production } from "../support/runtime.ts"
import { serving, watched } from "../support/serving.ts"

const rowsOf = async (subject: string) =>
  (
    await env.DB.prepare('select "id", "topic", "subject", "payload", "lastError" from "outbox" where "subject" = ?')
      .bind(subject)
      .all()
  ).results

/** What was committed half a minute ago is due for everybody. */
const passFirstLease = (subject: string) =>
  env.DB.prepare('update "outbox" set "dueAt" = ? where "subject" = ?').bind("2020-01-01T00:00:00.000Z", subject).run()

test("a user is disabled while their object is down: UNAVAILABLE, the change is made, and the next sweep brings it", async () => {
  const [root, ada] = await Promise.all([administrator(), person("Ada")])
  let isDown = true
  const isolate = serving(
    watched("USER", (method, object) => {
      if (isDown && method === "apply" && object.endsWith(ada.id)) throw new Error("the object is being moved")
    }),
  )
  const answer = await isolate.call(root, `POST /v1/users/${ada.id}/disable`, { body: {} })
  expect(answer).toMatchObject({ status: 503, body: { code: "UNAVAILABLE", retryAfter: 5 } })
  expect(answer.headers.get("Retry-After")).toBe("5")
  expect(JSON.stringify(answer.body)).not.toContain("moved")
  await isolate.settled()

  // The change is made: nobody can sign in any more. The object has not heard of it yet.
  expect(await env.DB.prepare('select "status" from "users" where "id" = ?').bind(ada.id).first("status")).toBe(
    "disabled",
  )
  expect((await signIn(ada)).status).toBe(403)
  const waiting = await rowsOf(ada.id)
  expect(waiting).toMatchObject([{ topic: "user", subject: ada.id }])
  expect(String(waiting[0]?.payload)).toMatch(/^s1\./)

  // Still down: it stays, and the operator is told.
  await passFirstLease(ada.id)
  await isolate.tend(new Date())
  expect(await rowsOf(ada.id)).toMatchObject([{ lastError: "Error: the object is being moved" }])
  expect(isolate.observations).toContainEqual(expect.objectContaining({ kind: "undelivered", topic: "user" }))

  isDown = false
  await passFirstLease(ada.id)
  await isolate.tend(new Date())
  expect(await rowsOf(ada.id)).toEqual([])
  const refreshed = await call(null, "POST /v1/auth/refresh", { body: { refreshToken: ada.refreshToken } })
  expect(refreshed.status).toBe(401)
  const later = serving()
  expect((await later.call(ada, "GET /v1/me")).status, "an isolate that has asked the hub since").toBe(401)
})

test("a letter that the provider refuses waits, sealed, and is sent once by a sweep", async () => {
  const who = newAddress("Grace")
  const { env: bindings, sent } = production()
  let isDown = true
  const MAIL = {
    send: async (letter: object) => {
      if (isDown) throw new Error(`refused: ${who.email}`)
      sent.push(letter)
      return { messageId: "1" }
    },
  }
  const isolate = serving({ ...(bindings as object), MAIL })
  const { name, email, password, headers } = who
  const answer = await isolate.call(null, "POST /v1/auth/sign-up", { body: { name, email, password }, headers })
  expect(answer).toMatchObject({ status: 202, body: { accepted: true } })
  await isolate.settled()
  const told = isolate.observations.find((one) => one.kind === "undelivered")
  expect(told).toMatchObject({ topic: "job", attempts: 1, givenUp: false })
  const id = told?.kind === "undelivered" ? told.id : ""
  const find = () => env.DB.prepare('select * from "outbox" where "id" = ?').bind(id).first()
  const row = JSON.stringify(await find())
  expect(row).toContain("s1.")
  for (const secret of [email, "sv_em_", name]) expect(row).not.toContain(secret)
  expect(sent).toEqual([])

  isDown = false
  await env.DB.prepare('update "outbox" set "dueAt" = ? where "id" = ?').bind("2020-01-01T00:00:00.000Z", id).run()
  await isolate.tend(new Date())
  await isolate.tend(new Date())
  expect(sent.filter((one) => (one as { to: string }).to === email)).toMatchObject([
    { from: "no-reply@selvage.test", subject: expect.stringContaining("Confirm") },
  ])
  expect(await find()).toBeNull()
})
