/** An outbox of a test's own: a table beside the real one in the same D1, with the clock and the receivers in the test's hand. */
import { env } from "cloudflare:workers"
import { sealer } from "../../src/authentication/seal.ts"
import type { Observation } from "../../src/core/observation.ts"
import { type Message, mailJob, type OutboxRow } from "../../src/core/outbox.ts"
import { system } from "../../src/core/principal.ts"
import { jobMessage } from "../../src/core/recorder.ts"
import { parseKeyRing } from "../../src/core/sealing.ts"
import { outboxStatement } from "../../src/database/outbox.ts"
import { ids } from "../../src/server/ids.ts"
import { type Deliver, type Deliverer, type Delivery, deliverer, type OutboxPorts } from "../../src/server/outbox.ts"
import { watchedDatabase } from "../support/serving.ts"
import { ownTable } from "../support/tables.ts"

export const second = 1000
export const hour = 3600 * second

type Undelivered = Extract<Observation, { kind: "undelivered" }>

/** A row as it stands in D1. */
export interface StoredRow extends OutboxRow {
  readonly attempts: number
  readonly lastError: string | null
}

/** The outbox and all that surrounds it. */
export interface OutboxWorld {
  readonly database: D1Database
  now(): number
  pass(milliseconds: number): void
  /** What arrived, in order. */
  readonly commands: Delivery[]
  /** What the operator was told. */
  readonly told: Undelivered[]
  /** Says whether a delivery fails, and with what. */
  fault: (delivery: Delivery) => Error | null
  /** A deliverer, as another isolate would have it. */
  isolate(change?: Partial<OutboxPorts>): Deliverer
  /** Commits messages as a batch would, and delivers nothing: whoever committed has died. */
  commit(...messages: readonly Message[]): Promise<readonly OutboxRow[]>
  rows(): Promise<readonly StoredRow[]>
  /** Changes a row behind the outbox's back. */
  change(id: string | undefined, column: keyof StoredRow, value: string): Promise<void>
  /** Ends when what went on behind answers is done. */
  settled(): Promise<void>
}

const bytes = crypto.getRandomValues(new Uint8Array(32)).toBase64({ alphabet: "base64url", omitPadding: true })
const kek = sealer(parseKeyRing(JSON.stringify({ current: "k1", keys: { k1: bytes } })), (length) =>
  crypto.getRandomValues(new Uint8Array(length)),
)

/** A world with an empty outbox; its table goes when the test is over. */
export async function newOutbox(): Promise<OutboxWorld> {
  const { name: table, renamed } = await ownTable("outbox")
  let now = Date.UTC(2030, 0, 1)
  const behind: Promise<unknown>[] = []
  const receive: Deliver = async (delivery) => {
    const fault = world.fault(delivery)
    if (fault !== null) throw fault
    world.commands.push(delivery)
  }
  const ports: OutboxPorts = {
    database: watchedDatabase(() => undefined, renamed).DB,
    sealer: kek,
    ids,
    now: () => new Date(now),
    behind: (work) => void behind.push(work),
    observe: (one) => void world.told.push(one as Undelivered),
    deliver: receive,
  }
  const world: OutboxWorld = {
    database: ports.database,
    now: () => now,
    pass: (milliseconds) => void (now += milliseconds),
    commands: [],
    told: [],
    fault: () => null,
    isolate: (change = {}) => deliverer({ ...ports, ...change }),
    async commit(...messages) {
      const rows = await world.isolate().prepare(messages, new Date(now))
      const { sql, binds } = outboxStatement(rows)
      await ports.database
        .prepare(sql)
        .bind(...binds)
        .run()
      return rows
    },
    rows: async () =>
      (await env.DB.prepare(`select * from "${table}" order by "id"`).all<Record<string, unknown>>())
        .results as unknown as StoredRow[],
    change: async (id, column, value) =>
      void (await env.DB.prepare(`update "${table}" set "${column}" = ? where "id" = ?`).bind(value, id).run()),
    async settled() {
      while (behind.length > 0) await behind.shift()
    },
  }
  return world
}

/** A letter to somebody, with a link in it. */
export function letter(to = "ada@example.com", token = "sv_ml_0123456789abcdefghijABCDEFGHIJ0123456789"): Message {
  const url = `https://selvage.test/account/magic-link?token=${token}`
  const input = { to, subject: "Sign in", paragraphs: ["Here it is."], action: { label: "Go", url } }
  return jobMessage({ principal: system("test"), requestId: "r-1" }, mailJob, input, {
    key: null,
    notBefore: null,
    run: null,
  })
}

/** A command to somebody's object; `sid` tells it from others. */
export function command(subject: string, sid: string): Message {
  const cause = { requestId: "r-1", actor: "system" }
  return { topic: "user", subject, payload: { command: { kind: "revokeSession", sid }, cause } }
}

/** The sid that a delivered command names. */
export function sidOf({ payload }: Delivery): string {
  return (payload as { command: { sid: string } }).command.sid
}
