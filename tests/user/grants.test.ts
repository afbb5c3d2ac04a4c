/** Programs in a user's object: how long what they hold lives, what ends it, and what happens when two things happen at a time. */
import { runInDurableObject } from "cloudflare:test"
import { describe, expect, test, vi } from "vitest"
import { noTerms } from "../../src/core/terms.ts"
import type { LiveUser } from "../../src/user/live-object.ts"
import { cause, day, granted, minute, newWorld, objects, refusal, second, told } from "./fixture.ts"
import {
  approve,
  bodyOf,
  clientOf,
  exchange,
  hexHash,
  issuer,
  letIn,
  redeem,
  refresh,
  requestOf,
  rules,
  verifier,
  verify,
} from "./granting.ts"

describe("by the clock", () => {
  test("a code holds for a minute", async () => {
    const world = await newWorld()
    const { sid } = await world.signIn()
    const [one, two] = [await approve(world, sid, clientOf("one")), await approve(world, sid, clientOf("two"))]
    world.pass(59 * second)
    expect(
      granted(
        await exchange(world, "code", { grant_type: "authorization_code", code: one, code_verifier: verifier }, "one"),
      ),
    ).toMatchObject({ status: 200 })
    world.pass(2 * second)
    const late = await exchange(
      world,
      "code",
      { grant_type: "authorization_code", code: two, code_verifier: verifier },
      "two",
    )
    expect(bodyOf(late).error).toBe("invalid_grant")
  })

  test("an access token holds for an hour, also across a restart of the object", async () => {
    const world = await newWorld()
    const { access, grant } = await letIn(world)
    await world.restart()
    world.pass(59 * minute)
    expect(await verify(world, access)).toMatchObject({ id: grant, scopes: ["tasks:read"], resource: issuer })
    world.pass(2 * minute)
    expect(refusal(await verify(world, access))).toBe("REFUSED")
  })

  test("a grant is over after 30 days without a refresh, and after 180 days in any case", async () => {
    const idle = await newWorld()
    const kept = await letIn(idle)
    idle.pass(30 * day + second)
    expect(bodyOf(await refresh(idle, kept.refresh)).error).toBe("invalid_grant")

    const world = await newWorld()
    let { refresh: token } = await letIn(world)
    for (let days = 0; days < 175; days += 25) {
      world.pass(25 * day)
      token = bodyOf(await refresh(world, token)).refresh_token ?? ""
      expect(token).not.toBe("")
    }
    world.pass(5 * day)
    expect(bodyOf(await refresh(world, token)).error).toBe("invalid_grant")
    expect(granted(await world.user.listGrants())).toEqual([])
  })

  test("what is over is cleared by the alarm, and the log hears of it", async () => {
    const world = await newWorld()
    await letIn(world)
    world.pass(31 * day)
    expect(await world.alarm()).toBe(true)
    for (const table of ["grants", "oauth", "spent"]) expect(await world.rows(`select * from "${table}"`)).toEqual([])
    const events = granted(await world.user.recentEvents(10))
    expect(events.filter(({ kind }) => kind === "grant.ended").map(({ fields }) => fields.reason)).toEqual(["expired"])
  })

  test("a lost answer is given again for half a minute, then the token was stolen", async () => {
    const world = await newWorld()
    const { refresh: token, grant } = await letIn(world)
    const first = granted(await refresh(world, token))
    world.pass(30 * second)
    expect(granted(await refresh(world, token))).toEqual(first)
    world.pass(second)
    expect(granted(await refresh(world, token))).toMatchObject({ status: 400, reduced: true })
    expect(await told(world, grant)).toBe("void")
  })

  test("a lost answer is not given again once the token in it was used", async () => {
    const world = await newWorld()
    const { refresh: token } = await letIn(world)
    const next = bodyOf(await refresh(world, token)).refresh_token ?? ""
    expect(granted(await refresh(world, next))).toMatchObject({ status: 200 })
    expect(granted(await refresh(world, token))).toMatchObject({ status: 400, reduced: true })
    expect(granted(await world.user.listGrants())).toEqual([])
  })
})

describe("an access token", () => {
  test("is for the resource that was asked for, and its grant for no other", async () => {
    const world = await newWorld()
    const { sid } = await world.signIn()
    const code = await approve(world, sid, clientOf(), `${issuer}/mcp`)
    expect(bodyOf(await redeem(world, code, { resource: issuer })).error).toBe("invalid_target")
    const { access_token: access = "", refresh_token: token = "" } = bodyOf(await redeem(world, code))
    expect(await verify(world, access)).toMatchObject({ resource: `${issuer}/mcp` })
    const other = await exchange(world, "refresh", {
      grant_type: "refresh_token",
      refresh_token: token,
      resource: issuer,
    })
    expect(bodyOf(other).error).toBe("invalid_target")
  })

  test("tells whether its user has a second factor, which an administrator's takes", async () => {
    const world = await newWorld()
    const { access } = await letIn(world)
    expect(await verify(world, access)).toMatchObject({ hasFactor: false })
  })

  test("is nobody else's, and no other grant's", async () => {
    const [ada, ben] = await Promise.all([newWorld(), newWorld()])
    const one = await letIn(ada)
    const two = await letIn(ben)
    expect(refusal(await ben.user.verifyAccess(one.grant, await hexHash(one.access)))).toBe("REFUSED")
    expect(refusal(await ada.user.verifyAccess(two.grant, await hexHash(one.access)))).toBe("REFUSED")
    expect(refusal(await ada.user.verifyAccess(one.grant, await hexHash(one.refresh)))).toBe("REFUSED")
  })

  test("leaves its last use to the minute", async () => {
    const world = await newWorld()
    const { access } = await letIn(world)
    const lastUse = async () => granted(await world.user.listGrants())[0]?.lastUsedAt
    expect(await lastUse()).toBeNull()
    await verify(world, access)
    const at = world.now()
    world.pass(30 * second)
    await verify(world, access)
    expect(await lastUse()).toBe(at)
    world.pass(31 * second)
    await verify(world, access)
    expect(await lastUse()).toBe(world.now())
  })
})

describe("what ends grants", () => {
  const account = (version: number, more: object = {}) => ({ version, roles: [], status: "active", ...more })

  test("a status that is not active; new roles make tokens be asked about again", async () => {
    const world = await newWorld()
    await world.user.apply("c0", { kind: "setAccount", account: account(1) }, cause)
    const { access, grant } = await letIn(world)
    await world.user.apply("c1", { kind: "setAccount", account: account(2, { roles: ["editor"] }) }, cause)
    expect(await told(world, grant)).toEqual(expect.any(Number))
    expect(await verify(world, access)).toMatchObject({ account: { roles: ["editor"] } })
    await world.user.apply("c2", { kind: "setAccount", account: account(3, { status: "disabled" }) }, cause)
    expect([await told(world, grant), refusal(await verify(world, access))]).toEqual(["void", "REFUSED"])
    expect(await world.rows('select * from "oauth"')).toEqual([])
  })

  test("a new password, but not the end of sessions alone, and not for what was granted later", async () => {
    const world = await newWorld()
    const before = await letIn(world)
    await world.user.revokeOthers(before.session, cause)
    expect(refusal(await verify(world, before.access))).toBeNull()
    const decidedAt = world.now() + 1
    world.pass(second)
    await redeem(world, await approve(world, before.session, clientOf("later")), { client_id: "later" })
    await world.user.apply("c1", { kind: "revokeOthers", keep: before.session, createdBefore: decidedAt }, cause)
    expect(refusal(await verify(world, before.access))).toBe("REFUSED")
    expect(granted(await world.user.listGrants()).map(({ client }) => client.id)).toEqual(["later"])
  })

  test("their user, also when the hub cannot be reached: done here, told later", async () => {
    const world = await newWorld()
    const { access, grant } = await letIn(world)
    world.hubReachable = false
    expect(refusal(await world.user.revokeGrant(grant, cause))).toBe("UNAVAILABLE")
    expect(refusal(await verify(world, access))).toBe("REFUSED")
    world.hubReachable = true
    world.pass(10 * second)
    await world.alarm()
    expect(await told(world, grant)).toBe("void")
  })

  test("a new grant to the same client for the same resource; others stay", async () => {
    const world = await newWorld()
    const { session, grant } = await letIn(world)
    await approve(world, session, clientOf(), `${issuer}/mcp`)
    await approve(world, session, clientOf("another"))
    expect(granted(await world.user.listGrants()).map(({ id }) => id)).toEqual([grant])
    await approve(world, session)
    expect(await told(world, grant)).toBe("void")
  })

  test("the object's own end", async () => {
    const world = await newWorld()
    const { grant } = await letIn(world)
    granted(await world.user.destroy(cause))
    expect(await told(world, grant)).toBe("void")
  })
})

describe("at a time", () => {
  test("a grant that ends amid an exchange stays ended, at whatever step of it", async () => {
    const world = await newWorld()
    const stub = objects.USER.getByName(`user/${world.id}`)
    let steps = 0
    for (let at = 1; at <= Math.max(steps, 3); at++) {
      const { refresh: token, grant } = await letIn(world)
      await runInDurableObject<LiveUser, void>(stub as never, async (instance) => {
        const digest = crypto.subtle.digest.bind(crypto.subtle)
        let ended: Promise<unknown> = Promise.resolve()
        steps = 0
        // Whoever exchanges hashes again and again: between two hashes anything may happen.
        const spy = vi.spyOn(crypto.subtle, "digest").mockImplementation((...given) => {
          if (++steps === at) ended = instance.revokeGrant(grant, cause)
          return digest(...given)
        })
        const parameters = Object.entries({ client_id: "client", grant_type: "refresh_token", refresh_token: token })
        await instance.exchange({ rules, grant, kind: "refresh", parameters, authorization: null }, cause)
        spy.mockRestore()
        await ended
      })
      expect([at, await world.rows(`select "key" from "oauth" where "grant" = '${grant}'`)]).toEqual([at, []])
    }
    expect([steps >= 3, granted(await world.user.listGrants())]).toEqual([true, []])
  })

  test("eight redeem one code: one gets tokens, and they end with the replay", async () => {
    const world = await newWorld()
    const { sid } = await world.signIn()
    const code = await approve(world, sid)
    const answers = (await Promise.all(Array.from({ length: 8 }, () => redeem(world, code)))).map(bodyOf)
    const won = answers.filter((body) => body.access_token !== undefined)
    expect(won).toHaveLength(1)
    expect(refusal(await verify(world, won[0]?.access_token ?? ""))).toBe("REFUSED")
  })
})

test("nobody has more than 100 grants, and a session that is over makes none", async () => {
  const world = await newWorld()
  const { sid } = await world.signIn()
  for (let n = 0; n < 100; n++) await approve(world, sid, clientOf(`client-${n}`))
  const request = await requestOf(clientOf("x"), issuer)
  const consent = { rules, request, client: clientOf("x"), terms: noTerms }
  expect(refusal(await world.user.authorize({ ...consent, session: sid }, cause))).toBe("LIMIT")
  expect(refusal(await world.user.authorize({ ...consent, session: "session_gone" }, cause))).toBe("REFUSED")
})
