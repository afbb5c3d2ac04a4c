/** What others tell us: verified over its bytes before anything is parsed, done once however often it comes, and refused without a word too many. */
import { env } from "cloudflare:workers"
import { Webhook } from "standardwebhooks"
import { beforeAll, describe, expect, test } from "vitest"
import { type Actor, newActor } from "../support/actors.ts"
import type { Answer } from "../support/calls.ts"
import { type Serving, serving } from "../support/serving.ts"
import { eventsOf } from "../support/workspace.ts"
import { hooked, other, plain, secret } from "./inbound-world.ts"

const signer = new Webhook(secret)
let served: Serving
let ada: Actor
let count = 0

beforeAll(async () => {
  ada = await newActor("Ada")
  served = serving({ BILLING_SECRET: secret, FORGE_SECRET: plain }, hooked)
})

interface Message {
  readonly id: string
  readonly name: string
  readonly body: string
}

/** A message that no other test sends. */
function newMessage(): Message {
  const name = `Customer ${++count} ${crypto.randomUUID()}`
  return { id: `msg_${crypto.randomUUID()}`, name, body: JSON.stringify({ name, userId: ada.id }) }
}

function signed({ id, body }: Message, at = new Date(), by = signer): Record<string, string> {
  return {
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
    "webhook-signature": by.sign(id, at, body),
  }
}

const send = (name: string, body: unknown, headers: Record<string, string>): Promise<Answer> =>
  served.call(null, `POST /hooks/${name}`, { body, headers })

async function hmac(body: string): Promise<Uint8Array> {
  const bytes = new TextEncoder()
  const key = await crypto.subtle.importKey("raw", bytes.encode(plain), { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
  ])
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes.encode(body)))
}

async function made({ name }: Message): Promise<string[]> {
  const { results } = await env.DB.prepare('select "id" from "organizations" where "name" = ?')
    .bind(name)
    .all<{ id: string }>()
  return results.map(({ id }) => id)
}

describe("a message that verifies", () => {
  test("does what it says, as the system, and its sender learns nothing of it", async () => {
    const message = newMessage()
    const answer = await send("billing", message.body, signed(message))
    expect([answer.status, answer.body]).toEqual([204, null])
    const [id = ""] = await made(message)
    expect(await eventsOf(id)).toMatchObject([
      { actor: "system", reason: "inbound webhook billing", operation: "customers.register", change: "created" },
    ])
  })

  test("does it once, however often it comes, also at the same moment", async () => {
    const message = newMessage()
    const together = await Promise.all(Array.from({ length: 8 }, () => send("billing", message.body, signed(message))))
    expect(together.map(({ status }) => status)).toEqual(Array(8).fill(204))
    // Its sender tries again later, under a new signature.
    expect((await send("billing", message.body, signed(message, new Date(Date.now() + 60_000)))).status).toBe(204)
    expect(await made(message)).toHaveLength(1)
  })

  test("is received also when what it made is gone", async () => {
    const message = newMessage()
    await send("billing", message.body, signed(message))
    await env.DB.prepare('delete from "organizations" where "name" = ?').bind(message.name).run()
    expect((await send("billing", message.body, signed(message))).status).toBe(204)
    expect(await made(message)).toEqual([])
  })

  test("is remembered for a week: senders go on trying for longer than a day", async () => {
    const message = newMessage()
    await send("billing", message.body, signed(message))
    const { results } = await env.DB.prepare('select max("expiresAt") as "end" from "idempotency"').all<{
      end: string
    }>()
    expect(Date.parse(results[0]?.end ?? "") - Date.now()).toBeGreaterThan(6.9 * 24 * 3600_000)
  })

  test("of another sender with the same id is another message", async () => {
    const message = newMessage()
    for (const name of ["billing", "sales"]) expect((await send(name, message.body, signed(message))).status).toBe(204)
    expect(await made(message)).toHaveLength(2)
  })

  test("may carry the signature of a secret before or after ours beside the right one", async () => {
    const message = newMessage()
    const at = new Date()
    const both = `${new Webhook(other).sign(message.id, at, message.body)} v1a,AAAA ${signer.sign(message.id, at, message.body)}`
    const headers = { ...signed(message, at), "webhook-signature": both }
    expect((await send("billing", message.body, headers)).status).toBe(204)
    expect(await made(message)).toHaveLength(1)
  })
})

describe("a message that does not verify is 401 and does nothing", () => {
  const cases: [string, (message: Message) => [string, Record<string, string>]][] = [
    ["a body that was changed", (one) => [one.body.replace("Customer", "Customor"), signed(one)]],
    ["a body with one more space", (one) => [`${one.body} `, signed(one)]],
    ["another secret", (one) => [one.body, signed(one, new Date(), new Webhook(other))]],
    ["another id", (one) => [one.body, { ...signed(one), "webhook-id": "msg_other" }]],
    [
      "another time than the one signed",
      (one) => [one.body, { ...signed(one), "webhook-timestamp": `${Math.floor(Date.now() / 1000) - 1}` }],
    ],
    ["six minutes old", (one) => [one.body, signed(one, new Date(Date.now() - 360_000))]],
    ["six minutes ahead", (one) => [one.body, signed(one, new Date(Date.now() + 360_000))]],
    ["a time that is none", (one) => [one.body, { ...signed(one), "webhook-timestamp": "now" }]],
    ["an asymmetric signature alone", (one) => [one.body, { ...signed(one), "webhook-signature": "v1a,AAAA" }]],
    ["no base64", (one) => [one.body, { ...signed(one), "webhook-signature": "v1,%%%" }]],
    ["no headers", (one) => [one.body, {}]],
    ["no JSON either: it is not parsed", (one) => ["{{{", signed(one)]],
  ]

  test.each(cases)("%s", async (_, bent) => {
    const message = newMessage()
    const [body, headers] = bent(message)
    const answer = await send("billing", body, headers)
    expect(answer.status).toBe(401)
    const { requestId: _id, ...told } = answer.body
    expect(told).toEqual({
      type: "urn:selvage:problem:unauthenticated",
      title: "Authentication is needed",
      status: 401,
      detail: "The signature is not valid",
      code: "UNAUTHENTICATED",
    })
    expect(await made(message)).toEqual([])
  })
})

describe("a signature in one header", () => {
  test("holds as the forge's own documents say", async () => {
    // docs.github.com, "Validating webhook deliveries": the example there; `openssl dgst -hmac` gives the same.
    const published = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    const headers = { "X-Hub-Signature-256": published, "X-Delivery": crypto.randomUUID() }
    // Past the signature: what is wrong is that it is no JSON.
    expect((await send("forge", "Hello, World!", headers)).body).toMatchObject({
      status: 400,
      code: "INVALID_ARGUMENT",
    })
    expect((await send("forge", "Hello, World?", headers)).status).toBe(401)
  })

  test("in hex with an id, and in base64 without one: each once", async () => {
    const [one, two] = [newMessage(), newMessage()]
    const hex = { "X-Hub-Signature-256": `sha256=${(await hmac(one.body)).toHex()}`, "X-Delivery": one.id }
    const base64 = { "X-Shop-Hmac": (await hmac(two.body)).toBase64() }
    for (let n = 0; n < 2; n++) {
      expect((await send("forge", one.body, hex)).status).toBe(204)
      expect((await send("shop", two.body, base64)).status).toBe(204)
    }
    expect([await made(one), await made(two)].map(({ length }) => length)).toEqual([1, 1])
  })

  test("without its prefix, cut short, or without the id: 401", async () => {
    const message = newMessage()
    const hex = (await hmac(message.body)).toHex()
    for (const headers of [
      { "X-Hub-Signature-256": hex, "X-Delivery": "1" },
      { "X-Hub-Signature-256": `sha256=${hex.slice(0, -2)}`, "X-Delivery": "1" },
      { "X-Hub-Signature-256": `sha256=${hex}` },
      { "X-Delivery": "1" },
    ] as Record<string, string>[])
      expect((await send("forge", message.body, headers)).status).toBe(401)
    expect(await made(message)).toEqual([])
  })
})

describe("bounds", () => {
  test("a body beyond 1 MiB is 413 before it is verified", async () => {
    const body = "x".repeat(1024 * 1024 + 1)
    const message = { id: "msg_big", name: "", body }
    expect((await send("billing", body, signed(message))).status).toBe(413)
  })

  test("what verifies and is not what the operation takes is told to its sender, and nothing is kept of it", async () => {
    const message = { ...newMessage(), body: JSON.stringify({ name: "", userId: ada.id, more: 1 }) }
    const answer = await send("billing", message.body, signed(message))
    expect(answer.status).toBe(400)
    expect(answer.body.violations.map(({ path }: { path: string }) => path).sort()).toEqual(["/more", "/name"])
    const right = { ...message, body: JSON.stringify({ name: message.name, userId: ada.id }) }
    expect((await send("billing", right.body, signed(right))).status).toBe(204)
  })

  test("other methods are 405, other names 404, and no other door leads to the operation", async () => {
    expect([(await served.call(null, "GET /hooks/billing")).status]).toEqual([405])
    for (const line of [
      "POST /hooks/unknown",
      "POST /hooks/",
      "POST /hooks/billing/more",
      "POST /v1/rpc/customers.register",
    ])
      expect([line, (await served.call(ada, line, { body: {} })).status]).toEqual([line, 404])
  })
})
