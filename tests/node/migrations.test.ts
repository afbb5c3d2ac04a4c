/** Migrations on a database that holds rows: what drizzle-kit writes, completed, run by D1 in one batch as wrangler runs it. */
import { integer, type SQLiteTable, sqliteTable, text } from "drizzle-orm/sqlite-core"
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { applyMigrations } from "../../scripts/database.ts"
import { resources as appResources, declaredTables } from "../../scripts/declared.ts"
import { drift } from "../../src/database/drift.ts"
import { breakpoint, statementsOf } from "../../src/database/migrations.ts"
import { eventTable, guardTable, logSegmentTable } from "../../src/database/schema.ts"
import { Workshop } from "./workshop.ts"

const workshop = new Workshop()
beforeAll(() => workshop.open())
afterAll(() => workshop.close())

/** A small copy of the app's shape: a parent, a searched table that refers to it and to itself, and its children. */
function tablesBefore() {
  const projects = sqliteTable("projects", {
    rowKey: integer("row_key").primaryKey(),
    id: text().notNull().unique(),
    kind: text(),
  })
  const tasks = sqliteTable("tasks", {
    rowKey: integer("row_key").primaryKey(),
    id: text().notNull().unique(),
    projectId: text()
      .notNull()
      .references(() => projects.id),
    parentId: text(),
    title: text().notNull(),
    body: text(),
    estimate: text(),
  })
  const comments = sqliteTable("comments", {
    id: text().primaryKey(),
    taskId: text()
      .notNull()
      .references(() => tasks.id),
    projectId: text().references(() => projects.id),
  })
  return { projects, tasks, comments, events: eventTable, guard: guardTable, log_segments: logSegmentTable }
}

type Tables = ReturnType<typeof tablesBefore> & Record<string, SQLiteTable>
const counts = { projects: 20, tasks: 200, comments: 500, events: 50 }

/** The database before the change, with rows in every table. */
async function fill(search: string[] = ["title", "body"]): Promise<Tables> {
  const tables = tablesBefore()
  await workshop.begin(tables, [{ table: tables.tasks, search }])
  const rows = (n: number) => `with recursive n(i) as (select 0 union all select i + 1 from n where i < ${n - 1})`
  await workshop.run([
    `insert into projects (id, kind) ${rows(counts.projects)} select 'p' || i, iif(i % 2, 'a', 'b') from n`,
    `insert into tasks (row_key, id, projectId, parentId, title, body) ${rows(counts.tasks)}
       select 1000 + i * 3, 't' || i, 'p' || (i % ${counts.projects}), 't' || (i / 2), 'título ' || i, 'body' || i from n`,
    `insert into comments (id, taskId, projectId) ${rows(counts.comments)}
       select 'c' || i, 't' || (i % ${counts.tasks}), 'p' || (i % ${counts.projects}) from n`,
    `insert into events (id, at, actor, operation, resource, record, change, changed, requestId) ${rows(counts.events)}
       select 'e' || i, '2026', 'u', 'o', 'r', 'x', 'created', '[]', 'q' from n`,
  ])
  return tables
}

async function expectNothingLost(): Promise<void> {
  for (const [table, count] of Object.entries(counts)) {
    expect(await workshop.rows(`select count(*) n from ${table}`), table).toEqual([{ n: count }])
  }
  expect(await workshop.rows("pragma foreign_key_check")).toEqual([])
}

async function found(words: string): Promise<unknown[]> {
  const rows = await workshop.rows(
    `select tasks.id from tasks_search join tasks on tasks.row_key = tasks_search.rowid where tasks_search match '${words}' order by 1`,
  )
  return rows.map((row) => row.id)
}

describe("a change that rebuilds a table", () => {
  let before: Tables
  beforeEach(async () => {
    before = await fill()
  })

  test("that others refer to keeps its rows and theirs", async () => {
    const projects = sqliteTable("projects", {
      rowKey: integer("row_key").primaryKey(),
      id: text().notNull().unique(),
      kind: text().notNull().default("a"),
      colour: text().notNull().default("blue"),
    })
    const after = { ...before, projects }
    const sql = await workshop.change(after, [{ table: before.tasks, search: ["title", "body"] }])

    expect(sql).toMatch(/^PRAGMA defer_foreign_keys=on;/)
    await expectNothingLost()
    expect(await workshop.rows("select distinct colour from projects")).toEqual([{ colour: "blue" }])
    expect(await found("titulo")).toHaveLength(counts.tasks)
    await expect(workshop.run(["delete from projects where id = 'p1'"])).rejects.toThrow("FOREIGN KEY")
  })

  test("fails when D1 runs it as drizzle-kit wrote it, with keys checked late or not", async () => {
    const projects = sqliteTable("projects", {
      rowKey: integer("row_key").primaryKey(),
      id: text().notNull().unique(),
      kind: text().notNull(),
    })
    const generated = await workshop.generate({ ...before, projects })
    await expect(workshop.run(statementsOf(generated))).rejects.toThrow("FOREIGN KEY")
    const late = statementsOf(`PRAGMA defer_foreign_keys=on${breakpoint}${generated}`)
    await expect(workshop.run(late)).rejects.toThrow()
    await expectNothingLost()
  })

  test("that is searched, referred to and refers to itself keeps rows, index, triggers and keys", async () => {
    const tasks: SQLiteTable = sqliteTable("tasks", {
      rowKey: integer("row_key").primaryKey(),
      id: text().notNull().unique(),
      projectId: text()
        .notNull()
        .references(() => before.projects.id),
      parentId: text().references((): never => (tasks as never as { id: never }).id),
      title: text().notNull(),
      body: text(),
      estimate: integer(),
    })
    const keysBefore = await workshop.rows("select row_key, id, title from tasks order by id")
    await workshop.change({ ...before, tasks }, [{ table: tasks, search: ["title", "body"] }])

    await expectNothingLost()
    expect(await workshop.rows("select row_key, id, title from tasks order by id")).toEqual(keysBefore)
    await workshop.run(["insert into tasks_search(tasks_search, rank) values ('integrity-check', 1)"])
    expect(await found("body17")).toEqual(["t17"])
    await workshop.run(["update tasks set body = 'zebra' where id = 't17'", "delete from comments where taskId = 't9'"])
    expect(await found("zebra")).toEqual(["t17"])
    expect(await found("body17")).toEqual([])
  })

  test("of the log keeps it append-only and its sequence growing", async () => {
    const events = sqliteTable("events", {
      sequence: integer().primaryKey({ autoIncrement: true }),
      id: text().notNull().unique(),
      at: text(),
    })
    await workshop.change({ ...before, events }, [{ table: before.tasks, search: ["title", "body"] }])

    await expect(workshop.run(["delete from events"])).rejects.toThrow("events are append-only")
    await expect(workshop.run(["update events set at = ''"])).rejects.toThrow("events are append-only")
    await workshop.run(["insert into events (id) values ('next')"])
    expect(await workshop.rows("select max(sequence) last from events")).toEqual([{ last: counts.events + 1 }])
  })

  test("together with the disappearance of a table that it referred to", async () => {
    const { projects: _, ...rest } = before
    const tasks = sqliteTable("tasks", {
      rowKey: integer("row_key").primaryKey(),
      id: text().notNull().unique(),
      projectId: text().notNull(),
      title: text().notNull(),
    })
    const comments = sqliteTable("comments", {
      id: text().primaryKey(),
      taskId: text()
        .notNull()
        .references(() => tasks.id),
    })
    await workshop.change({ ...rest, tasks, comments }, [{ table: tasks, search: ["title"] }])
    expect(await workshop.rows("select count(*) n from comments")).toEqual([{ n: counts.comments }])
    expect(await found("titulo AND 7")).toEqual(["t7"])
  })
})

describe("a change of what is searched", () => {
  test.each([
    { from: ["title"], to: ["title", "body"], finds: ["t3"] },
    { from: ["title", "body"], to: ["body"], finds: ["t3"] },
    { from: [], to: ["body"], finds: ["t3"] },
  ])("from $from to $to is filled from the rows", async ({ from, to, finds }) => {
    const tables = await fill(from)
    await workshop.change(tables, [{ table: tables.tasks, search: to }])
    expect(await found("body3")).toEqual(finds)
  })

  test("to nothing takes the index and its triggers away", async () => {
    const tables = await fill()
    await workshop.change(tables, [])
    expect(await workshop.rows("select name from sqlite_schema where name like 'tasks_search%'")).toEqual([])
    await workshop.run(["update tasks set title = 'still writable'"])
  })

  test("comes before the column that it gives up", async () => {
    const before = await fill()
    const tasks = sqliteTable("tasks", {
      rowKey: integer("row_key").primaryKey(),
      id: text().notNull().unique(),
      projectId: text()
        .notNull()
        .references(() => before.projects.id),
      parentId: text(),
      title: text().notNull(),
      estimate: text(),
    })
    await workshop.change({ ...before, tasks }, [{ table: tasks, search: ["title"] }])
    await expectNothingLost()
    expect(await found("titulo AND 3")).toEqual(["t3"])
  })
})

describe("a new name", () => {
  const columns = () => ({
    rowKey: integer("row_key").primaryKey(),
    id: text().notNull().unique(),
    parentId: text(),
    estimate: text(),
  })

  test("for a searched column is followed by the index", async () => {
    const before = await fill()
    const projectId = text()
      .notNull()
      .references(() => before.projects.id)
    const tasks = sqliteTable("tasks", { ...columns(), projectId, title: text().notNull(), content: text() })
    const renamed = "ALTER TABLE `tasks` RENAME COLUMN `body` TO `content`;"
    await workshop.change({ ...before, tasks }, [{ table: tasks, search: ["title", "content"] }], renamed)
    await expectNothingLost()
    expect(await found("content:body17")).toEqual(["t17"])
  })

  test("for a searched table is followed by index and triggers", async () => {
    const { tasks: _, ...others } = await fill()
    const { projects } = others
    const projectId = text()
      .notNull()
      .references(() => projects.id)
    const jobs = sqliteTable("jobs", { ...columns(), projectId, title: text().notNull(), body: text() })
    const comments = sqliteTable("comments", {
      id: text().primaryKey(),
      taskId: text()
        .notNull()
        .references(() => jobs.id),
      projectId: text().references(() => projects.id),
    })
    const renamed = [
      "ALTER TABLE `tasks` RENAME TO `jobs`;",
      "DROP INDEX `tasks_id_unique`;",
      "CREATE UNIQUE INDEX `jobs_id_unique` ON `jobs` (`id`);",
    ].join(breakpoint)
    await workshop.change({ ...others, jobs, comments }, [{ table: jobs, search: ["title"] }], renamed)
    await workshop.run(["update jobs set title = 'zebra' where id = 't5'"])
    const hits =
      "select row_key from jobs where row_key in (select rowid from jobs_search where jobs_search match 'zebra')"
    expect(await workshop.rows(hits)).toEqual([{ row_key: 1015 }])
    expect(await workshop.rows("pragma foreign_key_check")).toEqual([])
  })
})

describe("a change is refused", () => {
  const row = { id: text().primaryKey(), taskId: text().notNull(), projectId: text() }

  test("when rows would have no value for a new column", async () => {
    const before = await fill()
    const search = [{ table: before.tasks, search: ["title", "body"] }]
    const added = sqliteTable("comments", { ...row, mood: text().notNull() })
    await expect(workshop.change({ ...before, comments: added }, search)).rejects.toThrow("comments.mood is new")
    const rebuilt = sqliteTable("comments", { ...row, projectId: text().notNull(), mood: text().notNull() })
    await expect(workshop.change({ ...before, comments: rebuilt }, search)).rejects.toThrow("comments.mood is new")
    await expectNothingLost()
  })

  test("when SQL would delete or clear rows by itself", async () => {
    const before = await fill()
    for (const onDelete of ["cascade", "set null", "restrict"] as const) {
      const comments = sqliteTable("comments", {
        ...row,
        taskId: text().references(() => before.tasks.id, { onDelete }),
      })
      await expect(workshop.change({ ...before, comments }, [])).rejects.toThrow(`ON DELETE ${onDelete}`)
    }
  })
})

describe("the migrations of the app", () => {
  test("lead to the declared tables, indexes, keys, full-text tables and triggers", async () => {
    await workshop.empty()
    await applyMigrations(workshop.database)
    expect(await drift(workshop.rows, await declaredTables(), appResources)).toEqual({ missing: [], unexpected: [] })
    expect(await applyMigrations(workshop.database)).toEqual([])
  })

  test("and a missing index, trigger or column is seen", async () => {
    const changes = ["drop index events_by_tenant", "alter table guard add column stray text"]
    await workshop.run(["drop trigger events_no_update", ...changes])
    const { missing, unexpected } = await drift(workshop.rows, await declaredTables(), appResources)
    expect(missing).toEqual([
      "index events_by_tenant on events (tenant, sequence)",
      expect.stringContaining("trigger events_no_update on events"),
    ])
    expect(unexpected).toEqual(["column guard.stray TEXT"])
  })
})
