/** The inbox inside a user's object: what is kept, seen and read, and that it does not grow. */
import { expect, test } from "vitest"
import type { InboxPage, Notice } from "../../src/core/inbox.ts"
import { day, minute, newWorld, type World } from "./fixture.ts"

const id = (n: number) => `notice_${String(n).padStart(26, "0")}`
const assigned = { kind: "task.assigned", title: "A task is yours" }

async function page(world: World, options: Partial<Parameters<World["user"]["listNotices"]>[0]> = {}) {
  return (await world.user.listNotices({ limit: 10, before: null, unread: false, ...options })) as InboxPage
}

async function unseen(world: World, n: number): Promise<Notice | null> {
  return ((await world.user.unseenNotice(id(n))) as { notice: Notice | null }).notice
}

test("a notification is kept once, however often it is brought, and listed newest first", async () => {
  const world = await newWorld()
  await world.user.notify(id(1), { ...assigned, body: "By Ada", url: "/tasks/1", data: { task: "1" } })
  world.pass(minute)
  await world.user.notify(id(2), { ...assigned, title: "Another" })
  await world.user.notify(id(1), { ...assigned, title: "Changed on the way" })
  expect((await page(world)).items).toEqual([
    {
      id: id(2),
      at: world.now(),
      kind: "task.assigned",
      title: "Another",
      body: null,
      url: null,
      data: null,
      readAt: null,
    },
    {
      id: id(1),
      at: world.now() - minute,
      kind: "task.assigned",
      title: "A task is yours",
      body: "By Ada",
      url: "/tasks/1",
      data: { task: "1" },
      readAt: null,
    },
  ])
})

test("pages follow one another without gap or repetition", async () => {
  const world = await newWorld()
  for (let n = 1; n <= 5; n++) await world.user.notify(id(n), assigned)
  const first = await page(world, { limit: 2 })
  const second = await page(world, { limit: 2, before: first.next })
  const third = await page(world, { limit: 2, before: second.next })
  expect([first, second, third].map(({ items }) => items.map((one) => one.id))).toEqual([
    [id(5), id(4)],
    [id(3), id(2)],
    [id(1)],
  ])
  expect(third.next).toBeNull()
})

test("reading marks what is named, or all, once; the unread are counted", async () => {
  const world = await newWorld()
  for (let n = 1; n <= 3; n++) await world.user.notify(id(n), assigned)
  expect(await world.user.markRead([id(2), id(9)])).toEqual({ read: 1 })
  expect(await world.user.markRead([id(2)])).toEqual({ read: 0 })
  expect(await page(world, { unread: true })).toMatchObject({ unread: 2, items: [{ id: id(3) }, { id: id(1) }] })
  expect(await world.user.markRead("all")).toEqual({ read: 2 })
  expect((await page(world)).unread).toBe(0)
})

test("what was listed or read is seen; what was not is for a letter, unless its owner wants none", async () => {
  const world = await newWorld()
  await world.user.notify(id(1), assigned)
  expect(await unseen(world, 1)).toMatchObject({ title: "A task is yours" })
  await page(world)
  expect(await unseen(world, 1)).toBeNull()
  await world.user.notify(id(2), assigned)
  await world.user.markRead([id(2)])
  expect(await unseen(world, 2)).toBeNull()
  expect(await unseen(world, 7)).toBeNull()
  await world.user.notify(id(3), assigned)
  await world.user.setPreference("inbox.mail", "never")
  expect(await unseen(world, 3)).toBeNull()
  await world.user.setPreference("inbox.mail", "unseen")
  expect(await unseen(world, 3)).toMatchObject({ id: id(3) })
})

test("the newest five hundred stay, and nothing stays longer than half a year; a copy of everything holds them", async () => {
  const world = await newWorld()
  for (let n = 1; n <= 502; n++) await world.user.notify(id(n), assigned)
  const kept = await world.rows('select count(*) "count", min("id") "oldest" from "notices"')
  expect(kept).toEqual([{ count: 500, oldest: id(3) }])
  const copy = await world.user.exportAll()
  expect("inbox" in copy && copy.inbox.length).toBe(500)
  world.pass(181 * day)
  await world.alarm()
  expect(await world.rows('select 1 from "notices"')).toEqual([])
})
