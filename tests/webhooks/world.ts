/**
 * A world with endpoints, deliveries and an outbox of a test's own: what the log says is told when the test says so, the clock is in its hand, and
 * the receivers are functions behind the one way out, which refuses what it refuses everywhere.
 */
import { env } from "cloudflare:workers"
import type { Event } from "../../src/core/event.ts"
import { readLog } from "../../src/database/log.ts"
import { readTurn } from "../../src/database/turn.ts"
import { outboundFetch } from "../../src/integrations/outbound.ts"
import { type Actor, mintToken } from "../support/actors.ts"
import { type Apart, apart } from "../support/apart.ts"
import type { Answer } from "../support/calls.ts"
import { type Serving, serving, watchedDatabase } from "../support/serving.ts"
import { ownTable } from "../support/tables.ts"
import { newWorkspace, type Workspace } from "../support/workspace.ts"

export const second = 1000
export const minute = 60 * second
export const hour = 60 * minute
export const day = 24 * hour

/** A message as an endpoint got it. */
export interface Received {
  readonly url: string
  readonly headers: Record<string, string>
  readonly body: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
  readonly json: any
}

/** Somebody who is told: answers as it likes. */
export type Receiver = (message: Received, signal: AbortSignal) => Response | Promise<Response>

/** An endpoint that was made, with its secret. */
export interface Endpoint {
  readonly id: string
  readonly url: string
  readonly secret: string
}

/** The row of a delivery. */
export type DeliveryRow = Record<string, string | number | null> & { readonly id: string; readonly status: string }

export interface HookWorld extends Workspace {
  readonly served: Serving
  readonly apart: Apart
  /** What arrived anywhere, oldest first. */
  readonly received: Received[]
  /** How long each call was given, milliseconds; in truth half a second is. */
  readonly timeouts: (number | undefined)[]
  /** Every trip to the database passes here first; it may throw. */
  trip: (sql: readonly string[]) => void
  now(): Date
  /** Lets time pass. */
  pass(milliseconds: number): void
  /** Says what answers at a host; 204 when nothing was said. */
  at(host: string, receiver: Receiver): void
  /** Says where a name leads; a public address when nothing was said. */
  lead(host: string, ...addresses: string[]): void
  call(actor: Pick<Actor, "id"> | null, line: string, body?: unknown): Promise<Answer>
  /** Makes an endpoint for the tasks of the workspace, at a host of its own. */
  endpoint(actor: Pick<Actor, "id">, more?: object): Promise<Endpoint>
  /** Hands the log on, as the feed does; gives the events that were read. */
  read(): Promise<readonly Event[]>
  /** Runs what is due. */
  run(): Promise<void>
  /** Both. */
  tell(): Promise<void>
  deliveries(endpointId?: string): Promise<readonly DeliveryRow[]>
  row(endpointId: string): Promise<Record<string, string | number | null>>
  /** So many deliveries in a row have failed. */
  fail(endpointId: string, times: number): Promise<void>
  /** A task of the workspace, made by its owner through the Worker under test. */
  task(title?: string, more?: object): Promise<{ id: string; version: number }>
  /** Changes one. */
  retitle(id: string, title: string): Promise<void>
}

/** The two tables, quoted or not, and neither their indexes nor their names as values. */
const noun = [/(?<!['\w])"?webhook_endpoints"?(?!['\w])/g, /(?<!['\w])"?webhook_deliveries"?(?!['\w])/g]

/** Makes one; its tables go when the test is over. */
export async function hookWorld(): Promise<HookWorld> {
  const tables = [await ownTable("webhook_endpoints"), await ownTable("webhook_deliveries")] as const
  const renamed = (sql: string) => noun.reduce((text, table, n) => text.replaceAll(table, `"${tables[n]?.name}"`), sql)
  const own = await apart(watchedDatabase((sql) => world.trip(sql), renamed).DB)
  const workspace = await newWorkspace()
  let now = Date.now()
  let hosts = 0
  const receivers = new Map<string, Receiver>()
  const names = new Map<string, readonly string[]>()
  const received: Received[] = []
  const timeouts: (number | undefined)[] = []
  const callOut = outboundFetch({
    loopback: false,
    resolve: async (name) => names.get(name) ?? ["93.184.215.14"],
    fetch: async (url, init) => {
      const body = String(init.body)
      const headers = Object.fromEntries(new Headers(init.headers))
      const message = { url, headers, body, json: JSON.parse(body) }
      received.push(message)
      const receiver = receivers.get(new URL(url).host)
      return receiver ? receiver(message, init.signal as AbortSignal) : new Response(null, { status: 204 })
    },
  })
  const outbound: typeof callOut = (url, init) => {
    timeouts.push(init?.timeoutMs)
    return callOut(url, { ...init, timeoutMs: 500 })
  }
  const clock = () => new Date(now)
  // Chance at its largest: each pause is as long as it may be.
  const served = serving({}, undefined, { apart: own, now: clock, chance: () => 1, outbound })
  const reader = served.feed.readers.find(({ name }) => name === "webhooks")
  if (!reader) throw new Error("There is no reader of the log for webhooks")
  let cursor = (await readTurn(env.DB)).newest
  const storage = {} as SqlStorage
  const must = (answer: Answer, line: string): Answer => {
    if (answer.status < 300) return answer
    const cause = served.observations.map((one) => ("cause" in one ? one.cause : null)).findLast((one) => one)
    throw new Error(`${line} answered ${answer.status}: ${JSON.stringify(answer.body)}`, { cause })
  }
  const call: HookWorld["call"] = async (actor, line, body) => {
    const token = actor && { token: await mintToken(actor.id, { expiresIn: 60 * 86_400 }) }
    return served.call(token, line, body === undefined ? {} : { body })
  }
  const world: HookWorld = {
    ...workspace,
    served,
    apart: own,
    received,
    timeouts,
    trip: () => undefined,
    now: clock,
    pass: (milliseconds) => void (now += milliseconds),
    at: (host, receiver) => void receivers.set(host, receiver),
    lead: (host, ...addresses) => void names.set(host, addresses),
    call,
    async endpoint(actor, more = {}) {
      const url = `https://receiver-${++hosts}.example.com/hook`
      const body = { url, tenantId: workspace.organizationId, events: ["tasks.*"], ...more }
      const line = "POST /v1/webhook_endpoints"
      return must(await call(actor, line, body), line).body
    },
    async read() {
      const events = await readLog(env.DB, { after: cursor, limit: 500 })
      if (reader.wants(storage, await readTurn(own.change.DB))) await reader.read(events, storage)
      cursor = events.at(-1)?.sequence ?? cursor
      return events
    },
    run: () => served.settled(),
    async tell() {
      await world.read()
      await world.run()
    },
    async deliveries(endpointId) {
      const sql = `select * from "${tables[1].name}" where ?1 is null or "endpointId" = ?1 order by "row_key"`
      const { results } = await env.DB.prepare(sql)
        .bind(endpointId ?? null)
        .all()
      return results as unknown as readonly DeliveryRow[]
    },
    async row(endpointId) {
      const row = await env.DB.prepare(`select * from "${tables[0].name}" where "id" = ?`).bind(endpointId).first()
      return row as Record<string, string | number | null>
    },
    async fail(endpointId, times) {
      const sql = `update "${tables[0].name}" set "failures" = ?, "failingSince" = ? where "id" = ?`
      await env.DB.prepare(sql).bind(times, clock().toISOString(), endpointId).run()
    },
    async task(title = "Write", more = {}) {
      const line = "POST /v1/tasks"
      const body = { projectId: workspace.projectId, title, ...more }
      return must(await call(workspace.owner, line, body), line).body
    },
    async retitle(id, title) {
      const line = `PATCH /v1/tasks/${id}`
      must(await call(workspace.owner, line, { title }), line)
    },
  }
  return world
}

/** The bodies of what a host got. */
export function toldAt(world: HookWorld, endpoint: Pick<Endpoint, "url">): readonly Received[] {
  return world.received.filter(({ url }) => url === endpoint.url)
}
