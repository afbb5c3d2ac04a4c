/** An application with jobs, over an outbox of its own: what a job does, the clock and chance are in the test's hand. */
import { env } from "cloudflare:workers"
import {
  anyone,
  app,
  type Cron,
  cron,
  index,
  type JobContext,
  job,
  jobRuns,
  nobody,
  operation,
  post,
  type Retry,
  record,
  resource,
  signedIn,
  sqliteTable,
  text,
  uniqueIndex,
} from "selvage"
import * as z from "zod"
import type { Application } from "../../src/core/registry.ts"
import { createTable } from "../database/reads-fixture.ts"
import { type Actor, newActor } from "../support/actors.ts"
import { type Apart, apart } from "../support/apart.ts"
import { type Serving, serving } from "../support/serving.ts"

export const second = 1000
export const hour = 3600 * second

const effectTable = sqliteTable(
  "reads_effects",
  { ...record("effect"), name: text({ length: 80 }).notNull() },
  (table) => [
    index("effects_by_creation").on(table.createdAt, table.id),
    uniqueIndex("effects_by_name").on(table.name),
  ],
)

/** What jobs make. One of a name. */
export const effects = resource("effects", {
  table: effectTable,
  tenant: "none",
  policy: { read: anyone(), create: signedIn(), update: nobody(), delete: nobody() },
})

const given = z.strictObject({ name: z.string().max(60), key: z.string().optional() })
type Given = z.output<typeof given>
type Call = JobContext & { readonly input: Given }

/** Makes the table, empty. */
export async function makeEffects(): Promise<void> {
  const statements = createTable(effectTable).map((sql) =>
    sql.includes("effects_by_name") ? sql.replace("create index", "create unique index") : sql,
  )
  await env.DB.batch(statements.map((sql) => env.DB.prepare(sql)))
}

/** The jobs of a test. */
export interface JobsWorld {
  readonly own: Apart
  readonly ada: Actor
  /** What a job does before it makes its effect; nothing when it is not set. */
  act: (call: Call) => unknown
  /** Attempts that began: name and number. */
  readonly begun: [string, number][]
  now(): Date
  pass(milliseconds: number): void
  /** 0 to 1, for every pause. */
  chance: number
  /** Another isolate over the same outbox. */
  isolate(change?: { without?: true; production?: true; outbound?: JobContext["outbound"]["fetch"] }): Serving
  /** The first isolate. */
  readonly served: Serving
  /** Enqueues by a call of Ada's. */
  order(job: string, input: Given, at?: Date): Promise<string | null>
  /** Names of what was made, in order. */
  made(): Promise<readonly string[]>
  /** A name that no other test uses. */
  name(word: string): string
}

/** Declares the application. */
function declared(
  world: Pick<JobsWorld, "act" | "begun">,
  options: { retry?: Partial<Retry>; crons?: string },
): Application {
  const handle = async (call: Call) => {
    world.begun.push([call.input.name, call.attempt])
    await world.act(call)
    call.changes.create(effects, { name: call.input.name })
  }
  const { retry = {} } = options
  const make = job("effects.make", { input: given, retry, handle })
  const line = job("effects.line", { input: given, retry, key: ({ key = "one" }) => key, handle })
  const brief = job("effects.brief", { input: given, retry, timeoutSeconds: 1, handle })
  const track = job("effects.track", { input: given, retry, tracked: true, handle })
  // Each attempt would make another one: only the lease keeps two of them from standing there.
  const note = job("effects.note", {
    input: given,
    retry,
    handle: async (call) => {
      world.begun.push([call.input.name, call.attempt])
      await world.act(call)
      call.changes.create(effects, { name: `${call.input.name} ${call.attempt}` })
    },
  })
  const chain = job("effects.chain", {
    input: given,
    handle: ({ input, changes }) => void changes.enqueue(make, { name: `${input.name} next` }),
  })
  const jobs = [make, line, brief, track, note, chain]
  const order = operation("effects.order", {
    kind: "mutation",
    input: z.strictObject({
      job: z.string(),
      input: z.unknown(),
      at: z.iso.datetime().optional(),
      beside: z.string().optional(),
    }),
    output: z.object({ run: z.string().nullable() }).meta({ id: "Ordered" }),
    policy: signedIn(),
    rest: post("/orders"),
    handle({ input, changes }) {
      const wanted = jobs.find(({ name }) => name === input.job)
      if (wanted === undefined) throw new Error(`no job ${input.job}`)
      if (input.beside !== undefined) changes.create(effects, { name: input.beside })
      const at = input.at === undefined ? {} : { at: new Date(input.at) }
      return { run: changes.enqueue(wanted, input.input as Given, at).runId }
    },
  })
  const sweep = operation("effects.sweep", {
    kind: "mutation",
    input: z.strictObject({ name: z.string() }),
    output: z.object({ id: z.string() }).meta({ id: "Swept" }),
    policy: nobody(),
    // What the application does by itself is not limited: schedules run it as often as they say.
    limit: { per: "principal", rate: "1/d" },
    handle: ({ input, changes }) => ({
      id: changes.create(effects, { name: `${input.name} ${crypto.randomUUID()}` }).id,
    }),
  })
  const crons: Cron[] = options.crons === undefined ? [] : [cron("*/5 * * * *", sweep, { name: options.crons })]
  return app({ title: "Jobs", resources: [effects], operations: [order, sweep], jobs, crons })
}

const inProduction = {
  ENVIRONMENT: "production",
  PUBLIC_URL: "https://selvage.test",
  MAIL: { send: async () => ({ messageId: "1" }) },
  MAIL_FROM: "no-reply@selvage.test",
}

let worlds = 0

/** Makes a world; the clock stands still until `pass`. */
export async function jobsWorld(
  options: { readonly retry?: Partial<Retry>; readonly crons?: string; readonly database?: D1Database } = {},
): Promise<JobsWorld> {
  const [own, ada] = await Promise.all([apart(options.database), newActor("Ada")])
  const mark = `w${++worlds}-${crypto.randomUUID().slice(0, 8)}`
  let at = Date.now()
  const seen = { act: (_call: Call): unknown => undefined, begun: [] as [string, number][] }
  const application = declared(seen, options)
  const bare = app({ title: "Jobs", resources: [effects] })
  const isolate: JobsWorld["isolate"] = ({ without, production, outbound } = {}) =>
    serving(production ? inProduction : {}, without ? bare : application, {
      apart: own,
      now: () => new Date(at),
      chance: () => world.chance,
      ...(outbound ? { outbound } : {}),
    })
  const world: JobsWorld = {
    own,
    ada,
    get act() {
      return seen.act
    },
    set act(act) {
      seen.act = act
    },
    begun: seen.begun,
    now: () => new Date(at),
    pass: (milliseconds) => void (at += milliseconds),
    chance: 1,
    isolate,
    served: undefined as unknown as Serving,
    async order(name, input, later) {
      const body = { job: name, input, ...(later ? { at: later.toISOString() } : {}) }
      const answer = await world.served.call(ada, "POST /v1/orders", { body })
      if (answer.status !== 200) throw new Error(JSON.stringify(answer.body))
      return answer.body.run
    },
    made: async () => {
      const sql = `select "name" from "reads_effects" where "name" like ? order by "id"`
      const { results } = await env.DB.prepare(sql).bind(`${mark}%`).all<{ name: string }>()
      return results.map(({ name }) => name.slice(mark.length + 1))
    },
    name: (word) => `${mark} ${word}`,
  }
  Object.assign(world, { served: isolate() })
  return world
}

export { jobRuns }
