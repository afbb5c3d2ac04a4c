/** Inbound webhooks as they are declared: what may be, what is refused at the start, and what the document says of them. */
import { describe, expect, test } from "vitest"
import { ConfigError } from "../../src/config.ts"
import { inbound, standardWebhook } from "../../src/core/inbound.ts"
import type { Operation } from "../../src/core/operation.ts"
import { signedIn } from "../../src/core/policy.ts"
import { serving } from "../support/serving.ts"
import { asIs, hooked, plain, registerCustomer, secret } from "./inbound-world.ts"

test("the document tells senders where to go, and nothing of the operation behind", async () => {
  const { body } = await serving({ BILLING_SECRET: secret, FORGE_SECRET: plain }, hooked).call(
    null,
    "GET /openapi.json",
  )
  const paths = Object.keys(body.paths).filter((path) => path.startsWith("/hooks/"))
  expect(paths).toEqual(["/hooks/billing", "/hooks/sales", "/hooks/forge", "/hooks/shop"])
  const { post } = body.paths["/hooks/forge"]
  expect(post.parameters.map(({ name }: { name: string }) => name)).toEqual(["x-hub-signature-256", "x-delivery"])
  expect(Object.keys(post.responses)).toEqual(["204", "400", "401", "413", "429"])
})

describe("what is refused at the start", () => {
  test.each([
    ["a secret that is not set", {}, /^BILLING_SECRET is not set/],
    ["no whsec_ secret", { BILLING_SECRET: "hunter2hunter2hunter2" }, /^BILLING_SECRET is not whsec_/],
    ["a secret that can be guessed", { BILLING_SECRET: secret, FORGE_SECRET: "short" }, /^FORGE_SECRET is shorter/],
  ])("%s: by its name, and never by its value", (_, change, message) => {
    const start = () => serving(change, hooked)
    expect(start).toThrow(ConfigError)
    expect(start).toThrow(message)
    expect(start).not.toThrow(/hunter2|"short"/)
  })

  const verify = standardWebhook({ secret: "BILLING_SECRET" })
  const bent = (change: Partial<Operation>): Operation => ({ ...registerCustomer, ...change })
  test.each([
    ["an operation that changes nothing", bent({ kind: "query" }), /changes nothing/],
    ["a confidential one", bent({ confidential: true }), /confidential/],
    ["one for people", bent({ credential: "session", policy: signedIn() }), /signed in/],
    ["the engine's own", bent({ engine: async () => null }), /engine/],
  ])("%s", (_, declared, message) => {
    expect(() => inbound("x", { verify, operation: declared, input: asIs })).toThrow(message)
  })

  test("names that are none, and one name twice", () => {
    expect(() => inbound("A b", { verify, operation: registerCustomer, input: asIs })).toThrow(/lower case/)
    expect(() => standardWebhook({ secret: "not a name" })).toThrow(/name of a variable/)
    const twice = { ...hooked, inbound: [...hooked.inbound, ...hooked.inbound.slice(0, 1)] }
    expect(() => serving({ BILLING_SECRET: secret, FORGE_SECRET: plain }, twice)).toThrow(/Two inbound webhooks/)
  })
})
