/** The inbox over a live connection: notifications when they come, to the person alone. */
import { env } from "cloudflare:workers"
import { expect, test } from "vitest"
import type { UserObject } from "../../src/core/user-object.ts"
import { call } from "../support/calls.ts"
import { type Connection, connect } from "../support/live.ts"
import { person, session } from "../support/people.ts"
import { must } from "../support/workspace.ts"

const told = async (connection: Connection, count: number) => {
  const of = () => connection.notices.filter(({ method }) => method === "inbox.changed").map(({ params }) => params)
  for (let turn = 0; turn < 300 && of().length < count; turn++) await scheduler.wait(10)
  return of()
}

test("each window is told what comes, once, and what was read in another one", async () => {
  const ada = await person("Ada")
  const [left, right, deaf] = [await connect(ada), await connect(await session(ada)), await connect(ada)]
  expect(await left.call("inbox.watch")).toEqual({ unread: 0 })
  await right.call("inbox.watch")
  const object = env.USER.getByName(`user/${ada.id}`) as unknown as UserObject
  const id = `notice_${crypto.randomUUID()}`
  const notification = { kind: "task.assigned", title: "A task is yours", url: "/tasks/1" }
  await object.notify(id, notification)
  await object.notify(id, notification)
  for (const one of [left, right])
    expect(await told(one, 1)).toMatchObject([{ unread: 1, notice: { id, ...notification, readAt: null } }])
  await must(await session(ada), "POST /v1/inbox/read", {})
  expect((await told(left, 2))[1]).toMatchObject({ unread: 0, notice: null })
  await right.call("inbox.stop")
  await object.notify(`notice_${crypto.randomUUID()}`, notification)
  expect(await told(left, 3)).toHaveLength(3)
  expect(await told(right, 2)).toHaveLength(2)
  expect(deaf.notices).toEqual([])
  // Told is not seen: a letter still goes out for what nobody looks at.
  expect((await call(ada, "GET /v1/inbox?unread=true")).body).toMatchObject({ unread: 1 })
})

test("a key has no inbox on its connection, and nobody has one", async () => {
  const ada = await person("Ada")
  const { key } = (await must(ada, "POST /v1/api-keys", { name: "A program", scopes: ["inbox:read"] })) as never as {
    key: string
  }
  await expect((await connect({ token: key })).call("inbox.watch")).rejects.toMatchObject({ code: -32009 })
  await expect((await connect(null)).call("inbox.watch")).rejects.toMatchObject({ code: -32016 })
})
