/** Whose budgets hold a program: the bound that its user has chosen, whoever the user is, and those of the application but for administrators. */
import { expect, test } from "vitest"
import type { GrantTerms } from "../../src/core/terms.ts"
import { type Account, type MeteredCall, noFigures, usageRule } from "../../src/core/usage.ts"
import { metering } from "../../src/usage/index.ts"

const models = new Map() as never

/** The accounts that may stop a call, and those that it counts for. */
async function payersOf(roles: readonly string[], terms: GrantTerms): Promise<{ held: string[]; counted: string[] }> {
  const held: string[] = []
  const counted: string[] = []
  const { admit } = metering({
    models,
    organizations: null,
    rule: usageRule({ budgets: { user: { rowsRead: 5 } } }, null, models),
    meters: {
      check: async ({ kind }: Account, budget: unknown) => void held.push(`${kind} ${JSON.stringify(budget)}`),
      count: ({ kind }: Account) => void counted.push(kind),
    } as never,
    memberships: async () => [],
    tenantsOf: async () => [],
    behind: () => undefined,
  })
  const operation = { name: "tasks.list", kind: "query" }
  const principal = { kind: "user", id: "user_x", roles, grant: "g", terms, scopes: ["*:read"] }
  const charge = await admit({ operation, principal, input: {}, now: new Date() } as unknown as MeteredCall)
  charge?.(noFigures, null)
  return { held, counted }
}

const bound = 'grant {"rowsRead":1000,"rowsWritten":1000}'
const ofUsers = 'user {"rowsRead":5}'

test.each<[string, string[], number | null, string[], string[]]>([
  ["a program under a bound", [], 1000, [bound, ofUsers], ["grant", "user"]],
  ["a program without one", [], null, [ofUsers], ["user"]],
  ["a program of an administrator under a bound", ["admin"], 1000, [bound], ["grant", "user"]],
  ["a program of an administrator without one", ["admin"], null, [], ["user"]],
])("%s", async (_, roles, rows, held, counted) => {
  expect(await payersOf(roles, { approval: false, rows })).toEqual({ held, counted })
})
