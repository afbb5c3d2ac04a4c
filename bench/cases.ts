/** What is measured: the calls, as a client sends them, and the size of the database that they meet. */
import { benchId, grants, principal, projectOfPrincipal, projectOfTask, sizes } from "./contents.ts"

/** One HTTP request. */
export interface Call {
  readonly method: "GET" | "POST"
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Buffer<ArrayBuffer>
  /** Values of the request that statements may hold, by name. */
  readonly values: Readonly<Record<string, string>>
}

/** One measurement: calls of one kind, repeated in turn. */
export interface Case {
  readonly name: string
  readonly title: string
  /** Tasks in the database. */
  readonly tasks: number
  /** Whose Worker: the reference application's, or public.ts with its cache or without. */
  readonly worker: "workspace" | "cached" | "uncached"
  /** How the handler written by hand knows it: method, path with `:id`, names of the parameters. */
  readonly route: string
  calls(token: string): Call[]
}

const title = "Written by the bench, as any other task"
const pageSize = 20

/** Ids of `count` tasks that the principal sees by membership, the newest first. */
export function visibleTasks(count: number, tasks: number): string[] {
  const mine = new Set(Array.from({ length: grants.projects }, (_, n) => projectOfPrincipal(n, tasks)))
  const found: string[] = []
  for (let n = tasks - 1; n >= 0 && found.length < count; n--)
    if (mine.has(projectOfTask(n, tasks))) found.push(benchId("task", n))
  return found
}

/** Ids of the principal's projects; the first six may be edited. */
export function projects(tasks: number): string[] {
  return Array.from({ length: grants.projects }, (_, n) => benchId("project", projectOfPrincipal(n, tasks)))
}

function headersOf(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}`, accept: "application/json", "cf-connecting-ip": "203.0.113.7" }
}

function get(token: string, path: string, values: Record<string, string>): Call {
  return { method: "GET", path, headers: headersOf(token), values: { me: principal, ...values } }
}

function getById(tasks: number): Case {
  return {
    name: "get",
    title: "GET by id",
    tasks,
    worker: "workspace",
    route: "GET /v1/tasks/:id",
    calls: (token) => visibleTasks(64, tasks).map((id) => get(token, `/v1/tasks/${id}`, { id })),
  }
}

function list(name: string, label: string, tasks: number, parameters: Readonly<Record<string, string>>): Case {
  const query = Object.entries(parameters).map(([key, value]) => `${key}=${value}`)
  return {
    name,
    title: label,
    tasks,
    worker: "workspace",
    route: `GET /v1/tasks?${["limit", ...Object.keys(parameters), "projectId"].sort().join("&")}`,
    calls: (token) =>
      projects(tasks).map((projectId) =>
        get(token, `/v1/tasks?${[`projectId=${projectId}`, `limit=${pageSize}`, ...query].join("&")}`, { projectId }),
      ),
  }
}

function everything(name: string, label: string, tasks: number): Case {
  return {
    name,
    title: label,
    tasks,
    worker: "workspace",
    route: "GET /v1/tasks?limit",
    calls: (token) => [get(token, `/v1/tasks?limit=${pageSize}`, {})],
  }
}

function create(tasks: number): Case {
  return {
    name: "create",
    title: "create",
    tasks,
    worker: "workspace",
    route: "POST /v1/tasks",
    calls: (token) =>
      projects(tasks)
        .slice(0, 6)
        .map((projectId) => ({
          method: "POST",
          path: "/v1/tasks",
          headers: { ...headersOf(token), "content-type": "application/json" },
          body: JSON.stringify({ projectId, title }),
          values: { me: principal, projectId, title },
        })),
  }
}

/** The same reads where anyone may read: what they cost with a cache, and what they cost without. */
function open(worker: "cached" | "uncached"): Case[] {
  const { small } = sizes
  return [getById(small), list("list", "list 20 of a project, 10,000 rows", small, {})].map((one) => ({
    ...one,
    worker,
    name: `public-${one.name}${worker === "cached" ? "" : "-uncached"}`,
    title: `${one.title}, public, ${worker}`,
  }))
}

/** In the order in which they run: what writes comes last. */
export const cases: readonly Case[] = [
  getById(sizes.small),
  list("list-10k", "list 20 of a project, 10,000 rows", sizes.small, {}),
  everything("mine-10k", "all that I may see, 10,000 rows", sizes.small),
  list("expand", "list 20 with two expands, 10,000 rows", sizes.small, { expand: "project,comments" }),
  create(sizes.small),
  ...open("cached"),
  ...open("uncached"),
  list("list-1m", "list 20 of a project, 1,000,000 rows", sizes.large, {}),
  everything("mine-1m", "all that I may see, 1,000,000 rows", sizes.large),
]
