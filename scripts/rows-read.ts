/**
 * `npm run rows-read`: what reads cost in rows, out of 10,000 and of 1,000,000, next to the bar of the design (§4 and §9). The Worker runs as
 * built, on the contents of the bench, for a member of 12 projects with 30 shares. Exits 1 when a bar is broken or a call took two trips.
 */
import type { Call } from "../bench/cases.ts"
import { projects, visibleTasks } from "../bench/cases.ts"
import { benchId, grants, principal, projectOfPrincipal, sizes } from "../bench/contents.ts"
import { prepareDataset } from "../bench/dataset.ts"
import { startTraced, type Traced } from "../bench/plan.ts"
import { addressOf, startServer } from "../bench/server.ts"
import { type Access, buildWorker, grantAccess, temporaryFolder } from "../bench/workspace.ts"

/** Rows of members, project_members and shares that are the principal's. */
const grantRows = grants.organizations + grants.projects + grants.shares

const pageSize = 20

interface Reading {
  readonly title: string
  readonly path: string
  /** Who asks; the member of 12 projects when left out. */
  readonly as?: string
  /** Rows that may be read for an answer of so many rows; null: the design sets none. */
  bar(returned: number): number | null
}

const pinned = (returned: number) => Math.floor(1.1 * returned) + grantRows

function readings(tasks: number): Reading[] {
  const project = projects(tasks)[0] as string
  const organization = benchId("org", projectOfPrincipal(0, tasks) % grants.organizationCount)
  // One row more than a page tells whether there is a next one; who is assigned counts as one grant.
  const merged = (grants.organizations + grants.projects + 1) * (pageSize + 1) + grantRows + grants.shares + pageSize
  const list = (query: string) => `/v1/tasks?limit=${pageSize}${query}`
  return [
    { title: "get by id", path: `/v1/tasks/${visibleTasks(1, tasks)[0]}`, bar: pinned },
    { title: "20 of a project", path: list(`&projectId=${project}`), bar: pinned },
    { title: "20 of a project, by status", path: list(`&projectId=${project}&status=open`), bar: pinned },
    {
      title: "20 of an organization that I own",
      path: list(`&organizationId=${benchId("org", 1)}`),
      as: benchId("user", 1),
      bar: pinned,
    },
    {
      // The scan gives up after four pages, and the merge goes on: bounded, but not by the page alone.
      title: "20 of an organization where I see few",
      path: list(`&organizationId=${organization}`),
      bar: () => 4 * (pageSize + 1) + merged,
    },
    { title: "20 of what is assigned to me", path: list(`&assigneeId=${principal}`), bar: pinned },
    { title: "20 of everything I may see", path: list(""), bar: () => merged },
    {
      title: "20 of a project with project and comments",
      path: list(`&projectId=${project}&expand=project,comments`),
      // The policies of tasks and of projects both look at the grants.
      bar: (returned) => pinned(returned) + grantRows,
    },
    {
      title: "count by status in a project",
      path: `/v1/tasks/aggregate?projectId=${project}&count=true&groupBy=status`,
      bar: () => null,
    },
    { title: "20 with a rare word", path: list("&q=9137"), bar: () => null },
    { title: "20 with a word of every task", path: list("&q=outline"), bar: () => null },
  ]
}

/** Rows in an answer, those of relations too. */
function rowsIn(value: unknown): number {
  if (Array.isArray(value)) return value.reduce((sum: number, one) => sum + rowsIn(one), 0)
  if (typeof value !== "object" || value === null) return 0
  return ("id" in value ? 1 : 0) + Object.values(value).reduce((sum: number, one) => sum + rowsIn(one), 0)
}

interface Line {
  readonly text: string
  readonly isBroken: boolean
}

async function measure(worker: Traced, reading: Reading, tasks: number, access: Access): Promise<Line> {
  const token = reading.as === undefined ? access.token : await access.tokenOf(reading.as)
  const headers = { authorization: `Bearer ${token}`, accept: "application/json" }
  const call: Call = { method: "GET", path: reading.path, headers, values: {} }
  const { body, trips, milliseconds } = await worker.call(call)
  const returned = rowsIn(body)
  const read = trips.reduce((sum, trip) => sum + trip.rowsRead, 0)
  const bar = reading.bar(returned)
  const isBroken = trips.length !== 1 || (bar !== null && read > bar)
  const cells = [
    reading.title,
    tasks.toLocaleString("en"),
    trips.length,
    returned,
    read,
    bar ?? "-",
    isBroken ? "broken" : "",
    milliseconds.toFixed(1),
  ]
  return { text: `| ${cells.join(" | ")} |`, isBroken }
}

async function measureSize(tasks: number, folder: string, bundle: string, access: Access): Promise<Line[]> {
  const storage = await startServer({ kind: "storage", folder: await prepareDataset(folder, tasks) })
  try {
    const worker = await startTraced({ folder, bundle, storage: addressOf(storage), variables: access.variables })
    const lines: Line[] = []
    try {
      for (const reading of readings(tasks)) lines.push(await measure(worker, reading, tasks, access))
    } finally {
      await worker.stop()
    }
    return lines
  } finally {
    await storage.stop()
  }
}

const folder = temporaryFolder()
const bundle = buildWorker(folder)
const access = await grantAccess(principal)
console.log(
  "| call | rows in the table | D1 trips | rows returned | rows read | bar | | ms |\n|---|---:|---:|---:|---:|---:|---|---:|",
)
for (const tasks of Object.values(sizes)) {
  for (const { text, isBroken } of await measureSize(tasks, folder, bundle, access)) {
    console.log(text)
    if (isBroken) process.exitCode = 1
  }
}
