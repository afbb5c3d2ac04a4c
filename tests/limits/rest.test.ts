/** Limits through the REST door, over the real limiter: exact, told truly, and nothing happens in a call that is refused. */
import { env } from "cloudflare:workers"
import { describe, expect, test } from "vitest"
import { newNetwork } from "../support/people.ts"
import { rowCount } from "../support/workspace.ts"
import { admittedOf, fieldOf, fieldsOf, held, somebody, times } from "./world.ts"

const create = (n: number | string = "") => ({ body: { name: `Limited ${n}` } })
const makeOrganization = "POST /v1/organizations"
const from = (address: string, more: object = {}) => ({ headers: { "CF-Connecting-IP": address, ...more } })

/** Two creations at once of everybody; nothing else is limited. */
const creations = (limit: object) => ({
  app: { default: [] },
  operations: { "organizations.create": { per: "principal", ...limit } as never },
})

describe("a burst", () => {
  test.each([1, 20])(
    "ten times %i at once over two isolates, the clock held: exactly so many are admitted and done",
    async (burst) => {
      const ada = await somebody()
      const limited = creations({ rate: "60/m", burst })
      const one = held(limited)
      const other = held(limited, {}, one.now())
      const answers = await times(10 * burst, (n) => (n % 2 ? one : other).call(ada, makeOrganization, create(n)))
      expect(admittedOf(answers)).toBe(burst)
      const made = await env.DB.prepare('select count(*) n from "organizations" where "createdBy" = ?')
        .bind(ada.id)
        .first("n")
      expect(made).toBe(burst)
    },
  )

  test("of one principal touches no other, and no other operation", async () => {
    const [ada, ben] = [await somebody(), await somebody()]
    const isolate = held(creations({ rate: "1/m" }))
    expect(admittedOf(await times(3, (n) => isolate.call(ada, makeOrganization, create(n))))).toBe(1)
    expect((await isolate.call(ben, makeOrganization, create())).status).toBe(201)
    expect((await isolate.call(ada, "GET /v1/organizations")).status).toBe(200)
  })

  test("the default counts all operations together", async () => {
    const ada = await somebody()
    const isolate = held({ app: { default: { per: "principal", rate: "4/m" } } })
    const lines = ["GET /v1/me", "GET /v1/organizations", "GET /v1/tasks", "GET /v1/projects", "GET /v1/me"]
    const statuses = []
    for (const line of lines) statuses.push((await isolate.call(ada, line)).status)
    expect(statuses).toEqual([200, 200, 200, 200, 429])
  })
})

describe("callers", () => {
  test("addresses of one IPv6 /64 are one, whatever is said of forwarding; another network is another", async () => {
    const isolate = held({ app: { default: { per: "principal", rate: "3/m" } } })
    const network = `2001:db8:${Math.floor(Math.random() * 65_536).toString(16)}:9`
    const ask = (address: string, more?: object) => isolate.call(null, "GET /v1/tasks", from(address, more))
    const statuses = []
    for (let n = 1; n <= 4; n++) statuses.push((await ask(`${network}:${n}::${n}`)).status)
    // Nobody may list tasks; whoever is too fast is told so first.
    expect(statuses).toEqual([401, 401, 401, 429])
    const forged = { "X-Forwarded-For": "198.51.100.9", "X-Real-IP": "198.51.100.9", Forwarded: "for=198.51.100.9" }
    expect((await ask(`${network}::77`, forged)).status).toBe(429)
    expect((await ask(newNetwork())).status).toBe(401)
  })

  test("per address counts whoever calls from it", async () => {
    const [ada, ben] = [await somebody(), await somebody()]
    const isolate = held({ app: { default: { per: "address", rate: "2/m" } } })
    const at = newNetwork()
    const answers = []
    for (const who of [ada, ben, ada]) answers.push((await isolate.call(who, "GET /v1/me", from(at))).status)
    expect(answers).toEqual([200, 200, 429])
    expect((await isolate.call(ada, "GET /v1/me", from(newNetwork()))).status).toBe(200)
  })
})

describe("time", () => {
  test("a clock that jumps back gives nothing; forth, it gives no more than the burst", async () => {
    const ada = await somebody()
    const isolate = held(creations({ rate: "60/m", burst: 2 }))
    const make = () => isolate.call(ada, makeOrganization, create())
    expect(admittedOf([await make(), await make(), await make()])).toBe(2)
    isolate.pass(-30_000)
    expect((await make()).status).toBe(429)
    isolate.pass(60_000)
    const later = [await make(), await make(), await make()]
    expect(admittedOf(later)).toBe(2)
  })

  test("whoever waits as Retry-After says is admitted, and not a second before", async () => {
    const ada = await somebody()
    const isolate = held(creations({ rate: "6/m", burst: 1 }))
    const make = () => isolate.call(ada, makeOrganization, create())
    expect((await make()).status).toBe(201)
    const wait = Number((await make()).headers.get("Retry-After"))
    expect(wait).toBe(10)
    isolate.pass(wait * 1000 - 1000)
    expect((await make()).status).toBe(429)
    isolate.pass(1000)
    expect((await make()).status).toBe(201)
  })

  test("a quota holds until midnight UTC, to the second, and starts anew there", async () => {
    const ada = await somebody()
    const evening = new Date(Date.now() + 60_000)
    const isolate = held(creations({ quota: "3/d" }), {}, evening)
    const make = () => isolate.call(ada, makeOrganization, create())
    expect(admittedOf([await make(), await make(), await make()])).toBe(3)
    const refused = await make()
    const midnight = new Date(evening)
    midnight.setUTCHours(24, 0, 0, 0)
    const seconds = Math.ceil((midnight.getTime() - evening.getTime()) / 1000)
    expect([refused.status, refused.headers.get("Retry-After")]).toEqual([429, String(seconds)])
    expect(fieldOf(refused, "organizations.create/principal/day")).toMatchObject({
      quota: 3,
      window: 86_400,
      remaining: 0,
      reset: seconds,
    })
  })
})

describe("a call that is refused", () => {
  test("did nothing: no handler ran, nothing was written, no key was kept, and the other limits lost nothing", async () => {
    const ada = await somebody()
    const limits = [
      { per: "principal", rate: "7/m" },
      { per: "key", rate: "1/m" },
    ] as const
    const isolate = held({
      app: { default: { per: "principal", rate: "5/m" } },
      operations: { "organizations.create": limits },
    })
    const first = await isolate.call(ada, makeOrganization, create())
    const tables = ["organizations", "members", "events", "outbox", "idempotency"]
    const before = await Promise.all(tables.map(rowCount))
    const answers = []
    for (let n = 0; n < 5; n++)
      answers.push(await isolate.call(ada, makeOrganization, { ...create(), headers: { "Idempotency-Key": `k${n}` } }))
    expect(admittedOf(answers)).toBe(0)
    expect(await Promise.all(tables.map(rowCount))).toEqual(before)
    for (const name of ["default/principal", "organizations.create/principal"])
      expect(fieldOf(answers[4] as never, name).remaining).toBe(fieldOf(first, name).remaining)
    expect(isolate.observations.at(-1)).toMatchObject({ kind: "call", code: "RESOURCE_EXHAUSTED", cost: { trips: 0 } })
  })

  test("a body that is not valid and an answer that is given again cost what is declared", async () => {
    const ada = await somebody()
    const isolate = held(creations({ rate: "6/m" }))
    const left = async (options: object) =>
      fieldOf(await isolate.call(ada, makeOrganization, options), "organizations.create/principal").remaining
    const keyed = { ...create(), headers: { "Idempotency-Key": "once" } }
    expect([await left(keyed), await left(keyed), await left({ body: { name: 5 } })]).toEqual([5, 4, 3])
  })
})

describe("what is told", () => {
  test("on success and on refusal, the tightest first; it agrees with what happens next", async () => {
    const ada = await somebody()
    const limits = [
      { per: "principal", rate: "60/m", burst: 5 },
      { per: "key", rate: "30/m", burst: 3, quota: "7/d" },
    ] as const
    const isolate = held({
      app: { default: { per: "principal", rate: "100/m", burst: 7 } },
      operations: { "organizations.create": limits },
    })
    let told = await isolate.call(ada, makeOrganization, create())
    expect(fieldsOf(told)).toEqual([
      { name: "organizations.create/key", quota: 3, window: 6, remaining: 2, reset: 2, partition: undefined },
      { name: "organizations.create/principal", quota: 5, window: 5, remaining: 4, reset: 1, partition: undefined },
      expect.objectContaining({ name: "organizations.create/key/day", quota: 7, window: 86_400, remaining: 6 }),
      { name: "default/principal", quota: 7, window: 5, remaining: 6, reset: 1, partition: undefined },
    ])
    for (let left = fieldsOf(told)[0]?.remaining ?? 0; left > 0; left--) {
      told = await isolate.call(ada, makeOrganization, create())
      expect([told.status, fieldsOf(told)[0]?.remaining]).toEqual([201, left - 1])
    }
    const refused = await isolate.call(ada, makeOrganization, create())
    expect(refused.status).toBe(429)
    expect(refused.body.detail).toBe("Too many requests: organizations.create/key")
    expect(fieldsOf(refused)[0]).toMatchObject({ name: "organizations.create/key", remaining: 0, reset: 2 })
    expect(refused.headers.get("Retry-After")).toBe("2")
  })

  test("scripts of listed origins may read it", async () => {
    const isolate = held({}, { CORS_ORIGINS: "https://app.example.com" })
    const answer = await isolate.call(await somebody(), "GET /v1/me", {
      headers: { Origin: "https://app.example.com" },
    })
    const exposed = answer.headers.get("Access-Control-Expose-Headers")?.split(", ")
    expect(exposed).toEqual(expect.arrayContaining(["RateLimit", "RateLimit-Policy", "Retry-After"]))
    expect(fieldsOf(answer)).toHaveLength(1)
  })

  test("nothing where nothing is counted", async () => {
    expect(fieldsOf(await held({ app: { default: [] } }).call(await somebody(), "GET /v1/me"))).toEqual([])
  })

  test("a stream of events begins with it, and is refused with it", async () => {
    const ada = await somebody()
    const isolate = held({ resources: { tasks: { watch: { per: "principal", rate: "1/m" } } } })
    const open = () =>
      isolate.fetch(
        new Request("https://selvage.test/v1/tasks/watch?organizationId=org_01kaj700000000000000000000", {
          headers: {
            Authorization: `Bearer ${ada.token}`,
            Accept: "text/event-stream",
            "CF-Connecting-IP": newNetwork(),
          },
        }),
      )
    const stream = await open()
    expect([stream.status, stream.headers.get("Content-Type")]).toEqual([200, "text/event-stream; charset=utf-8"])
    expect(fieldOf(stream, "tasks.watch/principal")).toMatchObject({ quota: 1, remaining: 0 })
    await stream.body?.cancel()
    const refused = await open()
    expect([refused.status, refused.headers.get("Retry-After")]).toEqual([429, "60"])
    await refused.body?.cancel()
  })
})
