/** Two who sign up with one address at the same moment: one account, one answer, and no password that only one of them knows. */
import { env } from "cloudflare:workers"
import { expect, test } from "vitest"
import application from "../../src/app/index.ts"
import type { Application } from "../../src/core/registry.ts"
import { call } from "../support/calls.ts"
import { letterTo, type Newcomer, newAddress, newNetwork, signIn } from "../support/people.ts"
import { serving, watchedDatabase } from "../support/serving.ts"

/** A Worker in which nobody goes on before two have looked for the address. */
function racing(served?: Application) {
  let arrived = 0
  let open = () => {}
  const both = new Promise<void>((resolve) => {
    open = resolve
  })
  const database = watchedDatabase(async ([sql = ""]) => {
    if (!/^select .*"passwordSealed"/.test(sql) || arrived >= 2) return
    arrived++
    if (arrived === 2) open()
    await both
  })
  return serving(database, served)
}

const bodyOf = ({ name, email, password }: Newcomer) => ({ name, email, password })
const accounts = async (email: string) =>
  (await env.DB.prepare('select * from "users" where "email" = ?').bind(email).all()).results

function pair(): [Newcomer, Newcomer] {
  const one = newAddress("One")
  const headers = { "CF-Connecting-IP": newNetwork() }
  return [one, { ...one, name: "Other", password: "the other's own sentence", headers }]
}

test("both get the same answer, there is one account, and the owner's click makes neither password good", async () => {
  const isolate = racing()
  const both = pair()
  const answers = await Promise.all(
    both.map((who) => isolate.call(null, "POST /v1/auth/sign-up", { body: bodyOf(who), headers: who.headers })),
  )
  expect(answers.map(({ status, body }) => [status, body])).toEqual([
    [202, { accepted: true }],
    [202, { accepted: true }],
  ])
  await isolate.settled()
  expect(await accounts(both[0].email)).toMatchObject([{ passwordSealed: null, emailVerifiedAt: null }])
  const { token } = (await letterTo(both[0].email, "Confirm")).action
  await call(null, "POST /v1/auth/verify-email", { body: { token }, headers: both[0].headers })
  for (const who of both) expect((await signIn(who)).status).toBe(401)
})

test("where an application tells, the slower one is told", async () => {
  const accountRules = { ...application.accounts, takenAddress: "told", emailVerification: "optional" } as const
  const isolate = racing({ ...application, accounts: accountRules })
  const both = pair()
  const answers = await Promise.all(
    both.map((who) => isolate.call(null, "POST /v1/auth/sign-up", { body: bodyOf(who), headers: who.headers })),
  )
  const [first, second] = answers.toSorted((one, other) => one.status - other.status)
  expect(first).toMatchObject({ status: 202, body: { accepted: true, session: { accessToken: expect.any(String) } } })
  expect(second).toMatchObject({ status: 409, body: { violations: [{ path: "/email", code: "taken" }] } })
  expect(second?.body).not.toHaveProperty("session")
  expect(await accounts(both[0].email)).toHaveLength(1)
})
