/** Rights to the log where they are made: in the declaration, and in the statement, so that nothing leaves the database for nobody. */
import { env } from "cloudflare:workers"
import { beforeAll, describe, expect, test } from "vitest"
import application from "../../src/app/index.ts"
import { registryOf } from "../../src/app.ts"
import type { Principal } from "../../src/core/principal.ts"
import { openStore } from "../../src/database/store.ts"
import { ids } from "../../src/server/ids.ts"
import { call } from "../support/calls.ts"
import { serving } from "../support/serving.ts"
import { must, newWorkspace, type Workspace } from "../support/workspace.ts"

const { models, logTenant } = registryOf(application, { development: false })
let at: Workspace

beforeAll(async () => {
  at = await newWorkspace()
})

describe("a declaration that could let in whom it does not mean is refused", () => {
  test.each([
    [{ resource: "companies", action: "delete" }, /no resource is named companies/],
    [{ resource: "organizations", action: "create" }, /creation has no record yet/],
    [{ resource: "projects", action: "delete" }, /no resource has projects as its tenant/],
    [{ resource: "users", action: "update" }, /no resource has users as its tenant/],
  ] as const)("%o", (tenant, fault) => {
    expect(() => registryOf({ ...application, log: { tenant } }, { development: false })).toThrow(fault)
  })

  test("without one the log is for administrators alone", async () => {
    const { log: _, ...silent } = application
    const isolate = serving({}, silent)
    const { status, body } = await isolate.call(at.owner, `GET /v1/events?tenant=${at.organizationId}`)
    expect([status, body.items]).toEqual([403, undefined])
    const { id } = await must(at.editor, "POST /v1/tasks", { projectId: at.projectId, title: "T" })
    await must(at.owner, `DELETE /v1/tasks/${id}`)
    expect((await isolate.call(at.owner, `GET /v1/history/tasks/${id}`)).status).toBe(404)
    expect((await call(at.owner, `GET /v1/history/tasks/${id}`)).status).toBe(200)
  })
})

describe("what the statement gives", () => {
  const store = () =>
    openStore(
      { database: env.DB, models, cursorSecret: "s".repeat(43), ids, logTenant },
      { bookmark: null, fresh: true },
    )
  const read = (principal: Principal, tenant?: string) =>
    store().log.events({ limit: 50, ...(tenant === undefined ? {} : { tenant }) }, { principal, now: new Date() })
  const user = (id: string): Principal => ({ kind: "user", id, roles: [] })

  test("events for the owner of the tenant, and to everybody else no row at all", async () => {
    expect((await read(user(at.owner.id), at.organizationId)).events.length).toBeGreaterThan(3)
    const others = [user(at.editor.id), user(at.stranger.id), { kind: "anonymous" } as const]
    for (const principal of others) {
      expect((await read(principal, at.organizationId)).events).toEqual([])
      expect((await read(principal)).events).toEqual([])
    }
    expect((await read(user(at.owner.id))).events).toEqual([])
  })
})
