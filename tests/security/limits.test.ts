/** What costs something is counted: by who asks, by whom it concerns, and in all; what is too much is 429 with the seconds to wait. */
import { describe, expect, test } from "vitest"
import { guards } from "../../src/authentication/account.ts"
import { type Answer, call } from "../support/calls.ts"
import { lettersTo, newAddress, newNetwork, person } from "../support/people.ts"

const from = (address: string) => ({ "CF-Connecting-IP": address })
const anyEmail = () => newAddress().email
const signUp = (email: string, address: string) =>
  call(null, "POST /v1/auth/sign-up", {
    body: { email, name: "N", password: "a long enough sentence" },
    headers: from(address),
  })
const askFor = (what: string, email: string, address: string) =>
  call(null, `POST /v1/auth/request-${what}`, { body: { email }, headers: from(address) })

/** So many calls one after another: how many were let in, and the last refusal. */
async function run(times: number, make: (n: number) => Promise<Answer>) {
  const answers: Answer[] = []
  for (let n = 0; n < times; n++) answers.push(await make(n))
  const refused = answers.filter(({ status }) => status === 429)
  expect(answers.filter(({ status }) => status >= 400 && status !== 429).map(({ body }) => body)).toEqual([])
  return { admitted: answers.length - refused.length, refused }
}

function expectRefusals(refused: readonly Answer[], count: number, secondsMax: number): void {
  expect(refused).toHaveLength(count)
  for (const { body, headers } of refused) {
    expect(body).toMatchObject({ code: "RESOURCE_EXHAUSTED", detail: "Too many attempts" })
    const wait = Number(headers.get("Retry-After"))
    expect(wait).toBeGreaterThan(0)
    expect(wait).toBeLessThanOrEqual(secondsMax)
    expect(body.retryAfter).toBe(wait)
  }
}

describe("checklist 39: sign-up is limited", () => {
  test("by the address that it comes from", async () => {
    const address = newNetwork()
    const { burst, ratePerMinute } = guards["sign-up"].address
    const { admitted, refused } = await run(burst + 2, () => signUp(anyEmail(), address))
    expect(admitted).toBe(burst)
    expectRefusals(refused, 2, 60 / ratePerMinute)
    expect((await signUp(anyEmail(), newNetwork())).status).toBe(202)
  })

  test("by the account that it is about, from wherever it comes; the owner gets no more letters than that", async () => {
    const email = anyEmail()
    const { burst, ratePerMinute } = guards["sign-up"].account
    const { admitted, refused } = await run(burst + 3, () => signUp(email, newNetwork()))
    expect(admitted).toBe(burst)
    expectRefusals(refused, 3, 60 / ratePerMinute)
    expect((await lettersTo(email)).length).toBeLessThanOrEqual(burst)
    // However it is spelled.
    expect((await signUp(email.toUpperCase(), newNetwork())).status).toBe(429)
  })

  test("IPv6 addresses of one network are one, and what a caller says of its address counts for nothing", async () => {
    const network = `2001:db8:${Math.floor(Math.random() * 65_536).toString(16)}:7`
    const { burst } = guards["sign-up"].address
    const { admitted } = await run(burst + 2, (n) => signUp(anyEmail(), `${network}::${n + 1}`))
    expect(admitted).toBe(burst)
    const body = { email: anyEmail(), name: "N", password: "a long enough sentence" }
    const headers = { ...from(`${network}::1`), "X-Forwarded-For": "198.51.100.9", "X-Real-IP": "198.51.100.9" }
    expect((await call(null, "POST /v1/auth/sign-up", { body, headers })).status).toBe(429)
  })
})

describe("checklist 39: letters are limited", () => {
  test.each(["password-reset", "magic-link"])(
    "%s by account, the same for who has one and for nobody",
    async (what) => {
      const ada = await person("Ada")
      const { burst, ratePerMinute } = guards.mail.account
      for (const email of [ada.email, anyEmail()]) {
        const { admitted, refused } = await run(burst + 2, () => askFor(what, email, newNetwork()))
        expect(admitted).toBe(burst)
        expectRefusals(refused, 2, 60 / ratePerMinute)
      }
    },
  )

  test("of both kinds together, by the address that asks", async () => {
    const address = newNetwork()
    const { burst, ratePerMinute } = guards.mail.address
    const { admitted, refused } = await run(burst + 2, (n) =>
      askFor(n % 2 === 0 ? "magic-link" : "password-reset", anyEmail(), address),
    )
    expect(admitted).toBe(burst)
    expectRefusals(refused, 2, 60 / ratePerMinute)
  })
})

describe("checklist 39: sign-in and proofs are limited by address", () => {
  test("guesses at many accounts from one address", async () => {
    const address = newNetwork()
    const { burst } = guards["sign-in"].address
    const statuses = new Map<number, number>()
    await Promise.all(
      Array.from({ length: burst + 5 }, async () => {
        const body = { email: anyEmail(), password: "a guess at somebody's" }
        const { status } = await call(null, "POST /v1/auth/sign-in", { body, headers: from(address) })
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      }),
    )
    expect([...statuses.keys()].sort()).toEqual([401, 429])
    // A token may have come back while the hashes were computed.
    expect(statuses.get(401)).toBeGreaterThanOrEqual(burst)
    expect(statuses.get(401)).toBeLessThanOrEqual(burst + 3)
  })
})

describe("checklist 39: the copy of one's data is limited", () => {
  test("by person, whatever session asks", async () => {
    const ada = await person("Ada")
    const { burst, ratePerMinute } = guards.export.account
    const { admitted, refused } = await run(burst + 2, () =>
      call(ada, "GET /v1/me/export", { headers: from(newNetwork()) }),
    )
    expect(admitted).toBe(burst)
    expectRefusals(refused, 2, 60 / ratePerMinute)
    expect((await call(ada, "GET /v1/me")).status).toBe(200)
  })
})
