/** The document lists what answers, and nothing else answers. */

import { env } from "cloudflare:workers"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { openApiDocument } from "../../src/api/rest/openapi.ts"
import { placesOf } from "../../src/api/rest/routes.ts"
import application from "../../src/app/index.ts"
import { registryOf } from "../../src/app.ts"
import { administrator } from "../support/administrators.ts"
import { call } from "../support/calls.ts"
import { production } from "../support/runtime.ts"
import { serving } from "../support/serving.ts"

const seed = Number((env as { SEED?: string }).SEED ?? 20261121)
const registry = registryOf(application, { development: true })
const live = placesOf(registry).flatMap(({ path, routes }) => [...routes.keys()].map((method) => `${method} ${path}`))

/** Beside the operations; README.md and /docs tell of them. */
const pages = [
  "/",
  "/docs",
  "/openapi.json",
  "/asyncapi.json",
  "/health/live",
  "/health/ready",
  "/.well-known/jwks.json",
  "/dev/mailbox",
  "/dev/mailbox.json",
]

/** Takes nothing, of nobody: a challenge is for whoever asks. */
const asked = ["POST /v1/auth/passkey"]

function described(document: { paths: Record<string, object> }): string[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
}

describe("checklist 43: the document lists every live route and its version", () => {
  test("what is served is described, and what is described is served", async () => {
    const { body } = await call(null, "GET /openapi.json")
    expect(live.length).toBeGreaterThan(70)
    const missing = live.filter((line) => !described(body).includes(line))
    expect(missing).toEqual([])
    const extra = described(body).filter((line) => !live.includes(line))
    expect(extra.filter((line) => !pages.includes(line.replace("GET ", "")))).toEqual([])
    expect(body.info.version).toBe(registry.version)
    for (const line of live) expect(line).toMatch(/^[A-Z]+ \/v1\//)
    expect(described(openApiDocument(registry) as never).sort()).toEqual(described(body).sort())
  })

  test("each of them answers: with the method it is a refusal or a fault of the input, with another 405", async () => {
    for (const line of live) {
      const [method = "", path = ""] = line.replace("{id}", "user_01kb5t8q3cf4n9r7x2m6w0zyad").split(" ")
      const answer = await call(null, `${method} ${path}`, method === "GET" || method === "DELETE" ? {} : { body: {} })
      expect(
        [line, asked.includes(line) || [400, 401, 403].includes(answer.status)],
        JSON.stringify(answer.body),
      ).toEqual([line, true])
    }
    for (const { path, allow } of placesOf(registry)) {
      const other = ["GET", "POST", "PUT", "PATCH", "DELETE"].find((method) => !allow.includes(method))
      if (other === undefined) continue
      const answer = await call(null, `${other} ${path.replace("{id}", "user_01kb5t8q3cf4n9r7x2m6w0zyad")}`)
      expect([path, answer.status]).toEqual([path, 405])
      expect(answer.headers.get("Allow")).toBe(allow.join(", "))
    }
  })
})

describe("checklist 43: nothing else answers", () => {
  const guesses = [
    "/v1",
    "/v1/",
    "/v2/tasks",
    "/tasks",
    "/v1/events/1",
    "/v1/log",
    "/v1/history",
    "/v1/outbox",
    "/v1/signing_keys",
    "/v1/setup_codes",
    "/v1/idempotency",
    "/v1/guard",
    "/v1/api_keys",
    "/v1/hub",
    "/v1/me/sessions",
    "/v1/users/me",
    "/v1/users/user_01kb5t8q3cf4n9r7x2m6w0zyad/passwordSealed",
    "/v1/users/user_01kb5t8q3cf4n9r7x2m6w0zyad/enable/now",
    "/v1/rpc/tasks.list",
    "/v1/rpc/users.disable",
    "/v1/auth",
    "/v1/auth/sign-in/",
    "/V1/tasks",
    "/v1//tasks",
    "/admin",
    "/metrics",
    "/debug",
    "/.env",
    "/.git/config",
    "/wrangler.toml",
    "/src/index.ts",
    "/graphql2",
    "/soap2",
    "/.well-known/openid-configuration",
    "/health",
    "/dev",
    "/dev/mailbox/1",
    "/__scheduled",
    "/cdn-cgi/mf/scheduled",
  ]

  test("guessed addresses are 404 for nobody and for an administrator, in one shape", async () => {
    const root = await administrator()
    for (const path of guesses)
      for (const actor of [null, root]) {
        const answer = await call(actor, `GET ${path}`)
        // An id that is none is a fault of the input of a route that there is.
        const isId = path === "/v1/users/me"
        expect([path, answer.status]).toEqual([path, isId ? 400 : 404])
        // Where pages stand, people are told in HTML.
        const isPage = path.startsWith("/dev")
        expect(answer.headers.get("Content-Type"), path).toContain(isPage ? "text/html" : "application/problem+json")
      }
  })

  test("the pages of development are not there in production", async () => {
    const isolate = serving(production().env as object)
    for (const path of ["/dev/mailbox", "/dev/mailbox.json"])
      expect((await isolate.call(null, `GET ${path}`)).status, path).toBe(404)
    expect((await isolate.call(null, "GET /openapi.json")).status).toBe(200)
  })

  test(`paths made of the words of real ones (SEED=${seed})`, async () => {
    const words = [
      ...new Set([...live, ...pages].flatMap((line) => line.split(/[ /]/)).filter((word) => /^[a-z._-]+$/i.test(word))),
    ]
    const patterns = [...live.map((line) => line.split(" ")[1] ?? ""), ...pages].map(
      (path) => new RegExp(`^${path.replaceAll(".", "\\.").replaceAll("{id}", "[^/]+")}$`),
    )
    const segment = fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom("v1", ...words) },
      { weight: 1, arbitrary: fc.constantFrom("v0", "..;", "%2e%2e", "*", ":id", "{id}") },
    )
    // As a client sends it: dots are resolved before anything leaves.
    const sent = (parts: readonly string[]) => new URL(`https://selvage.test/${parts.join("/")}`).pathname
    const path = fc.array(segment, { minLength: 1, maxLength: 5 }).map(sent)
    await fc.assert(
      fc.asyncProperty(path, async (text) => {
        fc.pre(!patterns.some((pattern) => pattern.test(text)) && !text.startsWith("/_docs"))
        const { status } = await call(null, `GET ${text}`)
        expect([text, status]).toEqual([text, 404])
      }),
      { seed, numRuns: 300 },
    )
  })
})
