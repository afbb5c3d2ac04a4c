/** What decides who sees what changes under a watch: it is told before anything is judged by it, and what cannot be told stops what would be. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { afterEach, expect, test } from "vitest"
import { organizationTable } from "../../src/app/organizations.ts"
import { serve } from "../../src/app.ts"
import type { LiveObject, TopicObject } from "../../src/core/live-object.ts"
import { anyone, nobody } from "../../src/core/policy.ts"
import { app, resource } from "../../src/core/registry.ts"
import type { FeedPorts } from "../../src/feed/object.ts"
import { topicsReader } from "../../src/feed/topics.ts"
import { anonymousStreamsObjectName } from "../../src/server/keys.ts"
import { administrator } from "../support/administrators.ts"
import { type Connection, tryConnect, watch, watching } from "../support/live.ts"
import { person, session } from "../support/people.ts"
import { runtime } from "../support/runtime.ts"
import { must, newWorkspace, type Workspace } from "../support/workspace.ts"

const inOrganization = ({ organizationId }: Workspace) => ({ filter: { organizationId } })

/** The membership of somebody in the project. */
async function placeOf({ owner }: Workspace, { id }: { readonly id: string }): Promise<string> {
  const { items } = (await must(owner, "GET /v1/project_members")) as unknown as {
    items: { id: string; userId: string }[]
  }
  return items.find(({ userId }) => userId === id)?.id ?? ""
}

let undo: (() => Promise<void>) | null = null
afterEach(async () => {
  await undo?.()
  undo = null
})

/** A feed that cannot tell some object of facts. */
async function deafTo(object: string): Promise<() => void> {
  const feed = env.FEED.getByName("feed")
  let isDeaf = true
  const live = (name: string) =>
    ({
      factsChanged: async (sequence: number) => {
        if (isDeaf && name === object) throw new Error("it does not answer")
        await (env.USER.getByName(name) as unknown as LiveObject).factsChanged(sequence)
      },
    }) as LiveObject
  await runInDurableObject(feed, (instance) => {
    const held = instance as unknown as { ports(): FeedPorts }
    const real = held.ports()
    const { registry } = serve(reference, env as never, runtime())
    const topic = (name: string) => env.TOPIC.getByName(name) as unknown as TopicObject
    const reader = topicsReader({ models: () => registry.models, topic, live, observe: real.observe, now: real.now })
    held.ports = () => ({ ...real, readers: [...real.readers.filter(({ name }) => name !== "topics"), reader] })
    undo = () =>
      runInDurableObject(feed, () => {
        held.ports = () => real
      })
  })
  return () => {
    isDeaf = false
  }
}

const { default: reference } = await import("../../src/app/index.ts")

test("an object that cannot be told of the end of a right is told no rows, until it knows", async () => {
  const place = await newWorkspace()
  const { owner, viewer, editor, projectId } = place
  const lost = await watching(viewer, "tasks.watch", inOrganization(place))
  const kept = await watching(editor, "tasks.watch", inOrganization(place))
  const hear = await deafTo(`user/${viewer.id}`)
  await must(owner, `DELETE /v1/project_members/${await placeOf(place, viewer)}`)
  const task = await must(owner, "POST /v1/tasks", { projectId, title: "Not for the viewer" })
  await kept.until(({ records }) => records.has(task.id), "the editor's")
  hear()
  await must(owner, `PATCH /v1/tasks/${task.id}`, { title: "Not for the viewer either" })
  await lost.until(({ words }) => words.at(-1) === "ready" && words.length > 2, "the list anew")
  expect(lost.records.size).toBe(0)
  expect(JSON.stringify(lost.connection.notices)).not.toContain("Not for the viewer")
})

test("a role that is given shows what it opens, and its end hides it again, on a connection that stays", async () => {
  const admin = await administrator()
  const ada = await person("Ada")
  const { id: organizationId } = await must(ada, "POST /v1/organizations", { name: "Acme" })
  const { id: projectId } = await must(ada, "POST /v1/projects", { organizationId, name: "Launch" })
  const task = await must(ada, "POST /v1/tasks", { projectId, title: "Noted" })
  const note = async (text: string) =>
    env.DB.prepare('update "tasks" set "internalNote" = ? where "id" = ?').bind(text, task.id).run()
  await note("inside")
  const kept = await watching(ada, "tasks.watch", { filter: { organizationId } })
  expect(kept.records.get(task.id)).not.toHaveProperty("internalNote")
  const setRoles = (roles: string[]) => must(admin, `PUT /v1/users/${ada.id}/roles`, { roles })
  await setRoles(["admin"])
  await kept.until(({ records }) => records.get(task.id)?.internalNote === "inside", "the note")
  await setRoles([])
  await kept.until(({ records, cursor }) => cursor !== null && !("internalNote" in (records.get(task.id) ?? {})))
  // Tokens of before end with the roles that they name; the connection does not.
  await must(await session(ada), `PATCH /v1/tasks/${task.id}`, { title: "Changed" })
  await kept.until(({ records }) => records.get(task.id)?.title === "Changed")
  expect(kept.records.get(task.id)).not.toHaveProperty("internalNote")
})

test("an object that was asleep when a right ended judges by what holds now", async () => {
  const place = await newWorkspace()
  const { owner, viewer, projectId } = place
  const kept = await watching(viewer, "tasks.watch", inOrganization(place))
  await evictDurableObject(env.USER.getByName(`user/${viewer.id}`))
  await must(owner, `DELETE /v1/project_members/${await placeOf(place, viewer)}`)
  const task = await must(owner, "POST /v1/tasks", { projectId, title: "Not for the viewer" })
  await must(owner, "POST /v1/shares", { taskId: task.id, userId: viewer.id })
  await kept.until(({ records }) => records.has(task.id), "the share")
  const told = kept.connection.notices.filter(({ params }) => params.record?.id === task.id)
  const shared = await env.DB.prepare(
    `select "sequence" from "events" where "resource" = 'shares' order by "sequence" desc limit 1`,
  ).first<number>("sequence")
  expect(told.every(({ params }) => params.sequence >= (shared ?? 0))).toBe(true)
})

test("a personal value is told to who may see it, and stands in no event", async () => {
  const place = await newWorkspace()
  const kept = await watching(place.owner, "invitations.watch", inOrganization(place))
  const email = `guest-${crypto.randomUUID()}@example.com`
  const made = await must(place.owner, "POST /v1/invitations", {
    organizationId: place.organizationId,
    email,
    role: "member",
  })
  await kept.until(({ records }) => records.has(made.id))
  expect(kept.records.get(made.id)).toMatchObject({ email, status: "pending" })
  expect(kept.records.get(made.id)).not.toHaveProperty("secretHash")
  const logged = await env.DB.prepare('select group_concat("after") as "all" from "events" where "record" = ?')
    .bind(made.id)
    .first<string>("all")
  expect(logged).not.toContain(email)
  await expect(
    kept.connection.call("invitations.watch", { filter: { organizationId: place.organizationId, email } }),
  ).rejects.toMatchObject({ code: -32602, data: { violations: [{ path: "/filter/email", code: "not_watchable" }] } })
})

test("nobody in particular watches what anyone may read", async () => {
  const place = await newWorkspace()
  const open = resource("organizations", {
    table: organizationTable,
    tenant: "id",
    policy: { read: anyone(), create: nobody(), update: nobody(), delete: nobody() },
  })
  const served = serve(app({ title: "Open", resources: [open] }), env as never, runtime())
  const stubs = Array.from({ length: 16 }, (_, shard) => env.USER.getByName(anonymousStreamsObjectName(shard)))
  for (const stub of stubs)
    await runInDurableObject(stub, (instance) => {
      const object = instance as unknown as { live: unknown }
      object.live = () => served.live
    })
  undo = async () => {
    for (const stub of stubs) await evictDurableObject(stub)
  }
  const kept = await watch((await tryConnect(null, {}, served.fetch)) as Connection, "organizations.watch", {
    id: place.organizationId,
  })
  await kept.until(({ records }) => records.has(place.organizationId))
  await must(place.owner, `PATCH /v1/organizations/${place.organizationId}`, { name: "Acme and sons" })
  await kept.until(({ records }) => records.get(place.organizationId)?.name === "Acme and sons")
  expect(kept.faults).toEqual([])
  kept.connection.close()
})
