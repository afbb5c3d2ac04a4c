/** REST with openapi-fetch: paths, parameters, bodies and answers are those of openapi.json. */
import createClient from "openapi-fetch"
import type { components, paths } from "./client/openapi.ts"

export async function addAndList(origin: string, token: string, projectId: string) {
  const api = createClient<paths>({ baseUrl: origin, headers: { Authorization: `Bearer ${token}` } })

  const made = await api.POST("/v1/tasks", {
    params: { header: { "Idempotency-Key": crypto.randomUUID() } },
    // Without it a property that there is none of would be found by the Worker, not by the compiler.
    body: { projectId, title: "Typed by OpenAPI", priority: 2 } satisfies components["schemas"]["TaskCreate"],
  })
  if (made.error) throw new Error(`${made.error.code}: ${made.error.detail}`)

  const { data, error } = await api.GET("/v1/tasks", {
    params: { query: { projectId, status: "open", "priority[gte]": 2, sort: ["-priority"], limit: 5 } },
  })
  if (error) throw new Error(`${error.code}: ${error.detail}`)
  return { id: made.data.id, titles: data.items.map((task) => task.title) }
}
