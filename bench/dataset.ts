/**
 * The contents that every measurement runs on: a workspace of 10,000 or 1,000,000 tasks, computed from indexes by SQL, the same on every
 * machine. Built once per schema, kept in the temporary folder, and copied for each run, so that what a run writes stays out of the next.
 */
import { createHash } from "node:crypto"
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { migrationNames, migrationStatements } from "../scripts/database.ts"
import { databaseName, startServer } from "./server.ts"

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
const time = "01kbench0000000000000"

/** Tasks in the small and in the large database. */
export const sizes = { small: 10_000, large: 1_000_000 } as const

/** What the principal of the bench holds: an ordinary user, not an administrator. */
export const grants = { organizations: 3, projects: 12, shares: 30, organizationCount: 20 } as const

/** How many tasks are assigned to the principal. */
const assignedEvery = { [sizes.small]: 1_000, [sizes.large]: 50_000 } as Record<number, number>

const { organizationCount } = grants
const userCount = 200
const projectCount = (tasks: number) => Math.min(1_000, tasks / 100)

/** The id of the n-th record of a kind: a TypeID that sorts by n. */
export function benchId(prefix: string, n: number): string {
  let tail = ""
  for (let shift = 20; shift >= 0; shift -= 5) tail += alphabet[(n >> shift) & 31]
  return `${prefix}_${time}${tail}`
}

/** The user that calls. */
export const principal = benchId("user", 0)

/** The project of the n-th task: consecutive tasks stand in different projects. */
export function projectOfTask(n: number, tasks: number): number {
  return (n * 7919) % projectCount(tasks)
}

/** The principal's n-th project, of 12; the first six may be edited. */
export function projectOfPrincipal(n: number, tasks: number): number {
  return (n * projectCount(tasks)) / 20 + 3 + n
}

/** The same as `benchId`, in SQL. */
function idOf(prefix: string, n: string): string {
  const letter = (shift: number) => `substr('${alphabet}', (((${n}) >> ${shift}) & 31) + 1, 1)`
  return `('${prefix}_${time}' || ${[20, 15, 10, 5, 0].map(letter).join(" || ")})`
}

/** `count` records whose index is `n`, spread evenly over the year before 2026-10-01. `columns`: SQL over n. */
function insert(table: string, prefix: string, from: string, columns: Readonly<Record<string, string>>): string {
  const names = Object.keys(columns).map((name) => `"${name}"`)
  const values = Object.values(columns)
  return `insert into ${table} (id, version, createdAt, updatedAt, ${names.join(", ")})
    select ${idOf(prefix, "n")}, 1, at, at, ${values.join(", ")} from (${from})`
}

function numbers(count: number): string {
  const at = `strftime('%Y-%m-%dT%H:%M:%fZ', 1759276800 + n * ${31_536_000 / count}, 'unixepoch')`
  return `with recursive numbers(n) as (select 0 union all select n + 1 from numbers where n + 1 < ${count}) select n, ${at} as at from numbers`
}

const titles = `('Draft the outline of part ' || n)`
const bodies = `('Everything that is needed for part ' || n || ' stands in the shared folder; ask the owner before the end of the week.')`

function fillers(tasks: number): string[] {
  const projects = projectCount(tasks)
  const mine = Array.from({ length: grants.projects }, (_, n) => projectOfPrincipal(n, tasks))
  const isMine = `((n * 7919) % ${projects}) in (${mine.join(", ")})`
  const organizationOf = (project: string) => idOf("org", `(${project}) % ${organizationCount}`)
  const taskProject = `(n * 7919) % ${projects}`
  const someone = (n: string) => idOf("user", `1 + (${n}) % ${userCount - 1}`)
  const me = `'${principal}'`
  const assignee = `case when n % ${assignedEvery[tasks]} = 7 then ${me} when n % 3 = 0 then ${someone("n")} end`
  const memberships = `select n, at, n / 5 as project, n % 5 as seat from (${numbers(projects * 5)})`
  const role = (seat: string) =>
    `case ${seat} when 0 then 'admin' when 1 then 'editor' when 2 then 'editor' else 'viewer' end`
  const tasksWithN = `select row_key - 1 as n, createdAt as at, id as task, organizationId as organization, projectId as project from tasks`
  // Shared tasks stand outside the principal's projects, evenly over time.
  const shared = `select n, at, task, organization from (${tasksWithN}) where not ${isMine} and n % ${tasks / 40 - 3} = 1 order by n limit ${grants.shares}`
  return [
    insert("users", "user", numbers(userCount), {
      email: "'user' || n || '@example.com'",
      name: "'User ' || n",
      roles: "'[]'",
      status: "'active'",
    }),
    insert("organizations", "org", numbers(organizationCount), {
      name: "'Organization ' || n",
      createdBy: idOf("user", "n + 1"),
    }),
    insert("members", "member", numbers(userCount), {
      organizationId: organizationOf("n"),
      userId: idOf("user", "n"),
      role: "case when n between 1 and 20 then 'owner' else 'member' end",
    }),
    ...mine
      .slice(0, 2)
      .map((project, n) =>
        insert("members", "member", `select ${userCount + n} as n, '2025-10-02T00:00:00.000Z' as at`, {
          organizationId: `'${benchId("org", project % organizationCount)}'`,
          userId: me,
          role: "'member'",
        }),
      ),
    insert("projects", "project", numbers(projects), {
      organizationId: organizationOf("n"),
      name: "'Project ' || n",
      description: "'What project ' || n || ' is about'",
      archived: "n % 10 = 0",
      createdBy: someone("n"),
    }),
    insert("project_members", "pmember", memberships, {
      organizationId: organizationOf("project"),
      projectId: idOf("project", "project"),
      userId: someone("project * 5 + seat"),
      role: role("seat"),
    }),
    ...mine.map((project, n) =>
      insert("project_members", "pmember", `select ${projects * 5 + n} as n, '2025-10-02T00:00:00.000Z' as at`, {
        organizationId: `'${benchId("org", project % organizationCount)}'`,
        projectId: `'${benchId("project", project)}'`,
        userId: me,
        role: n < 6 ? "'editor'" : "'viewer'",
      }),
    ),
    insert("tasks", "task", numbers(tasks), {
      row_key: "n + 1",
      organizationId: organizationOf(taskProject),
      projectId: idOf("project", taskProject),
      title: titles,
      body: bodies,
      status: "case n % 5 when 0 then 'done' when 1 then 'doing' else 'open' end",
      priority: "1 + n % 4",
      estimateHours: "case when n % 2 = 0 then 0.5 + n % 16 end",
      dueAt: "case when n % 4 = 0 then at end",
      assigneeId: assignee,
      internalNote: "case when n % 10 = 0 then 'Only administrators see this.' end",
      createdBy: someone("n"),
    }),
    insert(
      "comments",
      "comment",
      `select n * 3 + value as n, at, task, organization from (${tasksWithN}), json_each('[0,1,2]') where ${isMine} or n % 50 = 0`,
      {
        organizationId: "organization",
        taskId: "task",
        authorId: someone("n"),
        body: "'Looks good to me, number ' || n || '.'",
      },
    ),
    insert("shares", "share", `select n, at, task, organization from (${tasksWithN}) where n % 20 = 3`, {
      organizationId: "organization",
      taskId: "task",
      userId: someone("n"),
      level: "'view'",
      createdBy: someone("n + 1"),
    }),
    insert("shares", "share", `select ${tasks} + n as n, at, task, organization from (${shared})`, {
      organizationId: "organization",
      taskId: "task",
      userId: me,
      level: "case when n % 3 = 0 then 'edit' else 'view' end",
      createdBy: someone("n + 1"),
    }),
  ]
}

/** Fills with indexes and triggers taken away, and puts them back: far faster than keeping them up to date row by row. */
function fill(database: DatabaseSync, tasks: number): void {
  database.exec(
    "pragma journal_mode = off; pragma synchronous = off; pragma foreign_keys = off; pragma cache_size = -1000000",
  )
  for (const name of migrationNames()) for (const statement of migrationStatements(name)) database.exec(statement)
  const aside = database
    .prepare(
      "select type, name, sql from sqlite_schema where type in ('index', 'trigger') and sql is not null order by type, rowid",
    )
    .all() as unknown as { type: string; name: string; sql: string }[]
  for (const { type, name } of aside) database.exec(`drop ${type} "${name}"`)
  for (const filler of fillers(tasks)) database.exec(filler)
  for (const { sql } of aside.filter(({ type }) => type === "index")) database.exec(sql)
  const virtual = database.prepare("select name from sqlite_schema where sql like '%using fts5%'").all()
  for (const { name } of virtual) database.exec(`insert into "${name}" ("${name}") values ('rebuild')`)
  for (const { sql } of aside.filter(({ type }) => type === "trigger")) database.exec(sql)
  database.exec("pragma journal_mode = wal")
}

function databaseFile(folder: string): string {
  const objects = join(folder, "d1/miniflare-D1DatabaseObject")
  const name = readdirSync(objects).find((one) => one.endsWith(".sqlite") && one !== "metadata.sqlite")
  if (!name) throw new Error(`No database in ${objects}`)
  return join(objects, name)
}

async function build(folder: string, tasks: number): Promise<void> {
  // Miniflare decides what the file is called; the relay answers any request once the database is there.
  const storage = await startServer({ kind: "storage", folder })
  await fetch(`${storage.url}/query`, {
    method: "POST",
    body: JSON.stringify([{ sql: "select 1" }]),
    headers: { "content-type": "application/json" },
  })
  await storage.stop()
  const database = new DatabaseSync(databaseFile(folder))
  try {
    fill(database, tasks)
  } finally {
    database.close()
  }
}

/**
 * A state folder for a storage server with `tasks` tasks in it, below `target`.
 * @param tasks one of `sizes`
 */
export async function prepareDataset(target: string, tasks: number): Promise<string> {
  const hash = createHash("sha256")
    .update(readFileSync(import.meta.filename))
    .update(databaseName)
  for (const name of migrationNames()) hash.update(migrationStatements(name).join(";"))
  const cache = join(tmpdir(), `selvage-bench-${hash.digest("hex").slice(0, 12)}`)
  const kept = join(cache, `${tasks}`)
  if (!existsSync(kept)) {
    const started = performance.now()
    const partial = join(cache, `${tasks}.${process.pid}`)
    mkdirSync(partial, { recursive: true })
    try {
      await build(partial, tasks)
      renameSync(partial, kept)
    } finally {
      rmSync(partial, { recursive: true, force: true })
    }
    console.error(
      `Filled a database with ${tasks} tasks in ${((performance.now() - started) / 1000).toFixed(1)} s (kept in ${kept})`,
    )
  }
  const folder = join(target, `data-${tasks}`)
  cpSync(kept, folder, { recursive: true })
  return folder
}
