/** Whoever writes reads what they wrote, also where a replica has not heard of it: the bookmark says how new a read must be. */
import { describe, expect, test } from "vitest"
import { call } from "../support/calls.ts"
import { watching } from "../support/live.ts"
import { withLaggingReplica } from "../support/replica.ts"
import { serving } from "../support/serving.ts"
import { must, newWorkspace } from "../support/workspace.ts"

async function world() {
  const place = await newWorkspace()
  const task = await must(place.owner, "POST /v1/tasks", { projectId: place.projectId, title: "Before" })
  const replicated = await withLaggingReplica("tasks")
  const served = serving(replicated.change)
  // Which organizations a caller belongs to is read once in a while by an isolate, from the primary: budgets go by it.
  await served.call(place.owner, "GET /v1/tasks?limit=1")
  replicated.opened.length = 0
  return { ...place, task, line: `/v1/tasks/${task.id}`, opened: replicated.opened, served }
}
const bookmarkOf = (answer: { headers: Headers }) => answer.headers.get("X-Selvage-Bookmark") ?? "none"

describe("REST, beside a replica that stands still", () => {
  test("a read goes to the replica, a write to the primary", async () => {
    const { served, owner, line, opened } = await world()
    expect((await served.call(owner, `GET ${line}`)).body.title).toBe("Before")
    await served.call(owner, `PATCH ${line}`, { body: { title: "After" } })
    expect(opened).toEqual(["replica", "primary"])
  })
  test("a read with the bookmark of the write sees the write; one without may see what was before", async () => {
    const { served, owner, line } = await world()
    const written = await served.call(owner, `PATCH ${line}`, { body: { title: "After" } })
    const headers = { "X-Selvage-Bookmark": bookmarkOf(written) }
    expect((await served.call(owner, `GET ${line}`, { headers })).body.title).toBe("After")
    expect((await served.call(owner, `GET ${line}`)).body.title).toBe("Before")
  })
  test("the bookmark is worth the same in another's hands: a message behind a write may carry it", async () => {
    const { served, owner, editor, line } = await world()
    const written = await served.call(owner, `PATCH ${line}`, { body: { title: "After" } })
    const headers = { "X-Selvage-Bookmark": bookmarkOf(written) }
    expect((await served.call(editor, `GET ${line}`, { headers })).body.title).toBe("After")
  })
  test("a list, an aggregate and an expansion are reads like any other", async () => {
    const { served, owner, projectId, opened } = await world()
    const written = await served.call(owner, "POST /v1/tasks", { body: { projectId, title: "New" } })
    opened.length = 0
    const headers = { "X-Selvage-Bookmark": bookmarkOf(written) }
    const titles = async (more: object) =>
      (await served.call(owner, `GET /v1/tasks?projectId=${projectId}`, more)).body.items.map(
        (one: { title: string }) => one.title,
      )
    expect(await titles({ headers })).toEqual(["New", "Before"])
    expect(await titles({})).toEqual(["Before"])
    const counted = await served.call(owner, `GET /v1/tasks/aggregate?count=true&projectId=${projectId}`, { headers })
    expect(counted.body.groups).toEqual([{ count: 2 }])
    expect(opened).toEqual(["primary", "replica", "primary"])
  })
  test("what a read answers is a bookmark too: what was seen once does not go back", async () => {
    const { served, owner, line } = await world()
    const written = await served.call(owner, `PATCH ${line}`, { body: { title: "After" } })
    const seen = await served.call(owner, `GET ${line}`, { headers: { "X-Selvage-Bookmark": bookmarkOf(written) } })
    const again = await served.call(owner, `GET ${line}`, { headers: { "X-Selvage-Bookmark": bookmarkOf(seen) } })
    expect([seen.body.title, again.body.title]).toEqual(["After", "After"])
  })
  test("text that is no bookmark is refused at its place and nothing is read", async () => {
    const { served, owner, line, opened } = await world()
    const answer = await served.call(owner, `GET ${line}`, { headers: { "X-Selvage-Bookmark": "first-unconstrained" } })
    expect([answer.status, answer.body.violations[0].path]).toEqual([400, "/bookmark"])
    expect(opened).toEqual([])
  })
})

test("the socket: a watch that is opened behind a write shows it, without a bookmark", async () => {
  const { owner, projectId, organizationId } = await newWorkspace()
  const task = await must(owner, "POST /v1/tasks", { projectId, title: "Written" })
  const watcher = await watching(owner, "tasks.watch", { filter: { organizationId } })
  expect([...watcher.records.keys()]).toEqual([task.id])
  expect((await call(owner, `GET /v1/tasks/${task.id}`)).body.title).toBe("Written")
})
