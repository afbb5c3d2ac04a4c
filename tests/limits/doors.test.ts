/** Limits at the other doors: connections and watches over WebSocket, the account's pages, webhooks from outside. */
import { env } from "cloudflare:workers"
import { Webhook } from "standardwebhooks"
import { beforeAll, describe, expect, test } from "vitest"
import type { Application } from "../../src/core/registry.ts"
import { newLimiter } from "../support/limiter.ts"
import { connect, handshake, type Refused, tryConnect } from "../support/live.ts"
import { newNetwork } from "../support/people.ts"
import { serving } from "../support/serving.ts"
import { newWorkspace, type Workspace } from "../support/workspace.ts"
import { hooked, registerCustomer, secret } from "../webhooks/inbound-world.ts"
import { admittedOf, fieldOf, fieldsOf, held, somebody, times } from "./world.ts"

let at: Workspace
beforeAll(async () => {
  at = await newWorkspace()
})

describe("a WebSocket", () => {
  test("is opened at the cost of a call: told at the opening, refused before there is a connection", async () => {
    const ada = await somebody()
    const isolate = held({ app: { default: { per: "principal", rate: "1/m" } } })
    const opened = await handshake(ada, {}, isolate.fetch)
    expect(opened.status).toBe(101)
    expect(fieldOf(opened, "default/principal")).toMatchObject({ quota: 1, window: 60, remaining: 0 })
    opened.webSocket?.accept()
    opened.webSocket?.close()
    const refused = await handshake(ada, {}, isolate.fetch)
    expect([refused.status, refused.headers.get("Retry-After")]).toEqual([429, "60"])
    expect(fieldOf(refused, "default/principal").remaining).toBe(0)
    expect(await refused.json()).toMatchObject({ code: "RESOURCE_EXHAUSTED" })
    // And what REST counts is the same.
    expect((await isolate.call(ada, "GET /v1/me")).status).toBe(429)
  })

  test("by the network of who is nobody", async () => {
    const isolate = held({ app: { default: { per: "principal", rate: "2/m" } } })
    const from = { "CF-Connecting-IP": newNetwork() }
    const statuses = []
    for (let n = 0; n < 3; n++) statuses.push(((await tryConnect(null, from, isolate.fetch)) as Refused).status)
    expect(statuses).toEqual([undefined, undefined, 429])
  })

  test("tells what is left with each watch, refuses one too many with the seconds to wait, and SSE does not pay twice", async () => {
    const watch = { id: "task_01kaj700000000000000000000" }
    const connection = await connect(at.viewer)
    const first: { limits: { name: string }[]; subscription: string } = await connection.call("tasks.watch", watch)
    expect(first.limits).toEqual([
      { name: "tasks.watch/principal", quota: 100, windowSeconds: 20, remaining: 99, resetSeconds: 1 },
      {
        name: "default/principal",
        quota: 1000,
        windowSeconds: 60,
        remaining: expect.any(Number),
        resetSeconds: expect.any(Number),
      },
    ])
    await connection.call("watch.stop", { subscription: first.subscription })
    // The rest of the burst goes elsewhere, by a clock that is a minute ahead: nothing comes back meanwhile.
    const { limiter } = newLimiter()
    const spent = { ratePerMinute: 300, burst: 100, cost: 100 }
    const ahead = new Date(Date.now() + 60_000)
    expect((await limiter.take(`call/tasks.watch/principal/${at.viewer.id}`, spent, ahead)).admitted).toBe(true)
    const fault = await connection.call("tasks.watch", watch).catch((refusal) => refusal)
    expect(fault).toMatchObject({
      code: -32008,
      message: "Too many requests: tasks.watch/principal",
      data: {
        code: "RESOURCE_EXHAUSTED",
        limits: [{ name: "tasks.watch/principal", remaining: 0 }, { name: "default/principal" }],
      },
    })
    expect(fault.data.retryAfter).toBeGreaterThan(50)
    // Refused, it is still a connection.
    await expect(connection.call("watch.stop", { subscription: "none" })).resolves.toEqual({})
    // The object has nothing left for her; the stream was counted by the other door, which has.
    const isolate = held({ resources: { tasks: {} } })
    const headers = { Authorization: `Bearer ${at.viewer.token}`, Accept: "text/event-stream" }
    const stream = await isolate.fetch(new Request(`https://selvage.test/v1/tasks/watch?id=${watch.id}`, { headers }))
    expect(stream.status).toBe(200)
    await stream.body?.cancel()
    connection.close()
  })
})

test("a page says how long to wait", async () => {
  const isolate = held({ app: { default: { per: "address", rate: "1/h" } } })
  const headers = { "CF-Connecting-IP": newNetwork() }
  const visit = () => isolate.call(null, "GET /account", { headers })
  // Nobody is sent to sign in.
  expect((await visit()).status).toBe(303)
  const refused = await visit()
  expect([refused.status, refused.headers.get("Retry-After")]).toEqual([429, "3600"])
  expect(refused.headers.get("Content-Type")).toContain("text/html")
})

test("what others tell us is not limited by operation: whoever holds the secret calls as the application", async () => {
  const ada = await somebody()
  const operation = { ...registerCustomer, limit: { per: "principal", rate: "1/d" } as const }
  const application: Application = {
    ...hooked,
    inbound: hooked.inbound.slice(0, 1).map((one) => ({ ...one, operation })),
    limits: { default: { per: "address", rate: "1/d" } },
  }
  const isolate = serving({ BILLING_SECRET: secret, FORGE_SECRET: "It's a Secret to Everybody" }, application)
  const signer = new Webhook(secret)
  const answers = await times(3, (n) => {
    const body = JSON.stringify({ name: `Unlimited ${n}`, userId: ada.id })
    const id = `msg_${crypto.randomUUID()}`
    const now = new Date()
    const headers = {
      "webhook-id": id,
      "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
      "webhook-signature": signer.sign(id, now, body),
    }
    return isolate.call(null, "POST /hooks/billing", { body, headers })
  })
  expect(admittedOf(answers)).toBe(3)
  expect(answers.flatMap(fieldsOf)).toEqual([])
  const made = await env.DB.prepare('select count(*) n from "organizations" where "createdBy" = ?')
    .bind(ada.id)
    .first("n")
  expect(made).toBe(3)
})
