/** A policy may ask for two factors: an organization that requires them shows nothing to a session with one, nor to a key. */
import { all, compare, mine } from "selvage"
import { expect, test } from "vitest"
import application from "../../src/app/index.ts"
import { projects } from "../../src/app/projects.ts"
import { newNetwork, person, session } from "../support/people.ts"
import { withApp } from "../support/second-factors.ts"
import { serving } from "../support/serving.ts"

test('compare("requiredAcr", "lte", mine("acr")) on real rows', async () => {
  // The project's name stands for the column in which an organization would say what it requires.
  const read = all(projects.policy.read, compare("name", "lte", mine("acr")))
  const guarded = { ...projects, policy: { ...projects.policy, read } }
  const resources = application.resources.map((one) => (one.name === "projects" ? (guarded as never) : one))
  const isolate = serving({}, { ...application, resources })
  const ada = await person("Ada")
  const made = async (line: string, body: object) => (await isolate.call(ada, line, { body })).body.id
  const organizationId = await made("POST /v1/organizations", { name: "Guarded" })
  for (const name of ["aal1", "aal2"]) await made("POST /v1/projects", { organizationId, name })
  const key = (await isolate.call(ada, "POST /v1/api-keys", { body: { name: "Key", scopes: ["*:read"] } })).body.key
  const seen = async (token: string) => {
    const { body } = await isolate.call({ token }, `GET /v1/projects?organizationId=${organizationId}`)
    return body.items.map(({ name }: { name: string }) => name).sort()
  }
  expect(await seen(ada.token)).toEqual(["aal1"])
  // A key has no such fact, and what is unknown never grants.
  expect((await isolate.call({ token: key }, `GET /v1/projects?organizationId=${organizationId}`)).status).toBe(403)
  const again = await session({ ...ada, headers: { "CF-Connecting-IP": newNetwork() } })
  const safe = await withApp(again, isolate.call)
  expect(await seen(safe.token)).toEqual(["aal1", "aal2"])
})
