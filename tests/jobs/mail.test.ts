/** Letters are jobs: kept sealed, sent by the provider, tried again for a day and then given up, none of them held up by another. */
import { env } from "cloudflare:workers"
import { describe, expect, test } from "vitest"
import application from "../../src/app/index.ts"
import { apart } from "../support/apart.ts"
import { newAddress } from "../support/people.ts"
import { production } from "../support/runtime.ts"
import { serving } from "../support/serving.ts"

const second = 1000
const hour = 3600 * second

/** An isolate of production whose provider refuses whom the test says; the clock and the outbox are the test's own. */
async function provider() {
  const own = await apart()
  let at = Date.now()
  const { env: bindings } = production()
  const sent: { to: string; subject: string; from: string }[] = []
  const world = {
    own,
    sent,
    now: () => at,
    pass: (milliseconds: number) => void (at += milliseconds),
    refuses: (_to: string): boolean => false,
    isolate: undefined as unknown as ReturnType<typeof serving>,
    /** Asks for an account: a letter follows. */
    async signUp(name = "Grace") {
      const { email, password, headers } = newAddress(name)
      const answer = await world.isolate.call(null, "POST /v1/auth/sign-up", {
        body: { name, email, password },
        headers,
      })
      expect(answer).toMatchObject({ status: 202, body: { accepted: true } })
      return email
    },
  }
  const MAIL = {
    send: async (letter: (typeof sent)[number]) => {
      if (world.refuses(letter.to)) throw new Error(`refused: ${letter.to}`)
      sent.push(letter)
      return { messageId: "1" }
    },
  }
  const change = { ...(bindings as object), ...own.change, MAIL }
  const settings = { apart: own, now: () => new Date(at), chance: () => 1 }
  world.isolate = serving(change, application, settings)
  return world
}

describe("a letter", () => {
  test("leaves once, and its row goes", async () => {
    const world = await provider()
    const email = await world.signUp()
    await world.isolate.settled()
    world.pass(hour)
    await world.isolate.settled()
    expect(world.sent).toMatchObject([
      { to: email, from: "no-reply@selvage.test", subject: expect.stringContaining("Confirm") },
    ])
    expect(await world.own.rows()).toEqual([])
  })

  test("that the provider refuses waits, sealed, is tried again in steps, and is sent once when it can be", async () => {
    const world = await provider()
    world.refuses = () => true
    const email = await world.signUp()
    const steps: number[] = []
    for (let n = 0; n < 12; n++) {
      await world.isolate.settled()
      const due = Date.parse((await world.own.rows())[0]?.dueAt ?? "")
      steps.push((due - world.now()) / second)
      world.pass(due - world.now())
    }
    expect(steps).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600])
    expect(world.isolate.observations.filter((one) => one.kind === "undelivered")).toHaveLength(12)
    const row = JSON.stringify(await world.own.rows())
    expect(row).toContain("s1.")
    expect(row).toContain("refused: [removed]")
    for (const secret of [email, "sv_em_", "Grace"]) expect(row).not.toContain(secret)
    world.refuses = () => false
    await world.isolate.settled()
    world.pass(24 * hour)
    await world.isolate.settled()
    expect(world.sent.map(({ to }) => to)).toEqual([email])
    expect(await world.own.rows()).toEqual([])
  })

  test("older than a day is given up: its links are over", async () => {
    const world = await provider()
    world.refuses = () => true
    await world.signUp()
    const [row] = await world.own.rows()
    await world.isolate.settled()
    world.pass(24 * hour)
    await world.isolate.settled()
    expect(await world.own.rows(), "a day is not over a day").toHaveLength(1)
    world.refuses = () => false
    world.pass(hour)
    await world.isolate.settled()
    expect([world.sent, await world.own.rows()]).toEqual([[], []])
    const dead = await env.DB.prepare('select * from "dead_letters" where "messageId" = ?').bind(row?.id).first()
    expect(dead).toMatchObject({ job: "mail.send", code: "DEADLINE_EXCEEDED", payload: row?.payload })
    expect(world.isolate.observations.at(-1)).toMatchObject({ kind: "undelivered", job: "mail.send", givenUp: true })
  })

  test("that cannot be sent, or whose sending hangs, delays no other", async () => {
    const world = await provider()
    const bad = await world.signUp("Bad")
    world.refuses = (to) => to === bad
    const good = [await world.signUp("Good"), await world.signUp("Also good")]
    await world.isolate.settled()
    expect(world.sent.map(({ to }) => to).sort()).toEqual(good.sort())
  })

  test("to nobody is made and thrown away: the same row, the same attempt, and nothing sent", async () => {
    const world = await provider()
    const { headers, email } = newAddress()
    await world.isolate.call(null, "POST /v1/auth/request-magic-link", { body: { email }, headers })
    expect(await world.own.rows()).toMatchObject([{ topic: "job", attempts: 0 }])
    await world.isolate.settled()
    expect([world.sent, await world.own.rows()]).toEqual([[], []])
    expect(world.isolate.observations.filter((one) => one.kind === "undelivered")).toEqual([])
  })
})
