/** What may be declared as a limit, and what is refused when the registry is built: by declaration, fault and cure. */
import {
  app,
  type LimitOptions,
  type Operation,
  operation,
  type Resource,
  type ResourceLimits,
  signedIn,
} from "selvage"
import { describe, expect, test } from "vitest"
import * as z from "zod"
import type { AppLimits, DeclaredLimit } from "../../src/core/limit.ts"
import { buildRegistry, type CompiledOperation } from "../../src/core/registry.ts"
import { notes } from "../core/fixture.ts"
import { limitedApp, plannedTeams, seats } from "./fixture.ts"

const say = (more: Partial<Operation> = {}): Operation =>
  operation("notes.say", {
    kind: "mutation",
    input: z.strictObject({ teamId: z.string().optional() }),
    output: z.null(),
    policy: signedIn(),
    handle: () => null,
    ...(more as object),
  })

const built = (limit: LimitOptions | readonly LimitOptions[], more: Partial<Operation> = {}): CompiledOperation => {
  const registry = buildRegistry(limitedApp({ operations: [say({ ...more, limit })] }))
  return registry.operations.get("notes.say") as CompiledOperation
}
const buildNotes = (limit: ResourceLimits) => buildRegistry(limitedApp({ notes: limit }))
const buildApp = (limits: AppLimits) => buildRegistry(limitedApp({ limits }))
const own = ({ limits }: CompiledOperation) =>
  [...limits.early, ...limits.late].filter(({ name }) => !name.startsWith("default/"))
const allowanceOf = (limit: DeclaredLimit | undefined, plan: string | null = null) => limit?.allowances.get(plan)

const minute: LimitOptions = { per: "principal", rate: "100/m" }

describe("a limit is read", () => {
  test.each<[string, number, number, number]>([
    ["5/s", 300, 5, 1],
    ["100/m", 100, 100, 60],
    ["30/h", 0.5, 30, 3600],
    ["1440/d", 1, 1440, 86_400],
    ["1000/s", 60_000, 1000, 1],
  ])("%s", (rate, ratePerMinute, burst, windowSeconds) => {
    const [limit] = own(built({ per: "principal", rate }))
    expect(allowanceOf(limit)).toEqual({ limit: { ratePerMinute, burst, cost: 1 }, tokens: burst, windowSeconds })
  })

  test("a burst is what comes at once, and tells in how many seconds it comes back", () => {
    const [limit] = own(built({ per: "address", rate: "100/m", burst: 20, cost: 2 }))
    expect(allowanceOf(limit)).toEqual({
      limit: { ratePerMinute: 100, burst: 20, cost: 2 },
      tokens: 20,
      windowSeconds: 12,
    })
  })

  test("a quota stands beside a rate, each counted under a name of its own", () => {
    const limits = own(built({ ...minute, quota: "5000/d" }))
    expect(limits.map(({ name }) => name)).toEqual(["notes.say/principal", "notes.say/principal/day"])
    expect(allowanceOf(limits[1])).toEqual({
      limit: { perDay: 5000, cost: 1 },
      tokens: 5000,
      windowSeconds: 86_400,
    })
  })

  test("two of one kind have two names", () => {
    const names = own(built([minute, { ...minute, rate: "5/s" }, { per: "key", rate: "5/s" }])).map(({ name }) => name)
    expect(names).toEqual(["notes.say/principal", "notes.say/principal/2", "notes.say/key"])
  })

  test("by plan, in the order of the enumeration, whatever order they are written in", () => {
    const [limit] = own(built({ per: "principal", rate: { team: "50/m", free: "5/m" } }))
    expect([...(limit?.allowances.keys() ?? [])]).toEqual(["free", "team"])
    expect(allowanceOf(limit, "team")?.tokens).toBe(50)
  })

  test("what looks at the input is counted after it is known; the rest before the body is read", () => {
    const { limits } = built([minute, { per: "organization", rate: "5/m" }], { organization: "teamId" })
    expect(limits.early.map(({ name }) => name)).toEqual(["default/principal", "notes.say/principal"])
    expect(limits.late.map(({ name }) => name)).toEqual(["notes.say/organization"])
  })
})

describe("of a resource", () => {
  const namesOf = (limit: ResourceLimits, name: string) =>
    own(buildNotes(limit).operations.get(name) as CompiledOperation).map((one) => `${one.name} ${one.counts}`)

  test("all its standard operations count together", () => {
    for (const verb of ["get", "update", "delete"])
      expect(namesOf(minute, `notes.${verb}`)).toEqual(["notes/principal calls"])
    expect(namesOf(minute, "notes.list")).toEqual(["notes/principal calls", "search/principal searches"])
  })

  test("by verb, and then a batch counts what it does as its verb would", () => {
    const limit = { create: minute, delete: { per: "address", rate: "1/s" } } as const
    expect(namesOf(limit, "notes.create")).toEqual(["notes.create/principal calls"])
    expect(namesOf(limit, "notes.update")).toEqual([])
    expect(namesOf(limit, "notes.batch")).toEqual(["notes.create/principal create", "notes.delete/address delete"])
  })

  test("per organization where a call names one: what is created in it, lists of it", () => {
    const each = { per: "organization", rate: "1/s" } as const
    expect(namesOf({ create: each, list: each }, "notes.create")).toEqual(["notes.create/organization calls"])
    expect(() => buildNotes({ get: each })).toThrow(
      /Resource notes, get, limit: per organization, which calls of notes.get/,
    )
    expect(() => buildNotes(each)).toThrow(/per organization, which calls of notes\.\w+ do not name/)
  })

  test("a verb that it has not is refused", () => {
    expect(() => buildNotes({ watch: minute })).not.toThrow()
    const operations = ["list", "get"] as const
    expect(() => buildRegistry(limitedApp({ notes: { create: minute }, verbs: operations }))).toThrow(
      "Resource notes, limit: create is not among its operations; there are list, get",
    )
  })
})

describe("of the application", () => {
  const limitsOf = (limits: AppLimits, name: string) => {
    const { early, late } = (buildApp(limits).operations.get(name) as CompiledOperation).limits
    return [...early, ...late]
  }

  test("left out: a thousand calls a minute of a principal, a hundred and twenty searches", () => {
    const found = limitsOf({}, "notes.list")
    expect(found.map(({ name, counts }) => [name, counts])).toEqual([
      ["default/principal", "calls"],
      ["search/principal", "searches"],
    ])
    expect(found.map((one) => allowanceOf(one)?.limit)).toEqual([
      { ratePerMinute: 1000, burst: 1000, cost: 1 },
      { ratePerMinute: 120, burst: 120, cost: 1 },
    ])
    // Seats cannot be searched.
    expect(limitsOf({}, "seats.list").map(({ name }) => name)).toEqual(["default/principal"])
  })

  test("given: in the place of the engine's, for every operation and for connections", () => {
    const limits = { default: [minute, { per: "address", rate: "50/s" }], search: [] } as const
    expect(limitsOf(limits, "notes.list").map(({ name }) => name)).toEqual(["default/principal", "default/address"])
    expect(buildApp(limits).connectionLimits.early).toHaveLength(2)
    expect(limitsOf({ default: [] }, "seats.get")).toEqual([])
  })

  test("a default that lets calls through uncounted does not where somebody proves who they are", () => {
    const limits = { default: { ...minute, whenUnreachable: "admit" } } as const
    const registry = buildRegistry(limitedApp({ limits, operations: [say({ confidential: true })] }))
    const admits = (name: string) => registry.operations.get(name)?.limits.early.map((one) => one.admitsUncounted)
    expect(admits("notes.get")).toEqual([true])
    expect(admits("notes.say")).toEqual([false])
  })
})

describe("refused", () => {
  const faults: [string, object, Partial<Operation>, RegExp][] = [
    [
      "nobody to count",
      { per: "nation", rate: "1/s" },
      {},
      /per is one of principal, address, key, organization, not nation/,
    ],
    ["neither rate nor quota", { per: "key" }, {}, /neither a rate nor a quota; say one/],
    [
      "an unknown unit",
      { per: "key", rate: "100/w" },
      {},
      /rate "100\/w" is not a number, a slash and one of s, m, h and d, such as/,
    ],
    ["no number", { per: "key", rate: "many/m" }, {}, /rate "many\/m" is not a number/],
    ["nothing at all", { per: "key", rate: "0/m" }, {}, /rate "0\/m" is not a number/],
    ["more than can be counted", { per: "key", rate: "1001/s" }, {}, /above 1,000 a second, the most that is counted/],
    ["a burst of 0", { per: "key", rate: "5/m", burst: 0 }, {}, /burst 0 is not a whole number of 1 to 1,000,000/],
    ["half a burst", { per: "key", rate: "5/m", burst: 1.5 }, {}, /burst 1.5 is not a whole number/],
    ["a burst that is too large", { per: "key", rate: "2000000/d" }, {}, /takes a burst of at most 1,000,000; say one/],
    ["a burst without a rate", { per: "key", quota: "5/d", burst: 3 }, {}, /a burst belongs to a rate; say one/],
    ["a cost of 0", { per: "key", rate: "5/m", cost: 0 }, {}, /cost 0 is neither a whole number nor "rows"/],
    [
      "a cost above the burst",
      { per: "key", rate: "5/m", cost: 6 },
      {},
      /a cost of 6 is above its burst of 5, so no call/,
    ],
    ["a cost above the quota", { per: "key", quota: "5/d", cost: 6 }, {}, /a cost of 6 is above its quota of 5/],
    [
      "a quota of an hour",
      { per: "key", quota: "5/h" },
      {},
      /quota "5\/h" is not a number of tokens a day, such as "10000\/d"/,
    ],
    ["too large a quota", { per: "key", quota: "10000001/d" }, {}, /above 10,000,000 a day, the most that is counted/],
    [
      "a plan that there is not",
      { per: "key", rate: { free: "1/s", gold: "2/s" } },
      {},
      /names the plan gold; there are free, team/,
    ],
    ["a plan left out", { per: "key", rate: { free: "1/s" } }, {}, /its rate lacks the plan team; say what it gives/],
    ["a plan left out of a quota", { per: "key", quota: { team: "1/d" } }, {}, /its quota lacks the plan free/],
    [
      "an organization that nobody names",
      { per: "organization", rate: "1/s" },
      {},
      /per organization, which calls of notes.say do not name/,
    ],
    [
      "another word than admit",
      { per: "key", rate: "1/s", whenUnreachable: "open" },
      {},
      /whenUnreachable is "admit" or left out/,
    ],
    [
      "admission of guesses",
      { per: "key", rate: "1/s", whenUnreachable: "admit" },
      { confidential: true },
      /would let anybody guess/,
    ],
    [
      "admission where a person is asked for",
      { per: "key", rate: "1/s", whenUnreachable: "admit" },
      { credential: "session" },
      /would let anybody guess/,
    ],
    [
      "admission to authentication",
      { per: "key", rate: "1/s", whenUnreachable: "admit" },
      { name: "auth.knock" },
      /Operation auth.knock, limit: whenUnreachable/,
    ],
  ]
  test.each(faults)("%s", (_, limit, more, message) => {
    expect(() => built(limit as LimitOptions, more)).toThrow(message)
    if (more.name === undefined)
      expect(() => built(limit as LimitOptions, more)).toThrow(/^Operation notes\.say, limit: /)
  })

  test("plans and organizations of an application that has none", () => {
    const build = (limit: LimitOptions, organizations?: { resource: string }) =>
      buildRegistry(
        app({
          title: "Plain",
          resources: [plannedTeams, seats, notes] as Resource[],
          operations: [say({ limit, organization: "teamId" })],
          ...(organizations ? { organizations } : {}),
        }),
      )
    expect(() => build({ per: "principal", rate: { free: "1/s" } })).toThrow(
      /its rate is by plan, and app\(\{ organizations: \{ plan \} \}\) names no plan/,
    )
    expect(() => build({ per: "principal", rate: { free: "1/s" } }, { resource: "teams" })).toThrow(/names no plan/)
    expect(() => build({ per: "organization", rate: "1/s" })).toThrow(/which calls of notes.say do not name/)
    expect(() => build({ per: "organization", rate: "1/s" }, { resource: "teams" })).not.toThrow()
  })

  test("a default per organization, and one of nonsense: by their place", () => {
    expect(() => buildApp({ default: { per: "organization", rate: "1/s" } })).toThrow(
      /^limits\.default, limit: per organization, which calls of most operations/,
    )
    expect(() => buildApp({ search: { per: "principal", rate: "1/x" } })).toThrow(/^limits\.search, limit: rate "1\/x"/)
  })
})
