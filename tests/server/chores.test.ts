/** What timers do: each chore gets its turn whatever becomes of the others, and what fails is told. */
import { env } from "cloudflare:workers"
import { expect, test } from "vitest"
import { call } from "../support/calls.ts"
import { person } from "../support/people.ts"
import { serving, watchedDatabase } from "../support/serving.ts"

test("an outbox that cannot be read keeps nobody from leaving, and the operator is told where it failed", async () => {
  const ada = await person("Ada")
  await call(ada, "POST /v1/me/delete", { body: { password: ada.password }, headers: ada.headers })
  await env.DB.prepare('update "users" set "deleteAfter" = ? where "id" = ?')
    .bind("2020-01-01T00:00:00.000Z", ada.id)
    .run()
  const isolate = serving(
    watchedDatabase(([sql = ""]) => {
      if (sql.startsWith('update "outbox"')) throw new Error("no such table")
    }),
  )
  await isolate.tend(new Date())
  expect(isolate.observations).toContainEqual(expect.objectContaining({ kind: "fault", where: "outbox" }))
  const row = await env.DB.prepare('select "status", "email" from "users" where "id" = ?').bind(ada.id).first()
  expect(row).toEqual({ status: "deleted", email: null })
})

test("a chore that fails is told by its name and does not end the timer", async () => {
  const isolate = serving(
    watchedDatabase(() => {
      throw new Error("Network connection lost")
    }),
  )
  await expect(isolate.tend(new Date())).resolves.toBeUndefined()
  const where = isolate.observations.flatMap((one) => (one.kind === "fault" ? [one.where] : []))
  expect(where).toEqual(["outbox", "keys", "leavers", "seal"])
})
