/** GraphiQL and introspection: in development, and elsewhere only where they are switched on. */
import { expect, test } from "vitest"
import { production } from "../support/runtime.ts"
import { serving } from "../support/serving.ts"

const introspect = "{ __schema { queryType { name } } }"

/** What a browser and a tool get of an installation. */
async function told(env: object) {
  const { fetch } = serving(env)
  const page = await fetch(
    new Request("https://selvage.test/graphql", { headers: { Accept: "text/html,application/xhtml+xml,*/*;q=0.8" } }),
  )
  const headers = { "Content-Type": "application/json" }
  const body = JSON.stringify({ query: introspect })
  const answer = await fetch(new Request("https://selvage.test/graphql", { method: "POST", headers, body }))
  const { data = null } = (await answer.json()) as { data?: { __schema: object } }
  const text = await page.text()
  return {
    isPage: text.includes("graphiql.js"),
    type: page.headers.get("Content-Type"),
    schema: data?.__schema ?? null,
  }
}

const schema = { queryType: { name: "Query" } }

test("development has both", async () => {
  expect(await told({})).toEqual({ isPage: true, type: "text/html; charset=utf-8", schema })
})

test("production has neither: a browser gets the answer of any other caller", async () => {
  const { isPage, type, schema: found } = await told(production().env)
  expect([isPage, type, found]).toEqual([false, "application/json; charset=utf-8", null])
})

test("both can be switched on there, and off in development", async () => {
  expect(await told(production({ GRAPHQL_INTROSPECTION: "on" }).env)).toMatchObject({ isPage: true, schema })
  expect(await told({ GRAPHQL_INTROSPECTION: "off" })).toMatchObject({ isPage: false, schema: null })
  expect(() => serving({ GRAPHQL_INTROSPECTION: "yes" })).toThrow(/GRAPHQL_INTROSPECTION is "on" or "off"/)
})

test("the page may run scripts of its own origin alone", async () => {
  const request = new Request("https://selvage.test/graphql", { headers: { Accept: "text/html" } })
  const answer = await serving({}).fetch(request)
  const policy = answer.headers.get("Content-Security-Policy") ?? ""
  expect(policy.split("; ")).toEqual(
    expect.arrayContaining(["default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"]),
  )
  expect(await answer.text()).not.toMatch(/<script>|https?:\/\//)
})
