/** The workspace under budgets of a test's own, and what its organization is told to have used. */
import { env } from "cloudflare:workers"
import application from "../../src/app/index.ts"
import type { Account, Figures, MeterObject, UsageOptions } from "../../src/core/usage.ts"
import { meterObjectName } from "../../src/server/keys.ts"
import { type Answer, type CallOptions, costOf } from "../support/calls.ts"
import { type Serving, serving } from "../support/serving.ts"

type Settings = NonNullable<Parameters<typeof serving>[2]>

/** An isolate of the workspace under these rules. */
export function under(usage: UsageOptions, settings: Settings = {}, change: object = {}): Serving {
  return serving(change, { ...application, usage: { read: "update", lower: "delete", ...usage } }, settings)
}

/** The object of an account, asked directly. */
export function meterOf(kind: Account["kind"], id: string): MeterObject {
  return env.METER.getByName(meterObjectName({ kind, id })) as unknown as MeterObject
}

/** What an account has used today, as its object knows it. */
export async function usedBy(kind: Account["kind"], id: string, now = new Date()): Promise<Figures> {
  return (await meterOf(kind, id).standing(now.toISOString().slice(0, 10))).spent
}

/** Adds the receipts of calls, as a caller would who keeps them. */
export function receipts(served: Pick<Serving, "call">) {
  const sum = { calls: 0, rowsRead: 0, rowsWritten: 0, estimate: 0 }
  return {
    sum,
    async call(actor: { readonly token: string } | null, line: string, options?: CallOptions): Promise<Answer> {
      const answer = await served.call(actor, line, options)
      const { rowsRead, rowsWritten, estimate } = costOf(answer)
      sum.calls += 1
      sum.rowsRead += rowsRead
      sum.rowsWritten += rowsWritten
      sum.estimate += estimate
      return answer
    },
  }
}
