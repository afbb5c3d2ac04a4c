/** A token that was verified once must not outlive its key: what an isolate that did not turn the keys itself believes, and for how long. */
import { env } from "cloudflare:workers"
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest"
import { signingKeys } from "../../src/authentication/keys.ts"
import { sealer } from "../../src/authentication/seal.ts"
import { parseKeyRing } from "../../src/core/sealing.ts"
import { random, ringText } from "./settings.ts"

const minute = 60_000
const at = (milliseconds: number) => new Date(Date.parse("2026-11-21T12:00:00Z") + milliseconds)
const seals = sealer(parseKeyRing(ringText("kek")), random)

const clear = env.DB.prepare('delete from "signing_keys"')
let others: Record<string, unknown>[] = []

// One database for all files: the keys of the Worker stand aside meanwhile, and come back.
beforeAll(async () => {
  others = (await env.DB.prepare('select * from "signing_keys"').all()).results
})
beforeEach(async () => {
  await clear.run()
})
afterAll(async () => {
  const back = env.DB.prepare(
    `insert into "signing_keys" select value->>'kid', value->>'publicJwk', value->>'sealedPrivate', value->>'state',
     value->>'createdAt', value->>'activatedAt', value->>'retiredAt' from json_each(?)`,
  )
  await env.DB.batch([clear, back.bind(JSON.stringify(others))])
})

/** An isolate whose trips to D1 are counted, and refused when it is cut off. */
function isolate() {
  const world = { trips: 0, isCut: false, behind: [] as Promise<unknown>[] }
  const database = {
    prepare(sql: string) {
      world.trips++
      if (world.isCut) throw new Error("D1 is gone")
      return env.DB.prepare(sql)
    },
    batch: (statements: D1PreparedStatement[]) => env.DB.batch(statements),
  } as D1Database
  const keys = signingKeys({ database, sealer: seals })
  const holds = (kid: string, now: Date) => keys.holds(kid, now, (work) => void world.behind.push(work))
  return { world, keys, holds }
}

test("while what is kept is fresh, it says so at once and asks nobody", async () => {
  const { world, keys, holds } = isolate()
  const { kid } = await keys.signer(at(0))
  const before = world.trips
  for (let call = 0; call < 100; call++) expect(holds(kid, at(call * 1000))).toBe(true)
  expect(holds("forged", at(0))).toBe(false)
  expect(world.trips).toBe(before)
  expect(world.behind).toEqual([])
})

test("the isolate that throws compromised keys away believes none of them from then on", async () => {
  const { keys, holds } = isolate()
  const { kid } = await keys.signer(at(0))
  await keys.rotate(at(minute), "compromised")
  expect(await holds(kid, at(minute))).toBe(false)
  expect(await holds((await keys.signer(at(minute))).kid, at(minute))).toBe(true)
})

test("another isolate hears of it behind its first answer after five minutes, with one trip however many ask", async () => {
  const [turner, other] = [isolate(), isolate()]
  const { kid } = await other.keys.signer(at(0))
  await turner.keys.rotate(at(minute), "compromised")
  expect(other.holds(kid, at(4 * minute))).toBe(true)

  const before = other.world.trips
  for (let call = 0; call < 20; call++) expect(other.holds(kid, at(5 * minute + call))).toBe(true)
  expect(other.world.behind).toHaveLength(1)
  await Promise.all(other.world.behind)
  expect(other.world.trips).toBe(before + 1)
  expect(other.holds(kid, at(5 * minute + 1000))).toBe(false)
})

test("after ten quiet minutes the first call waits; when D1 does not answer then, nothing is believed", async () => {
  const [turner, other] = [isolate(), isolate()]
  const { kid } = await other.keys.signer(at(0))
  await turner.keys.rotate(at(minute), "compromised")
  other.world.isCut = true
  await expect(other.holds(kid, at(10 * minute))).rejects.toMatchObject({ code: "UNAVAILABLE" })
  other.world.isCut = false
  expect(await other.holds(kid, at(10 * minute + 1))).toBe(false)
})

test("a clock that went back makes what is kept of unknown age: it is asked for again", async () => {
  const { world, keys, holds } = isolate()
  const { kid } = await keys.signer(at(minute))
  const before = world.trips
  expect(await holds(kid, at(0))).toBe(true)
  expect(world.trips).toBe(before + 1)
})
