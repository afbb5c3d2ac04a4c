/** The hub in a real object: versions, the stricter of two entries, expiry, and the way from a user's object with nothing in between. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { expect, test, vi } from "vitest"
import type { HubObject } from "../../src/core/hub-object.ts"
import { hubObjectName } from "../../src/core/hub-object.ts"
import type { UserObject } from "../../src/core/user-object.ts"
import { Hub } from "../../src/user/hub-object.ts"
import { LiveUser } from "../../src/user/live-object.ts"
import { User } from "../../src/user/object.ts"
import { cause, granted, key, minute, newWorld, objects } from "./fixture.ts"

test("since gives what is new, and everything to whoever comes with a version of another hub", async () => {
  const { hub, now } = await newWorld()
  const entry = (id: string, belowEpoch: number | null = null) => ({ id, belowEpoch, until: now() + minute })
  expect(await hub.since(0)).toEqual({ version: 0, revoked: [] })
  expect(await hub.revoke([entry("a"), entry("b", 3)])).toEqual({ version: 1 })
  expect(await hub.revoke([entry("c")])).toEqual({ version: 2 })
  expect(await hub.since(1)).toEqual({ version: 2, revoked: [entry("c")] })
  expect(await hub.since(2)).toEqual({ version: 2, revoked: [] })
  expect(granted(await hub.since(99)).revoked).toHaveLength(3)
})

test("of two entries for one id the stricter and the longer stays", async () => {
  const { hub, now } = await newWorld()
  const until = now() + minute
  await hub.revoke([{ id: "a", belowEpoch: 5, until: until + 1 }])
  await hub.revoke([{ id: "a", belowEpoch: 4, until }])
  expect(granted(await hub.since(0)).revoked).toEqual([{ id: "a", belowEpoch: 5, until: until + 1 }])
  await hub.revoke([{ id: "a", belowEpoch: null, until }])
  await hub.revoke([{ id: "a", belowEpoch: 9, until }])
  expect(granted(await hub.since(0)).revoked).toEqual([{ id: "a", belowEpoch: null, until: until + 1 }])
})

test("what is over is not told, and the alarm clears it; versions go on through a restart", async () => {
  const world = await newWorld()
  const stub = objects.HUB.getByName(`hub/${world.id}`)
  await world.hub.revoke([{ id: "a", belowEpoch: null, until: world.now() + minute }])
  await world.hub.revoke([{ id: "b", belowEpoch: null, until: world.now() + 9 * minute }])
  world.pass(minute)
  expect(granted(await world.hub.since(0)).revoked.map(({ id }) => id)).toEqual(["b"])
  await world.restart()
  expect(await runDurableObjectAlarm(stub)).toBe(true)
  const left = await runInDurableObject<Hub, unknown>(stub, (_, { storage }) =>
    storage.sql.exec('select "id" from "revoked"').toArray(),
  )
  expect(left).toEqual([{ id: "b" }])
  expect(await world.hub.revoke([{ id: "c", belowEpoch: null, until: world.now() + minute }])).toEqual({ version: 3 })
  expect(await runDurableObjectAlarm(stub)).toBe(true)
})

test("with the real clock and the real hub a revocation is there when the answer is, and the log has it soon after", async () => {
  const id = crypto.randomUUID()
  const user = objects.USER.getByName(`user/${id}`) as unknown as UserObject
  const hub = objects.HUB.getByName(hubObjectName) as unknown as HubObject
  const { version } = granted(await hub.since(0))
  granted(await user.createSession({ sid: id, key, amr: ["pwd"] }, cause))
  expect(await user.revoke(id, cause)).toEqual({ revoked: 1 })
  expect(granted(await hub.since(version)).revoked).toMatchObject([{ id, belowEpoch: null }])
  await vi.waitFor(
    async () => {
      const { results } = await env.DB.prepare('select "operation" from "events" where "record" = ?').bind(id).all()
      expect(results).toEqual([{ operation: "session.created" }, { operation: "session.ended" }])
    },
    { timeout: 10_000, interval: 200 },
  )
})

test("the objects answer to their contracts and to nothing else: what is on the prototype can be called", () => {
  const methods = (prototype: object) => Object.getOwnPropertyNames(prototype).sort().join(" ")
  expect(methods(Hub.prototype)).toBe("alarm constructor ping revoke since touch touchedSince")
  expect(methods(User.prototype)).toBe(
    "acknowledgeEvents addFactor addKey alarm apply checkToken complete completeFactor constructor createSession destroy enter exportAll " +
      "findPasskey forgive getPreferences issueToken listFactors listKeys listNotices listSessions markRead notify pendingEvents ping " +
      "recentEvents redeemToken refresh renameFactor replaceRecoveryCodes reserve reserveFactor revoke revokeAll revokeKey revokeOthers " +
      "session setPreference unseenNotice verifyKey",
  )
  expect(methods(LiveUser.prototype)).toBe(
    "alarm attending catchUp constructor deliver destroy endStreams factsChanged fetch hear markRead notify webSocketClose webSocketError " +
      "webSocketMessage",
  )
})
