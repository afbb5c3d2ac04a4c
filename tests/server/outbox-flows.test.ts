/** The outbox behind the flows, over HTTP: an object that is down delays what is told to it, never undoes or forgets it. */
import { env } from "cloudflare:workers"
import { expect, test } from "vitest"
import { administrator } from "../support/administrators.ts"
import { call } from "../support/calls.ts"
import { person, signIn } from "../support/people.ts"
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
