/** A few records and people for the tests of reading: two tenants, three tasks, thirty comments. */

import type { Selection } from "../../src/core/plan.ts"
import type { Principal } from "../../src/core/principal.ts"
import { at, by, createTables, idOf, insert, open, user, world } from "./reads-fixture.ts"

export const ada = user(1)
export const bob = user(2)
export const eve = user(3)
export const admin = user(9, { roles: ["admin"] })
export const models = world()
export const allFields = [...(models.get("tasks")?.columns.keys() ?? [])]
export const task1 = idOf("task", 1)

export const tasks = [
  {
    id: task1,
    organizationId: idOf("org", 1),
    projectId: idOf("project", 1),
    assigneeId: bob.id,
    title: "Write the 50% plan",
    body: "naïve straße",
    status: "open",
    priority: 3,
    estimate: 0.1,
    big: "9007199254740993",
    done: 1,
    dueAt: at(5),
    labels: '{"a":[1,null,"x"]}',
    internalNote: "secret plan",
    assigneeNote: "for bob",
    pin: "1234",
    createdAt: at(1),
  },
  {
    id: idOf("task", 2),
    organizationId: idOf("org", 1),
    projectId: idOf("project", 1),
    title: "Nothing",
    status: "open",
    done: 0,
    createdAt: at(2),
  },
  {
    id: idOf("task", 3),
    organizationId: idOf("org", 2),
    projectId: idOf("project", 2),
    title: "Other \u{1F600} tenant",
    status: "open",
    done: 0,
    priority: 5,
    big: "-9223372036854775808",
    createdAt: at(3),
  },
]

/** Fills the tables with them. */
export async function fillTables(): Promise<void> {
  await createTables()
  await insert(
    "organizations",
    [1, 2].map((n) => ({ id: idOf("org", n), name: `org ${n}` })),
  )
  await insert(
    "projects",
    [1, 2].map((n) => ({ id: idOf("project", n), organizationId: idOf("org", n), name: `project ${n}` })),
  )
  await insert("members", [
    {
      id: idOf("member", 1),
      organizationId: idOf("org", 1),
      projectId: idOf("project", 1),
      userId: ada.id,
      role: "viewer",
    },
  ])
  await insert("tasks", tasks)
  await insert("shares", [{ id: idOf("share", 1), taskId: idOf("task", 3), userId: bob.id, level: "view" }])
  await insert(
    "comments",
    Array.from({ length: 30 }, (_, n) => ({
      id: idOf("comment", n),
      taskId: task1,
      authorId: ada.id,
      text: `comment ${n}`,
      hidden: n % 3 === 0 ? 1 : 0,
      createdAt: at(n),
    })),
  )
  await insert("wide", [
    { id: idOf("wide", 1), taskId: task1, ...Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`c${n}`, n])) },
  ])
}

/** A task as the principal gets it, and what that cost. */
export const get = (principal: Principal, id: string, more: Partial<Selection> = {}) => {
  const { reader, client } = open(models)
  return reader
    .get({ kind: "get", resource: "tasks", id, fields: allFields, expand: {}, ...more }, by(principal))
    .then((row) => ({ row, cost: client.cost }))
}
