/** What a call is estimated to cost: the figures of the price table, and nothing that is not counted. */
import { app } from "selvage"
import { describe, expect, test } from "vitest"
import application from "../../src/app/index.ts"
import type { Message } from "../../src/core/outbox.ts"
import { defaultPrices, estimateOf, pricesOf } from "../../src/core/prices.ts"
import type { Registry } from "../../src/core/registry.ts"
import { usageRule } from "../../src/core/usage.ts"
import { registryOf } from "../../src/engine.ts"
import { costOf } from "../support/calls.ts"
import { serving } from "../support/serving.ts"
import { newWorkspace } from "../support/workspace.ts"

const cost = (rowsRead: number, rowsWritten: number) => ({ trips: 1, rowsRead, rowsWritten })
const job = { topic: "job" } as Message
const command = { topic: "user" } as Message

describe("the estimate", () => {
  // $0.30 a million requests, $0.02 a million CPU-ms (one is taken), $0.001 and $1.00 a million rows, $0.15 a million object requests,
  // $0.40 a million operations of a queue, three a message.
  test.each<[string, number, readonly Message[] | null, number]>([
    ["a call that asks nothing", 0, null, 320],
    ["a page of twenty rows", 20, null, 340],
    ["a commit: the feed is poked", 0, [], 470],
    ["a job", 0, [job], 1670],
    ["a command to an object", 0, [command], 620],
  ])("%s", (_, rowsRead, sent, expected) => {
    expect(estimateOf(defaultPrices, cost(rowsRead, 0), sent)).toBe(expected)
  })
  test("a million rows written is a dollar, a million rows read a tenth of a cent", () => {
    const call = estimateOf(defaultPrices, cost(0, 0), null)
    expect(estimateOf(defaultPrices, cost(0, 1_000_000), null) - call).toBe(1_000_000_000)
    expect(estimateOf(defaultPrices, cost(1_000_000, 0), null) - call).toBe(1_000_000)
  })
  test("stands in the receipt of a real call, by its rows and by what the application says", async () => {
    const { owner, organizationId } = await newWorkspace()
    const dear = { ...application, usage: { prices: { rowRead: 1000, cpuMillisecondsPerCall: 5 } } }
    const line = `GET /v1/projects?organizationId=${organizationId}`
    const [plain, priced] = await Promise.all([application, dear].map((one) => serving({}, one).call(owner, line)))
    if (!plain || !priced) throw new Error("unreachable")
    const { rowsRead, estimate } = costOf(plain)
    expect(rowsRead).toBeGreaterThan(0)
    expect(estimate).toBe(320 + rowsRead)
    expect(costOf(priced).estimate).toBe(400 + 1000 * rowsRead)
  })
})

describe("prices are refused", () => {
  test("that are no whole nano-dollars, or of what is not counted", () => {
    expect(() => pricesOf({ rowRead: 0.5 })).toThrow(/usage.prices: rowRead is not a whole number of nano-dollars/)
    expect(() => pricesOf({ request: -1 })).toThrow(/usage.prices: request is not/)
    expect(() => pricesOf({ kvRead: 500 } as never)).toThrow(/usage.prices: there is no price kvRead/)
  })
})

describe("a declaration is refused", () => {
  const build = (usage: object) => () => registryOf({ ...application, usage }, { development: false })
  test.each<[string, object, RegExp]>([
    ["a budget of what is not bounded", { budgets: { key: { calls: 5 } } }, /key bounds calls; there are rowsRead and/],
    ["half a row", { budgets: { organization: { rowsRead: 1.5 } } }, /rowsRead of organization is not a whole number/],
    ["a debt", { budgets: { user: { rowsWritten: -1 } } }, /rowsWritten of user is not a whole number/],
    ["the right to create", { read: "create" }, /a creation has no record yet/],
    ["a role that is not there", { warn: "boss" }, /usage.warn: organizations has no role boss/],
  ])("%s", (_, usage, message) => {
    expect(build(usage)).toThrow(message)
  })
  test("a plan without a budget, and a budget of no plan; each plan has its own", () => {
    const plan = { kind: { type: "enum", values: ["free", "team"] }, nullable: false }
    const models = new Map([["teams", { columns: new Map([["plan", plan]]), members: null }]]) as never
    const rule = (plans: object) =>
      usageRule({ budgets: { organization: { plans } } } as never, { resource: "teams", plan: "plan" }, models)
    expect(() => rule({ free: {} })).toThrow(/the plan team has none; \{\} is one without a bound/)
    expect(() => rule({ free: {}, team: {}, gold: {} })).toThrow(/there is no plan gold/)
    expect(() => rule({ free: { rowsRead: -1 }, team: {} })).toThrow(/rowsRead of the plan free is not/)
    const { organizationBudget, hasBudgets } = rule({ free: { rowsRead: 5 }, team: {} })
    expect([hasBudgets, organizationBudget("free"), organizationBudget("team")]).toEqual([true, { rowsRead: 5 }, {}])
    // One that is in the database and not in this code has nothing.
    expect(organizationBudget("gold")).toEqual({ rowsRead: 0, rowsWritten: 0 })
  })
  test("plans, where the organizations have none", () => {
    const usage = { budgets: { organization: { plans: { free: {} } } } }
    const models = new Map([["teams", { columns: new Map(), members: null }]]) as never
    expect(() => usageRule(usage, { resource: "teams" }, models)).toThrow(/organizations.plan names none/)
  })
  const bare = (usage: object) => registryOf(app({ title: "Bare", resources: [], usage }), { development: false })
  test("what is about organizations, where there are none", () => {
    expect(() => bare({ read: "update" })).toThrow(/take app\(\{ organizations \}\)/)
    expect(() => bare({ budgets: { organization: {} } })).toThrow(/take app\(\{ organizations \}\)/)
    expect(() => bare({ budgets: { key: { rowsRead: 5 } } })).not.toThrow()
  })
  test("operations of usage stand where something is counted, and nowhere else", () => {
    const names = (registry: Registry) => [...registry.operations.keys()].filter((name) => name.startsWith("usage."))
    expect(names(bare({}))).toEqual([])
    expect(names(bare({ budgets: { key: {} } }))).toEqual(["usage.get", "usage.list"])
    expect(names(build({})())).toEqual(["usage.get", "usage.list", "usage.setBudget"])
  })
})
