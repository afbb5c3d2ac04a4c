/** Writers: tasks made, changed, deleted, shared and assigned, people who come into projects and leave them, all through the REST door. */
import type { Receiver } from "./receiver.ts"
import type { Actor, Calls } from "./workspace.ts"

/** One organization and who is in it. */
export interface Organization {
  readonly id: string
  readonly owner: Actor
  /** Those who watch: the first administers, the rest come and go. */
  readonly people: readonly Actor[]
  readonly projects: readonly string[]
  /** Ids of tasks, as acknowledged. */
  readonly tasks: string[]
  readonly grants: { shares: string[]; members: { id: string; key: string }[] }
  /** Tasks that somebody was told to be theirs, by user. */
  readonly assigned: Map<string, string[]>
  /** Whether a webhook wants its tasks. */
  readonly isHooked: boolean
}

const any = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)] as T

async function must(calls: Calls, actor: Actor, line: string, body?: object) {
  const answer = await calls.call(actor, line, body)
  if (answer.status >= 400) throw new Error(`${line}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body
}

async function setUpOne(calls: Calls, n: number, owner: Actor, people: readonly Actor[], receiver: Receiver) {
  const { id } = await must(calls, owner, "POST /v1/organizations", { name: `Organization ${n}` })
  for (const [at, { id: userId }] of people.entries())
    await must(calls, owner, "POST /v1/members", { organizationId: id, userId, role: at === 0 ? "admin" : "member" })
  const projects: string[] = []
  for (const name of ["One", "Two", "Three"])
    projects.push((await must(calls, owner, "POST /v1/projects", { organizationId: id, name })).id)
  const organization: Organization = {
    id,
    owner,
    people,
    projects,
    tasks: [],
    grants: { shares: [], members: [] },
    assigned: new Map(),
    isHooked: n === 0,
  }
  if (organization.isHooked) {
    const endpoint = { url: receiver.url, events: ["tasks.*"], tenantId: id }
    receiver.secret = (await must(calls, owner, "POST /v1/webhook_endpoints", endpoint)).secret
  }
  for (let round = 0; round < 4; round++) await create(calls, organization)
  return organization
}

/** Makes the organizations; one of them has a webhook, from before its first watched change. */
export async function setUp(calls: Calls, actors: readonly Actor[], count: number, receiver: Receiver) {
  const each = actors.length / count
  const made: Organization[] = []
  for (let n = 0; n < count; n++) {
    const [owner, ...people] = actors.slice(n * each, (n + 1) * each)
    made.push(await setUpOne(calls, n, owner as Actor, people, receiver))
  }
  return made
}

async function create(calls: Calls, { owner, tasks, projects }: Organization): Promise<number> {
  const records = Array.from({ length: 5 }, (_, n) => ({
    op: "create",
    values: { projectId: any(projects), title: `Task ${n}` },
  }))
  const { records: made } = await must(calls, owner, "POST /v1/tasks/batch", { records })
  tasks.push(...made.map(({ id }: { id: string }) => id))
  return made.length
}

async function update(calls: Calls, { owner, tasks, projects }: Organization): Promise<number> {
  const chosen = [...new Set(Array.from({ length: 10 }, () => any(tasks)))]
  const records = chosen.map((id) => ({
    op: "update",
    id,
    patch: { title: `Changed ${Math.random()}`, ...(Math.random() < 0.2 ? { projectId: any(projects) } : {}) },
  }))
  await must(calls, owner, "POST /v1/tasks/batch", { records })
  return chosen.length
}

async function removeSome(calls: Calls, { owner, tasks }: Organization): Promise<number> {
  if (tasks.length < 30) return 0
  const chosen = tasks.splice(Math.floor(Math.random() * (tasks.length - 4)), 4)
  await must(calls, owner, "POST /v1/tasks/batch", { records: chosen.map((id) => ({ op: "delete", id })) })
  return chosen.length
}

/** What a share or membership is already, or is no more, is refused; that is no fault. */
async function share(calls: Calls, { owner, tasks, people, grants }: Organization): Promise<number> {
  const gone = Math.random() < 0.4 ? grants.shares.shift() : undefined
  if (gone !== undefined) await calls.call(owner, `DELETE /v1/shares/${gone}`)
  else {
    const body = { taskId: any(tasks), userId: any(people).id, level: "view" }
    const answer = await calls.call(owner, "POST /v1/shares", body)
    if (answer.status === 201) grants.shares.push(answer.body.id)
  }
  return 0
}

async function join(calls: Calls, { owner, people, projects, grants }: Organization): Promise<number> {
  const gone = Math.random() < 0.4 ? grants.members.shift() : undefined
  if (gone !== undefined) await calls.call(owner, `DELETE /v1/project_members/${gone.id}`)
  else {
    const body = { projectId: any(projects), userId: any(people.slice(1)).id, role: "viewer" }
    const key = `${body.projectId} ${body.userId}`
    if (grants.members.some((one) => one.key === key)) return 0
    const answer = await calls.call(owner, "POST /v1/project_members", body)
    if (answer.status === 201) grants.members.push({ id: answer.body.id, key })
  }
  return 0
}

async function assign(calls: Calls, { owner, tasks, people, assigned }: Organization): Promise<number> {
  const [id, { id: userId }] = [any(tasks), any(people)]
  const answer = await calls.call(owner, `PUT /v1/tasks/${id}/assignee`, { userId })
  if (answer.status !== 200) return 0
  assigned.set(userId, [...(assigned.get(userId) ?? []), id])
  return 1
}

const steps: readonly (readonly [number, typeof update])[] = [
  [0.6, update],
  [0.72, create],
  [0.8, removeSome],
  [0.88, share],
  [0.94, join],
  [1, assign],
]

/** Writes, one call after another, until `goesOn` says no; it is told how many changes of tasks each call made. */
export async function writeUntil(
  calls: Calls,
  organization: Organization,
  goesOn: (events: number) => boolean,
): Promise<void> {
  for (let events = 0; goesOn(events); ) {
    const dice = Math.random()
    const [, step] = steps.find(([below]) => dice < below) as (typeof steps)[number]
    events = await step(calls, organization)
  }
}
