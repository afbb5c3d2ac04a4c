/** Tracked jobs: a record of how far they are, which their owner reads while they run, and nobody else. */
import { env } from "cloudflare:workers"
import { beforeAll, expect, test } from "vitest"
import { Problem } from "../../src/core/problem.ts"
import { newActor } from "../support/actors.ts"
import { hour, jobsWorld, makeEffects, second } from "./world.ts"

beforeAll(makeEffects)

const eventsOf = async (id: string) =>
  (
    await env.DB.prepare(`select "actor", "change", "operation", "after" ->> 'status' as "status", "after" ->> 'percent' as "percent"
        from "events" where "resource" = 'job_runs' and "record" = ? order by "sequence"`)
      .bind(id)
      .all()
  ).results

test("a tracked job tells how far it is at once, to its owner and to administrators; each step is an event", async () => {
  const world = await jobsWorld()
  const [eve, root] = await Promise.all([newActor("Eve"), newActor("Root", ["admin"])])
  const run = (await world.order("effects.track", { name: world.name("tracked") })) ?? ""
  const read = async (who = world.ada) => (await world.served.call(who, `GET /v1/job_runs/${run}`)).body
  expect(await read()).toMatchObject({
    id: run,
    job: "effects.track",
    status: "queued",
    percent: 0,
    ownerId: world.ada.id,
  })
  const seen: unknown[] = []
  world.act = async ({ progress }) => {
    seen.push((await read()).status)
    await progress(40.4, "almost half")
    seen.push((await read()).percent, (await read()).note)
    await expect(progress(101)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" })
    await progress(80)
  }
  await world.served.settled()
  expect(seen).toEqual(["running", 40, "almost half"])
  expect(await read()).toMatchObject({
    status: "done",
    percent: 100,
    note: "almost half",
    finishedAt: world.now().toISOString(),
  })
  expect(await world.made()).toEqual(["tracked"])
  expect(await eventsOf(run)).toEqual([
    { actor: "system", change: "created", operation: "effects.order", status: "queued", percent: 0 },
    { actor: "system", change: "updated", operation: "effects.track", status: "running", percent: 0 },
    { actor: "system", change: "updated", operation: "effects.track", status: "running", percent: 40 },
    { actor: "system", change: "updated", operation: "effects.track", status: "running", percent: 80 },
    { actor: "system", change: "updated", operation: "effects.track", status: "done", percent: 100 },
  ])
  expect(await read(root)).toMatchObject({ id: run })
  expect((await world.served.call(eve, `GET /v1/job_runs/${run}`)).status).toBe(404)
  expect((await world.served.call(eve, "GET /v1/job_runs")).body.items).toEqual([])
  expect(
    (await world.served.call(world.ada, `PATCH /v1/job_runs/${run}`, { body: { percent: 1 } })).status,
  ).toBeGreaterThanOrEqual(404)
})

test("one that is given up has failed, in the batch that buries it; one that is tried again has not", async () => {
  const world = await jobsWorld({ retry: { attempts: 2 } })
  world.act = () => {
    throw new Problem("UNAVAILABLE", "not now")
  }
  const run = (await world.order("effects.track", { name: world.name("failing") })) ?? ""
  const read = async () => (await world.served.call(world.ada, `GET /v1/job_runs/${run}`)).body
  await world.served.settled()
  expect(await read()).toMatchObject({ status: "running", finishedAt: null })
  world.pass(10 * second)
  await world.served.settled()
  expect(await read()).toMatchObject({ status: "failed", percent: 0, finishedAt: world.now().toISOString() })
  expect(await world.made()).toEqual([])
})

test("one that has lost its lease tells nothing any more: the record is the other's", async () => {
  const world = await jobsWorld()
  const run = (await world.order("effects.track", { name: world.name("overtaken") })) ?? ""
  let told: Promise<unknown> | null = null
  world.act = async ({ attempt, progress }) => {
    if (attempt > 1) return progress(50, "mine")
    world.pass(hour)
    const other = world.isolate()
    await other.settled()
    told = Promise.allSettled([progress(10, "not mine")])
    await told
  }
  await world.served.settled()
  expect(await told).toMatchObject([{ status: "rejected", reason: { code: "ABORTED" } }])
  const { body } = await world.served.call(null, `GET /v1/job_runs/${run}`)
  expect(body.code).toBe("UNAUTHENTICATED")
  const row = await env.DB.prepare('select "status", "note" from "job_runs" where "id" = ?').bind(run).first()
  expect(row).toEqual({ status: "done", note: "mine" })
  expect(await world.made()).toEqual(["overtaken"])
})
