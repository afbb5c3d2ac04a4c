/** Changing one's own account from a handler: with what stands beside it, told to the old address, and never by a key. */
import { env } from "cloudflare:workers"
import { beforeAll, describe, expect, test } from "vitest"
import { mintToken } from "../support/actors.ts"
import { faultsOf } from "../support/calls.ts"
import type { Counted } from "../support/counting.ts"
import { lettersTo, letterTo, newAddress } from "../support/people.ts"
import { eventsOf } from "../support/workspace.ts"
import { arrival, asking, handleOf, makeHandles, newcomer, open, personOf, signIn } from "./dictated.ts"

beforeAll(makeHandles)

describe("changing one's account", () => {
  const change = (world: Counted, who: { token: string }, body: object) => world.call(who, "PATCH /door/me", { body })

  test("a new password ends the other sessions, keeps this one, and is told by letter", async () => {
    const world = open()
    const who = await arrival(world)
    const other = (await signIn(world, who)).body as { token: string; refresh: string }
    const password = "five green boats at noon"
    expect(await change(world, who, { password })).toMatchObject({ status: 200, body: { email: who.email } })
    await world.settled()
    expect((await world.call(who, "GET /v1/me")).status).toBe(200)
    expect((await asking(world, "POST /v1/auth/refresh", who, { refreshToken: other.refresh })).status).toBe(401)
    expect((await asking(world, "POST /v1/auth/refresh", who, { refreshToken: who.refresh })).status).toBe(200)
    expect((await signIn(world, who)).status).toBe(401)
    expect((await signIn(world, { ...who, password })).status).toBe(200)
    expect((await letterTo(who.email, "Your address or password was changed")).to).toBe(who.email)
  })

  test("a new address is not proved, opens the account from now on, and is told to the old one", async () => {
    const world = open()
    const who = await arrival(world)
    await env.DB.prepare(`update "users" set "emailVerifiedAt" = ? where "id" = ?`)
      .bind(new Date().toISOString(), who.id)
      .run()
    const email = `Moved-${newAddress().email}`
    expect((await change(world, who, { email })).body).toEqual({ email: email.toLowerCase() })
    await world.settled()
    expect(await personOf(email.toLowerCase())).toMatchObject({ id: who.id, emailVerifiedAt: null })
    expect((await signIn(world, who)).status).toBe(401)
    expect((await signIn(world, { ...who, email })).status).toBe(200)
    expect((await letterTo(who.email, "Your address or password was changed")).to).toBe(who.email)
    // The other sessions are the person's own: their address says nothing of who holds them.
    expect((await asking(world, "POST /v1/auth/refresh", who, { refreshToken: who.refresh })).status).toBe(200)
  })

  test("the same address again is no change: nothing is written, no letter goes", async () => {
    const world = open()
    const who = await arrival(world)
    const before = await personOf(who.email)
    const letters = await lettersTo(who.email)
    expect((await change(world, who, { email: who.email.toUpperCase() })).status).toBe(200)
    await world.settled()
    expect([await personOf(who.email), await lettersTo(who.email)]).toEqual([before, letters])
  })

  test("what is taken is said where it stands, and then nothing is changed", async () => {
    const world = open()
    const [who, other] = [await arrival(world), await arrival(world)]
    const before = await personOf(who.email)
    const password = "five green boats at noon"
    expect(faultsOf(await change(world, who, { email: other.email, password }))).toEqual([409, "/email taken"])
    expect(faultsOf(await change(world, who, { handle: other.handle, password, name: "New" }))).toEqual([
      409,
      "/handle already_exists",
    ])
    expect(faultsOf(await change(world, who, { handle: newcomer().handle, password: "short" }))).toEqual([
      400,
      "/password too_short",
    ])
    await world.settled()
    expect(await personOf(who.email)).toEqual(before)
    expect(await handleOf(who.handle)).not.toBeNull()
    expect((await signIn(world, who)).status).toBe(200)
  })

  test("what stands beside it changes in the same batch, as its owner", async () => {
    const world = open()
    const who = await arrival(world)
    const { handle } = newcomer()
    expect((await change(world, who, { handle, name: "New" })).status).toBe(200)
    const [own, person] = [await handleOf(handle), await personOf(who.email)]
    expect([own?.userId, person?.name]).toEqual([who.id, "New"])
    const [last, beside] = [(await eventsOf(who.id)).at(-1), (await eventsOf(String(own?.id))).at(-1)]
    expect([last?.requestId, last?.operation, beside?.actor]).toEqual([beside?.requestId, "door.change", who.id])
  })

  test("a new password or address takes the person itself: no key, no other issuer's token; a name takes either", async () => {
    const world = open()
    const who = await arrival(world)
    const made = await world.call(who, "POST /v1/api-keys", { body: { name: "A program", scopes: ["*:write"] } })
    const before = await personOf(who.email)
    for (const token of [made.body.key as string, await mintToken(who.id)]) {
      for (const body of [
        { password: "five green boats at noon" },
        { email: newAddress().email },
        { email: who.email },
      ])
        expect(await change(world, { token }, body)).toMatchObject({ status: 403, body: { code: "PERMISSION_DENIED" } })
      expect(await personOf(who.email)).toEqual(before)
    }
    expect((await change(world, { token: made.body.key }, { name: "By a program" })).status).toBe(200)
    expect(await personOf(who.email)).toMatchObject({ name: "By a program", passwordSealed: before?.passwordSealed })
  })
})
