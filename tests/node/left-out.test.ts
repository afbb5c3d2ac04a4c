/** A door that is left out at the build (`[define]` of wrangler.toml): its code is not uploaded, its address is nobody's, and the others serve. */
import { readFileSync } from "node:fs"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type Built, startBuilt } from "./built.ts"

let built: Built
beforeAll(async () => {
  built = await startBuilt(
    (PUBLIC_URL) => ({ PUBLIC_URL }),
    ...["--define", "WITHOUT_GRAPHQL:true", "--define", "WITHOUT_SOAP:true"],
  )
})
afterAll(() => built.stop())

const post = (path: string, type: string, body: string) =>
  fetch(new URL(path, built.origin), { method: "POST", headers: { "Content-Type": type }, body })

test("what they alone need is not in the bundle; what the others need is", () => {
  const text = readFileSync(built.bundle, "utf8")
  // Words of graphql-js, of the envelope's namespace, of the MCP SDK and of connect.
  const words = [
    "Cannot query field",
    "http://www.w3.org/2003/05/soap-envelope",
    "notifications/initialized",
    "google.rpc.ErrorInfo",
  ]
  expect(words.filter((word) => text.includes(word))).toEqual(words.slice(2))
})

test.each([
  ["/graphql", "application/json", '{"query":"{ __typename }"}'],
  ["/soap", "text/xml", "<e/>"],
])("nothing stands at %s", async (path, type, body) => {
  const answer = await post(path, type, body)
  expect([answer.status, (await answer.json()) as object]).toMatchObject([404, { code: "NOT_FOUND" }])
})

test("the doors that are left serve", async () => {
  expect((await post("/mcp", "application/json", "{}")).status).toBe(401)
  const refused = await post("/workspace.v1.TasksService/GetTask", "application/json", "{}")
  expect(await refused.json()).toMatchObject({ code: "invalid_argument" })
  expect((await fetch(new URL("/health/live", built.origin))).status).toBe(200)
})
