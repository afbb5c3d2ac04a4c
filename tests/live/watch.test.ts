/** Live queries over WebSocket: what there is, then every change, judged for whoever watches. */
import { expect, test } from "vitest"
import { call } from "../support/calls.ts"
import { watching } from "../support/live.ts"
import { must, newWorkspace } from "../support/workspace.ts"

test("a watcher is told what there is, and then every change", async () => {
  const place = await newWorkspace()
  const { organizationId, projectId, owner, viewer } = place
  const first = await must(owner, "POST /v1/tasks", { projectId, title: "First" })
  const watch = await watching(viewer, "tasks.watch", { filter: { organizationId } })
  expect([...watch.records.keys()]).toEqual([first.id])
  expect(watch.words).toEqual(["reset start", `changed ${first.id}`, "ready"])
  const second = await must(owner, "POST /v1/tasks", { projectId, title: "Second" })
  await watch.until(({ records }) => records.has(second.id))
  await must(owner, `PATCH /v1/tasks/${first.id}`, { title: "Changed" })
  await watch.until(({ records }) => records.get(first.id)?.title === "Changed")
  const { body } = await call(viewer, `GET /v1/tasks/${first.id}`)
  expect(watch.records.get(first.id)).toEqual(body)
  expect(watch.records.get(first.id)).not.toHaveProperty("internalNote")
  await call(owner, `DELETE /v1/tasks/${second.id}`)
  await watch.until(({ records }) => !records.has(second.id))
  expect(watch.words.slice(3)).toEqual([`changed ${second.id}`, `changed ${first.id}`, `removed ${second.id}`])
  expect(watch.faults).toEqual([])
})
