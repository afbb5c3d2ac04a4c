/** A counted list is the same list, with a count beside it. */
import { expect, test } from "vitest"
import { call } from "../support/calls.ts"
import { must, newWorkspace } from "../support/workspace.ts"

test("counting changes nothing in the records", async () => {
  const at = await newWorkspace()
  for (const title of ["One", "Two", "Three"])
    await must(at.editor, "POST /v1/tasks", { projectId: at.projectId, title })
  for (const query of [`projectId=${at.projectId}`, "sort=priority", "q=Two", "fields=title", "expand=project"]) {
    const plain = await call(at.viewer, `GET /v1/tasks?limit=2&${query}`)
    const counted = await call(at.viewer, `GET /v1/tasks?limit=2&${query}&count=true`)
    expect(counted.body.items, query).toEqual(plain.body.items)
    expect(counted.body, query).toMatchObject({ count: query === "q=Two" ? 1 : 3, countCapped: false })
  }
})
