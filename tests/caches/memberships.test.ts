/** The memberships that limits and budgets ask for: from memory, at once after one's own changes, and after the next pull for those of others. */
import { env } from "cloudflare:workers"
import { expect, test } from "vitest"
import application from "../../src/app/index.ts"
import { cachesOf } from "../../src/caches.ts"
import { configOf } from "../../src/config.ts"
import type { Write } from "../../src/core/changes.ts"
import type { TouchesObject } from "../../src/core/hub-object.ts"
import { system } from "../../src/core/principal.ts"
import { readLog } from "../../src/database/log.ts"
import { openStore } from "../../src/database/store.ts"
import { registryOf } from "../../src/engine.ts"
import { worldOf } from "../../src/world.ts"
import { newActor } from "../support/actors.ts"
import { watchedDatabase } from "../support/serving.ts"
import { must, newWorkspace } from "../support/workspace.ts"

const registry = registryOf(application, { development: false })
const hash = async (text: string) => text.slice(0, 64)
const tester = system("a test")

/** Isolates over a touches object and a clock of the test's own. */
async function newIsolates() {
  let clock = Date.now()
  const now = () => new Date(clock)
  const name = `touches/${crypto.randomUUID()}`
  const HUB = { getByName: () => env.HUB.getByName(name) }
  let cursor = (await env.DB.prepare('select max("sequence") as "n" from "events"').first<number>("n")) ?? 0
  const isolate = () => {
    let trips = 0
    const behind: Promise<unknown>[] = []
    const bindings = { ...env, ...watchedDatabase(() => void trips++), HUB } as never
    const runtime = {
      now,
      waitUntil: (work: Promise<unknown>) => void behind.push(work),
      edge: null,
      observe: () => undefined,
    }
    const caches = cachesOf(worldOf(bindings, configOf(bindings), runtime, application.accounts), registry, hash)
    const ids = { mint: (prefix: string) => `${prefix}_${crypto.randomUUID()}` }
    const store = openStore(
      {
        database: env.DB,
        models: registry.models,
        cursorSecret: env.CURSOR_SECRET ?? "",
        ids,
        touching: caches.touching,
      },
      { bookmark: null, fresh: true },
    )
    return {
      reader: caches.reader,
      of: async (user: string) => {
        const before = trips
        const memberships = await caches.memberships({ kind: "user", id: user, roles: [] })
        return [trips - before, memberships.map(({ role }) => role)] as const
      },
      trips: () => trips,
      nobody: () => caches.memberships({ kind: "anonymous" }),
      commit: (write: Write) =>
        store.commit({
          operation: "test.write",
          requestId: "test",
          principal: tester,
          now: now(),
          writes: [write],
          decidedOn: [],
          required: [],
          reads: [],
          idempotency: null,
          outbox: [],
        }),
      settled: async () => {
        while (behind.length > 0) await behind.shift()
      },
    }
  }
  const feeding = isolate()
  return {
    isolate,
    touches: env.HUB.getByName(name) as unknown as TouchesObject,
    pass: (milliseconds: number) => {
      clock += milliseconds
    },
    deliver: async () => {
      const events = await readLog(env.DB, { after: cursor, limit: 500 })
      cursor = events.at(-1)?.sequence ?? cursor
      await feeding.reader.read(events, null as never)
    },
  }
}

async function withMember() {
  const workspace = await newWorkspace()
  const member = await newActor("member")
  const { organizationId, owner } = workspace
  const { id } = await must(owner, "POST /v1/members", { organizationId, userId: member.id, role: "admin" })
  return { ...workspace, member, memberId: id, ...(await newIsolates()) }
}

test("one round trip the first time and none after it; a hundred questions at once are one", async () => {
  const { isolate, member, stranger } = await withMember()
  const here = isolate()
  const all = await Promise.all(Array.from({ length: 100 }, () => here.of(member.id)))
  expect(here.trips()).toBe(1)
  expect(new Set(all.map(([, roles]) => roles.join()))).toEqual(new Set(["admin"]))
  expect(await here.of(member.id)).toEqual([0, ["admin"]])
  expect(await here.of(stranger.id)).toEqual([1, []])
  expect(await here.of(stranger.id)).toEqual([0, []])
  expect(await here.nobody()).toEqual([])
})

test("a member who was removed elsewhere is one no longer after the next pull; a change of role is a change, and so is joining", async () => {
  const { isolate, deliver, pass, member, memberId, owner, organizationId, stranger } = await withMember()
  const here = isolate()
  await here.of(member.id)
  await here.of(stranger.id)
  await here.settled()
  await must(owner, `PATCH /v1/members/${memberId}`, { role: "member" })
  await must(owner, "POST /v1/members", { organizationId, userId: stranger.id, role: "member" })
  expect(await here.of(member.id)).toEqual([0, ["admin"]])
  await deliver()
  pass(5000)
  await here.of(member.id)
  await here.settled()
  expect(await here.of(member.id)).toEqual([1, ["member"]])
  expect(await here.of(stranger.id)).toEqual([1, ["member"]])
  await must(owner, `DELETE /v1/members/${memberId}`)
  await deliver()
  pass(5000)
  await here.of(owner.id)
  await here.settled()
  expect(await here.of(member.id)).toEqual([1, []])
  expect(await here.of(stranger.id)).toEqual([0, ["member"]])
})

test("what the isolate itself commits is known at once", async () => {
  const { isolate, member, memberId, organizationId, stranger } = await withMember()
  const here = isolate()
  expect((await here.of(member.id))[1]).toEqual(["admin"])
  expect((await here.of(stranger.id))[1]).toEqual([])
  const values = { organizationId, userId: stranger.id, role: "member" }
  await here.commit({ kind: "create", resource: "members", id: `member_${crypto.randomUUID()}`, values, as: tester })
  expect((await here.of(stranger.id))[1]).toEqual(["member"])
  await here.commit({ kind: "delete", resource: "members", id: memberId, version: null, as: tester })
  expect((await here.of(member.id))[1]).toEqual([])
})

test("when nothing is ever told, five minutes are the bound", async () => {
  const { isolate, pass, member, memberId, owner } = await withMember()
  const here = isolate()
  await here.of(member.id)
  await must(owner, `DELETE /v1/members/${memberId}`)
  pass(5 * 60_000 - 1)
  expect(await here.of(member.id)).toEqual([0, ["admin"]])
  pass(1)
  expect(await here.of(member.id)).toEqual([1, []])
})
