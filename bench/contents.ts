/** What stands in the bench's database: ids and rows computed from indexes, in TypeScript and in SQL alike. */

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
const time = "01kbench0000000000000"

/** Tasks in the small and in the large database. */
export const sizes = { small: 10_000, large: 1_000_000 } as const

/** What the principal of the bench holds: an ordinary user, not an administrator. */
export const grants = { organizations: 3, projects: 12, shares: 30, organizationCount: 20 } as const

/** One task in so many is assigned to the principal. */
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

/** What the statements speak of: SQL over n, for a number of tasks. */
function terms(tasks: number) {
  const projects = projectCount(tasks)
  const mine = Array.from({ length: grants.projects }, (_, n) => projectOfPrincipal(n, tasks))
  return {
    projects,
    /** The principal's projects. */
    mine,
    isMine: `((n * 7919) % ${projects}) in (${mine.join(", ")})`,
    taskProject: `(n * 7919) % ${projects}`,
    organizationOf: (project: string) => idOf("org", `(${project}) % ${organizationCount}`),
    /** Any user but the principal. */
    someone: (n: string) => idOf("user", `1 + (${n}) % ${userCount - 1}`),
    me: `'${principal}'`,
  }
}

const titles = `('Draft the outline of part ' || n)`
const bodies = `('Everything that is needed for part ' || n || ' stands in the shared folder; ask the owner before the end of the week.')`

function people(tasks: number): string[] {
  const { mine, me, organizationOf } = terms(tasks)
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
    ...mine.slice(0, grants.organizations - 1).map((project, n) =>
      insert("members", "member", `select ${userCount + n} as n, '2025-10-02T00:00:00.000Z' as at`, {
        organizationId: `'${benchId("org", project % organizationCount)}'`,
        userId: me,
        role: "'member'",
      }),
    ),
  ]
}

function places(tasks: number): string[] {
  const { projects, mine, me, organizationOf, someone } = terms(tasks)
  const memberships = `select n, at, n / 5 as project, n % 5 as seat from (${numbers(projects * 5)})`
  const role = "case seat when 0 then 'admin' when 1 then 'editor' when 2 then 'editor' else 'viewer' end"
  return [
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
      role,
    }),
    ...mine.map((project, n) =>
      insert("project_members", "pmember", `select ${projects * 5 + n} as n, '2025-10-02T00:00:00.000Z' as at`, {
        organizationId: `'${benchId("org", project % organizationCount)}'`,
        projectId: `'${benchId("project", project)}'`,
        userId: me,
        role: n < 6 ? "'editor'" : "'viewer'",
      }),
    ),
  ]
}

function work(tasks: number): string[] {
  const { isMine, me, taskProject, organizationOf, someone } = terms(tasks)
  const assignee = `case when n % ${assignedEvery[tasks]} = 7 then ${me} when n % 3 = 0 then ${someone("n")} end`
  const written = "select row_key - 1 as n, createdAt as at, id as task, organizationId as organization from tasks"
  // Shared tasks stand outside the principal's projects, evenly over time.
  const shared = `select n, at, task, organization from (${written}) where not ${isMine} and n % ${tasks / 40 - 3} = 1 order by n limit ${grants.shares}`
  return [
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
      `select n * 3 + value as n, at, task, organization from (${written}), json_each('[0,1,2]') where ${isMine} or n % 50 = 0`,
      {
        organizationId: "organization",
        taskId: "task",
        authorId: someone("n"),
        body: "'Looks good to me, number ' || n || '.'",
      },
    ),
    insert("shares", "share", `select n, at, task, organization from (${written}) where n % 20 = 3`, {
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

/** The statements that fill a database without indexes with `tasks` tasks, parents before children. */
export function fillers(tasks: number): string[] {
  return [...people(tasks), ...places(tasks), ...work(tasks)]
}
