/**
 * What a watcher has is what a list returns: random changes of tasks, shares, memberships and roles, with sockets cut and objects evicted between them;
 * afterwards each watcher's set is compared with the list of the same person and filter. The policy is judged in memory for the one and in SQL for the
 * other, so a property test holds them together here as it does for single decisions.
 */
import { evictDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import fc from "fast-check"
import { expect, test } from "vitest"
import { userObjectName } from "../../src/server/keys.ts"
import { type Actor, newActor } from "../support/actors.ts"
import { call } from "../support/calls.ts"
import { connect, type Kept, watch, watching } from "../support/live.ts"
import { must, newWorkspace, type Workspace } from "../support/workspace.ts"

/** The binding SEED draws other cases. */
const seed = Number((env as { SEED?: string }).SEED ?? 20261121)
const runs = 4
const stepsPerRun = 60
const checksEvery = 20

const people = ["editor", "viewer", "stranger", "member"] as const
type Name = (typeof people)[number]

interface World extends Workspace {
  readonly member: Actor
  readonly projects: string[]
  readonly tasks: string[]
}

interface Step {
  readonly kind: string
  readonly n: number
  readonly m: number
  readonly who: Name
  readonly word: string
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.oneof(
    { weight: 5, arbitrary: fc.constant("change") },
    { weight: 3, arbitrary: fc.constantFrom("create", "move", "assign") },
    { weight: 2, arbitrary: fc.constantFrom("share", "unshare", "comment", "join", "part", "role", "organization") },
    { weight: 1, arbitrary: fc.constantFrom("delete", "cut", "evict") },
  ),
  n: fc.nat({ max: 1000 }),
  m: fc.nat({ max: 1000 }),
  who: fc.constantFrom(...people),
  word: fc.constantFrom("open", "doing", "done"),
})

const pick = <T>(list: readonly T[], n: number): T => list[n % list.length] as T

/** The first record of a list; null for none. */
async function rowOf({ owner }: World, line: string): Promise<{ id: string } | null> {
  const { items } = (await must(owner, line)) as unknown as { items: { id: string }[] }
  return items[0] ?? null
}

/** One change, as the owner makes it; what is not possible now changes nothing. */
async function change(world: World, { kind, n, m, who, word }: Step): Promise<void> {
  const { owner, organizationId, tasks, projects } = world
  const { id: userId } = world[who]
  const task = pick(tasks, n)
  const projectId = pick(projects, m)
  const patch = (body: object) => call(owner, `PATCH /v1/tasks/${task}`, { body })
  switch (kind) {
    case "change":
      return void (await patch({ status: word, priority: m % 4 }))
    case "move":
      return void (await patch({ projectId }))
    case "assign":
      return void (await patch({ assigneeId: m % 3 === 0 ? null : userId }))
    case "create":
      return void tasks.push((await must(owner, "POST /v1/tasks", { projectId, title: `Task ${n}`, status: word })).id)
    case "delete":
      if (tasks.length > 4) await call(owner, `DELETE /v1/tasks/${tasks.splice(n % tasks.length, 1)}`)
      return
    case "comment":
      return void (await call(owner, "POST /v1/comments", { body: { taskId: task, body: word } }))
    case "share":
      return void (await call(owner, "POST /v1/shares", { body: { taskId: task, userId, level: "view" } }))
    case "unshare": {
      const share = await rowOf(world, `GET /v1/shares?taskId=${task}`)
      if (share) await call(owner, `DELETE /v1/shares/${share.id}`)
      return
    }
    case "join":
      return void (await call(owner, "POST /v1/project_members", { body: { projectId, userId, role: "viewer" } }))
    case "part":
    case "role": {
      const at = await rowOf(world, `GET /v1/project_members?projectId=${projectId}&userId=${userId}`)
      if (at && kind === "part") await call(owner, `DELETE /v1/project_members/${at.id}`)
      else if (at)
        await call(owner, `PATCH /v1/project_members/${at.id}`, { body: { role: n % 2 ? "editor" : "viewer" } })
      return
    }
    case "organization": {
      const at = await rowOf(world, `GET /v1/members?organizationId=${organizationId}&userId=${userId}`)
      if (!at) await call(owner, "POST /v1/members", { body: { organizationId, userId } })
      else if (n % 3 === 0) await call(owner, `DELETE /v1/members/${at.id}`)
      else await call(owner, `PATCH /v1/members/${at.id}`, { body: { role: n % 3 === 1 ? "admin" : "member" } })
      return
    }
  }
}

/** A watch and the list that it stands for. */
interface Pair {
  readonly actor: Actor
  readonly resource: "tasks" | "comments"
  readonly filter: Readonly<Record<string, unknown>>
  readonly query: string
  kept: Kept
}

const filters = [
  [{}, ""],
  [{ status: "open" }, "&status=open"],
  [{ priority: { gte: 2 } }, "&priority[gte]=2"],
] as const

async function pairsOf(world: World): Promise<Pair[]> {
  const { organizationId } = world
  const tenant = `organizationId=${organizationId}`
  const made: Pair[] = []
  for (const [n, name] of people.entries()) {
    const actor = world[name]
    const [more, query] = pick(filters, n)
    for (const [filter, line] of [
      [{ organizationId }, ""],
      [{ organizationId, ...more }, query],
    ] as const)
      made.push({
        actor,
        resource: "tasks",
        filter,
        query: tenant + line,
        kept: await watching(actor, "tasks.watch", { filter }),
      })
    const filter = { organizationId }
    const kept = await watching(actor, "comments.watch", { filter })
    made.push({ actor, resource: "comments", filter, query: tenant, kept })
  }
  return made
}

async function listed({ actor, resource, query }: Pair): Promise<Map<string, object>> {
  const found = new Map<string, object>()
  for (let cursor = ""; ; ) {
    const { items, nextCursor } = (await must(actor, `GET /v1/${resource}?limit=100&${query}${cursor}`)) as unknown as {
      items: { id: string }[]
      nextCursor: string | null
    }
    for (const item of items) found.set(item.id, item)
    if (nextCursor === null) return found
    cursor = `&cursor=${nextCursor}`
  }
}

const plain = (records: ReadonlyMap<string, object>) =>
  [...records.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, record]) => record)

/** Compares when the log has been told: a watcher may be behind for a moment, never for good. */
async function compare(pair: Pair): Promise<number> {
  const expected = await listed(pair)
  const wanted = JSON.stringify(plain(expected))
  for (let turn = 0; turn < 300 && JSON.stringify(plain(pair.kept.records)) !== wanted; turn++) await scheduler.wait(20)
  const who = `${pair.actor.name} ${pair.resource} ${pair.query}: ${pair.kept.words.slice(-12).join(", ")}`
  expect(plain(pair.kept.records), who).toEqual(plain(expected))
  expect(pair.kept.faults, who).toEqual([])
  return expected.size
}

async function disturb(pair: Pair, kind: string): Promise<void> {
  if (kind === "evict") {
    await evictDurableObject(env.USER.getByName(userObjectName(pair.actor.id)) as never)
    return
  }
  pair.kept.connection.close()
  await pair.kept.connection.closed
  pair.kept = await watch(await connect(pair.actor), `${pair.resource}.watch`, { filter: pair.filter }, pair.kept)
}

test("after any changes of records, shares, memberships and roles, through cuts and evictions", {
  timeout: 180_000,
}, async () => {
  const tally = { compared: 0, records: 0, most: 0, cuts: 0, evictions: 0, resets: 0, changed: 0, removed: 0 }
  const drawn = fc.sample(fc.array(step, { minLength: stepsPerRun, maxLength: stepsPerRun }), { seed, numRuns: runs })
  for (const steps of drawn) {
    const workspace = await newWorkspace()
    const { owner, organizationId, projectId } = workspace
    const member = await newActor("member")
    await must(owner, "POST /v1/members", { organizationId, userId: member.id })
    const other = await must(owner, "POST /v1/projects", { organizationId, name: "Other" })
    const world: World = { ...workspace, member, projects: [projectId, other.id], tasks: [] }
    for (let n = 0; n < 6; n++) await change(world, { kind: "create", n, m: n, who: "editor", word: "open" })
    const pairs = await pairsOf(world)
    for (const [n, one] of steps.entries()) {
      if (one.kind === "cut" || one.kind === "evict") {
        await disturb(pick(pairs, one.n), one.kind)
        tally[one.kind === "cut" ? "cuts" : "evictions"]++
      } else await change(world, one)
      if ((n + 1) % checksEvery !== 0) continue
      for (const pair of pairs) {
        const size = await compare(pair)
        tally.compared++
        tally.records += size
        tally.most = Math.max(tally.most, size)
      }
    }
    for (const { kept } of pairs) {
      for (const kind of ["reset", "changed", "removed"] as const)
        tally[kind === "reset" ? "resets" : kind] += kept.words.filter((word) => word.startsWith(kind)).length
      kept.connection.close()
    }
  }
  console.log(`live agreement, seed ${seed}: ${JSON.stringify(tally)}`)
  // The cases are not empty: sets have records, things came and went, facts changed, sockets were cut and objects forgotten.
  expect(tally.compared).toBe(runs * (stepsPerRun / checksEvery) * people.length * 3)
  expect(tally.records).toBeGreaterThan(200)
  for (const kind of ["cuts", "evictions", "removed"] as const) expect(tally[kind], kind).toBeGreaterThan(0)
  expect(tally.resets).toBeGreaterThan(runs * people.length * 3)
})
