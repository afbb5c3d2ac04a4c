/** How a call is counted: by whom, when, all or nothing, and what is told of it. No limiter: what core asks of one is written down. */
import { type LimitOptions, operation, type Principal, Problem, signedIn, system } from "selvage"
import { describe, expect, test } from "vitest"
import * as z from "zod"
import type { Verdict } from "../../src/core/limiting.ts"
import type { Membership } from "../../src/core/organization.ts"
import { buildRegistry } from "../../src/core/registry.ts"
import { ada, admitted, anonymous, type CallOptions, callOf, noteId, teamId } from "../core/fixture.ts"
import { limitedApp } from "./fixture.ts"

const adaId = "user_01kaj700000000000000000000"
const otherTeam = "team_01kaj700000000000000000009"
const refusedFor = (retryAfterSeconds: number): Verdict => ({
  ...admitted,
  admitted: false,
  remaining: 0,
  retryAfterSeconds,
  resetSeconds: 60,
})
const unreachable = () => new Problem("UNAVAILABLE", "The service cannot count calls right now")

/** A call of an operation with limits, in an application without others. `ran` says whether its handler did. */
async function limited(limit: LimitOptions | readonly LimitOptions[], options: CallOptions = {}) {
  let ran = false
  const said = operation("notes.say", {
    kind: "mutation",
    input: z.strictObject({ teamId: z.string() }),
    output: z.null(),
    policy: signedIn(),
    organization: "teamId",
    limit,
    handle: () => {
      ran = true
      return null
    },
  })
  const registry = buildRegistry(limitedApp({ limits: { default: [] }, operations: [said] }))
  const outcome = await callOf(registry, "notes.say", { input: { teamId }, ...options })
  return { ...outcome, ran, drawn: outcome.asked.filter((what) => /^(draw|restore|charge|memberships)/.test(what)) }
}

const membership = (organization: string, plan: string): Membership => ({ organization, role: "boss", plan })
const minute = (per: LimitOptions["per"]): LimitOptions => ({ per, rate: "100/m" })
const byPlan = (per: LimitOptions["per"]): LimitOptions => ({ per, rate: { free: "5/m", team: "50/m" } })

describe("whose tokens", () => {
  const key: Principal = { ...(ada as Principal & { kind: "user" }), key: "apikey_1" }
  const from = { principal: anonymous, address: "2001:db8:0:1::7" }
  test.each<[string, LimitOptions["per"], CallOptions, string]>([
    ["a principal is the user", "principal", {}, adaId],
    ["whatever key the user presents", "principal", { principal: key }, adaId],
    ["a key is the key", "key", { principal: key }, "apikey_1"],
    ["a call without a key is its principal's", "key", {}, adaId],
    [
      "an address is its network, whoever calls",
      "address",
      { address: "2001:db8:0:1:5::9" },
      "address/2001:db8:0:1::/64",
    ],
    ["an IPv4 address is itself", "address", { address: "203.0.113.7" }, "address/203.0.113.7"],
    ["callers without an address are counted together", "address", {}, "address/unknown"],
  ])("%s", async (_, per, options, whom) => {
    const { drawn, ran } = await limited(minute(per), options)
    expect(drawn).toEqual([`draw call/notes.say/${per}/${whom}`])
    expect(ran).toBe(true)
  })

  test("nobody counts by network, before it is said that they may not call", async () => {
    const { drawn, problem } = await limited([minute("principal"), minute("key")], from)
    expect(drawn).toEqual([
      "draw call/notes.say/principal/address/2001:db8:0:1::/64",
      "draw call/notes.say/key/address/2001:db8:0:1::/64",
    ])
    expect(problem?.code).toBe("UNAUTHENTICATED")
  })

  test("the application's own calls are not counted", async () => {
    const { drawn, ran, facts } = await limited(minute("principal"), { principal: system("nightly") })
    expect([drawn, ran, facts.limits]).toEqual([[], true, []])
  })

  test("an organization pays for its members", async () => {
    const { drawn, facts } = await limited(minute("organization"), { memberships: [membership(teamId, "free")] })
    expect(drawn).toEqual(["memberships", `draw call/notes.say/organization/${teamId}`])
    expect(facts.limits).toMatchObject([{ name: "notes.say/organization", organization: teamId }])
  })

  test("whoever names an organization that is not theirs pays alone, on the lowest plan, and hears nothing of it", async () => {
    const { drawn, facts } = await limited(byPlan("organization"), { memberships: [membership(otherTeam, "team")] })
    expect(drawn).toEqual(["memberships", `draw call/notes.say/organization/free/${adaId}`])
    expect(facts.limits).toMatchObject([{ organization: null, tokens: 5 }])
    expect(JSON.stringify(facts.limits)).not.toContain(teamId)
  })

  test("nobody needs no look-up to be no member", async () => {
    const { drawn } = await limited(minute("organization"), { ...from, input: { teamId } })
    // Turned away before the organization is counted.
    expect(drawn).toEqual([])
  })
})

describe("how many tokens", () => {
  test.each<[string, LimitOptions["per"], readonly Membership[], string, number]>([
    [
      "an organization's own plan",
      "organization",
      [membership(otherTeam, "team"), membership(teamId, "free")],
      `free/${teamId}`,
      5,
    ],
    [
      "the best of a principal's plans",
      "principal",
      [membership(teamId, "team"), membership(otherTeam, "free")],
      `team/${adaId}`,
      50,
    ],
    ["the lowest for who has no organization", "principal", [], `free/${adaId}`, 5],
  ])("%s", async (_, per, memberships, whom, tokens) => {
    const { drawn, facts } = await limited(byPlan(per), { memberships })
    expect(drawn).toEqual(["memberships", `draw call/notes.say/${per}/${whom}`])
    expect(facts.limits[0]?.tokens).toBe(tokens)
  })

  test("memberships are asked for once, and by no limit that does not need them", async () => {
    const memberships = [membership(teamId, "team")]
    const both = await limited([byPlan("principal"), byPlan("organization")], { memberships })
    expect(both.drawn.filter((what) => what === "memberships")).toHaveLength(1)
    const { drawn } = await limited([minute("principal"), minute("address"), minute("key")], { memberships })
    expect(drawn).not.toContain("memberships")
  })

  test("a batch takes for each record of the kind, of the organization that it is created in", async () => {
    const create = { per: "organization", rate: "10/m", cost: 2 } as const
    const remove = { per: "principal", rate: "10/m" } as const
    const registry = buildRegistry(limitedApp({ limits: { default: [] }, notes: { create, delete: remove } }))
    const values = (team: string) => ({ op: "create", values: { teamId: team, title: "a" } })
    const records = [values(teamId), values(teamId), values(otherTeam), { op: "delete", id: noteId }]
    const { asked, facts, problem } = await callOf(registry, "notes.batch", {
      input: { records },
      memberships: [membership(teamId, "free")],
      draw: () => admitted,
    })
    expect(problem).toBeUndefined()
    expect(asked.filter((what) => what.startsWith("draw"))).toEqual([
      `draw call/notes.create/organization/${teamId}`,
      `draw call/notes.create/organization/${adaId}`,
      `draw call/notes.delete/principal/${adaId}`,
    ])
    expect(facts.limits.map(({ name }) => name).sort()).toEqual([
      "notes.create/organization",
      "notes.create/organization",
      "notes.delete/principal",
    ])
    const tooMany = await callOf(registry, "notes.batch", {
      input: { records: Array.from({ length: 6 }, () => values(teamId)) },
    })
    expect(tooMany.problem).toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      message: expect.stringMatching(/takes 12 .* more than 10/),
    })
    expect(tooMany.problem?.options.retryAfterSeconds).toBeUndefined()
    expect(tooMany.batches).toEqual([])
  })

  test("a list costs a search when it is one", async () => {
    const registry = buildRegistry(limitedApp({ limits: { default: [] } }))
    const drawsOf = async (input: object) =>
      (await callOf(registry, "notes.list", { input: input as never })).asked.filter((what) => what.startsWith("draw"))
    expect(await drawsOf({ q: "a" })).toEqual([`draw call/search/principal/${adaId}`])
    expect(await drawsOf({})).toEqual([])
  })

  test("rows are paid afterwards, the first of them before", async () => {
    const limit: LimitOptions = { per: "principal", rate: "1000/m", cost: "rows" }
    const registry = buildRegistry(limitedApp({ limits: { default: limit } }))
    const read = (rowsRead: number) =>
      callOf(registry, "notes.list", { rowsRead, draw: () => ({ ...admitted, remaining: 900 }) })
    const many = await read(41)
    expect(many.asked.slice(-1)).toEqual([`charge call/default/principal/${adaId} 40`])
    expect(many.facts.limits[0]?.verdict.remaining).toBe(860)
    expect((await read(1)).asked.filter((what) => what.startsWith("charge"))).toEqual([])
  })
})

describe("all or nothing", () => {
  test("when one refuses, the others get theirs back, nothing runs, and the longest wait is told", async () => {
    const limits = [minute("principal"), minute("address"), minute("key")]
    const draw = (key: string) =>
      key.includes("/address/") ? refusedFor(7) : key.includes("/key/") ? refusedFor(3) : admitted
    const { drawn, problem, ran, batches, facts } = await limited(limits, { draw, address: "203.0.113.7" })
    expect(drawn.slice(0, 3).every((what) => what.startsWith("draw"))).toBe(true)
    expect(drawn.slice(3)).toEqual([`restore call/notes.say/principal/${adaId}`])
    expect(problem).toMatchObject({ code: "RESOURCE_EXHAUSTED", options: { retryAfterSeconds: 7 } })
    expect(problem?.message).toBe("Too many requests: notes.say/address, notes.say/key")
    expect([ran, batches]).toEqual([false, []])
    // The tightest first, and what went back is there again.
    expect(facts.limits.map(({ name, verdict }) => [name, verdict.admitted, verdict.remaining])).toEqual([
      ["notes.say/address", false, 0],
      ["notes.say/key", false, 0],
      ["notes.say/principal", true, 10],
    ])
    expect(problem?.options.limits).toEqual(facts.limits)
  })

  test("also what was taken before the input was known", async () => {
    const draw = (key: string) => (key.includes("/organization/") ? refusedFor(7) : admitted)
    const { drawn, problem, ran } = await limited([minute("principal"), minute("organization")], {
      draw,
      memberships: [],
    })
    expect(drawn.at(-1)).toBe(`restore call/notes.say/principal/${adaId}`)
    expect([problem?.code, ran]).toEqual(["RESOURCE_EXHAUSTED", false])
  })

  test("promises and verdicts alike", async () => {
    const later = async () => {
      await Promise.resolve()
      return refusedFor(5)
    }
    const draw = (key: string) => (key.includes("/address/") ? later() : admitted)
    const { drawn, problem } = await limited([minute("principal"), minute("address")], { draw })
    expect(drawn.at(-1)).toBe(`restore call/notes.say/principal/${adaId}`)
    expect(problem?.options.retryAfterSeconds).toBe(5)
  })

  test("a body that is not valid has cost what is counted by caller, and nothing of an organization", async () => {
    const limits = [minute("principal"), minute("organization")]
    const { drawn, problem } = await limited(limits, {
      input: { teamId: 5 },
      memberships: [membership(teamId, "free")],
    })
    expect(problem?.code).toBe("INVALID_ARGUMENT")
    expect(drawn).toEqual([`draw call/notes.say/principal/${adaId}`])
  })
})

describe("when nobody can count", () => {
  const failing = [
    [
      "throws",
      () => {
        throw unreachable()
      },
    ],
    ["rejects", () => Promise.reject(unreachable())],
  ] as const
  test.each(failing)("a limiter that %s: the call is refused, and the others get theirs back", async (_, fail) => {
    const draw = (key: string) => (key.includes("/address/") ? fail() : admitted)
    const { drawn, problem, ran } = await limited([minute("principal"), minute("address")], { draw })
    expect([problem?.code, ran]).toEqual(["UNAVAILABLE", false])
    expect(drawn.at(-1)).toBe(`restore call/notes.say/principal/${adaId}`)
  })

  test.each(failing)(
    "a limiter that %s, where admission is spelled: the call goes on, and the operator hears of it",
    async (_, fail) => {
      const { ran, facts, observed } = await limited(
        { ...minute("principal"), whenUnreachable: "admit" },
        { draw: () => fail() },
      )
      expect([ran, facts.limits]).toEqual([true, []])
      expect(observed).toMatchObject([
        { kind: "fault", where: "limit notes.say/principal" },
        { kind: "call", code: "OK" },
      ])
    },
  )

  test("admission of one limit does not open another", async () => {
    const limits = [{ ...minute("address"), whenUnreachable: "admit" as const }, minute("principal")]
    const { problem, ran } = await limited(limits, { draw: () => Promise.reject(unreachable()) })
    expect([problem?.code, ran]).toEqual(["UNAVAILABLE", false])
  })

  test("memberships that cannot be read refuse, and give back", async () => {
    const fault = new Problem("UNAVAILABLE", "The database cannot be reached")
    const { problem, drawn, ran } = await limited([minute("principal"), minute("organization")], { memberships: fault })
    expect([problem, ran]).toEqual([fault, false])
    expect(drawn.at(-1)).toBe(`restore call/notes.say/principal/${adaId}`)
  })
})
