/** A small world behind the REST door: notes in notebooks, a store that remembers what it was asked and answers what it is told. */
import { index, real, sqliteTable, text } from "drizzle-orm/sqlite-core"
import * as z from "zod"
import { type RestOptions, restDoor } from "../../src/api/rest/index.ts"
import type { Code } from "../../src/core/code.ts"
import { boolean, date, enumeration, instant, int32, int64, record, reference } from "../../src/core/column.ts"
import type { Json } from "../../src/core/json.ts"
import type { Observation } from "../../src/core/observation.ts"
import { get, operation, post } from "../../src/core/operation.ts"
import type { AggregatePlan, GetPlan, ListPlan, Page } from "../../src/core/plan.ts"
import { anyone, signedIn } from "../../src/core/policy.ts"
import type { Batch, Committed, Ports, Row, Store } from "../../src/core/ports.ts"
import { anonymous } from "../../src/core/principal.ts"
import { Problem, type ProblemOptions } from "../../src/core/problem.ts"
import { app, buildRegistry, type Registry, resource } from "../../src/core/registry.ts"
import { many, one } from "../../src/core/resource.ts"
import { idSchema } from "../../src/core/schema.ts"
import { noAnswers } from "../support/caching.ts"

export const id = (prefix: string) => `${prefix}_01kb5t8q3cf4n9r7x2m6w0zyad`
export const noteId = id("note")

const notebookTable = sqliteTable("rest_notebooks", { ...record("notebook"), name: text().notNull() }, (table) => [
  index("rest_notebooks_1").on(table.createdAt, table.id),
])
const noteTable = sqliteTable(
  "rest_notes",
  {
    ...record("note"),
    notebookId: reference("notebook").notNull(),
    title: text({ length: 100 }).notNull(),
    status: enumeration(["open", "done"]).notNull().default("open"),
    stars: int32(),
    weight: real(),
    size: int64(),
    pinned: boolean(),
    dueAt: instant(),
    day: date(),
    count: int32(),
  },
  (table) => [
    index("rest_notes_1").on(table.notebookId, table.status, table.stars),
    index("rest_notes_0").on(table.createdAt, table.id),
    index("rest_notes_2").on(table.weight, table.size, table.pinned),
    index("rest_notes_3").on(table.dueAt, table.day, table.title),
    index("rest_notes_4").on(table.count),
  ],
)

const signed = { read: signedIn(), create: signedIn(), update: signedIn(), delete: signedIn() }

export const notebooks = resource("notebooks", {
  table: notebookTable,
  tenant: "none",
  policy: { ...signed, read: anyone() },
  relations: { notes: many("notes", "notebookId", { onDelete: "refuse" }) },
  operations: ["get", "list"],
})

export const notes = resource("notes", {
  table: noteTable,
  tenant: "none",
  summary: "Something worth keeping",
  policy: signed,
  relations: { notebook: one("notebooks", "notebookId") },
  filter: ["notebookId", "title", "status", "stars", "weight", "size", "pinned", "dueAt", "day", "count"],
  sort: ["stars"],
  search: ["title"],
})

export const publishNote = operation("notes.publish", {
  kind: "mutation",
  summary: "Publish a note",
  input: z.strictObject({ id: idSchema("note"), message: z.string().max(20).optional() }),
  output: notes.schema,
  errors: ["FAILED_PRECONDITION"],
  policy: signedIn(),
  rest: post("/notes/{id}/publication"),
  handle: ({ input }) => ({ id: input.id, title: input.message ?? "published" }) as never,
})

export const importNotes = operation("notes.import", {
  kind: "mutation",
  input: z.strictObject({ titles: z.array(z.string()).max(3) }),
  output: z.object({ imported: z.int() }).meta({ id: "Imported" }),
  policy: signedIn(),
  handle: ({ input }) => ({ imported: input.titles.length }),
})

export const forecast = operation("weather.forecast", {
  kind: "query",
  input: z.strictObject({ days: z.int32(), hourly: z.boolean().optional(), places: z.array(z.string()).optional() }),
  output: z.object({ input: z.unknown() }).meta({ id: "Forecast" }),
  policy: anyone(),
  rest: get("/weather"),
  handle: ({ input }) => ({ input: input as Json }) as never,
})

/** What the store answers, and what it was asked. */
export interface World {
  row: Row | null
  page: Page
  failure: Problem | null
  committed: Committed
  readonly plans: (ListPlan | GetPlan | AggregatePlan)[]
  readonly batches: Batch[]
  readonly sessions: { readonly bookmark: string | null; readonly fresh: boolean }[]
  readonly observations: Observation[]
}

function storeOf(world: World): Store {
  const answer = async <T>(value: T): Promise<T> => {
    if (world.failure) throw world.failure
    return value
  }
  const read = <T>(plan: World["plans"][number], value: T): Promise<T> => {
    world.plans.push(plan)
    return answer(value)
  }
  return {
    list: (plan) => read(plan, world.page),
    get: (plan) => read(plan, world.row),
    aggregate: (plan) => read(plan, [{ count: 2 }]),
    permits: () => answer(true),
    commit: (batch) => {
      world.batches.push(batch)
      const rows = batch.writes.map((write) => ({ id: write.id, version: 1 }))
      return answer(world.committed.kind === "committed" ? { kind: "committed", reads: [], rows } : world.committed)
    },
    rehearse: () => answer({ kind: "rehearsed", records: [] } as const),
    replay: async () => null,
    explain: () => answer({}),
    withSecrets: () => answer(null),
    log: {} as never,
    bookmark: () => "bookmark-7",
    position: () => null,
    cost: { trips: 1, rowsRead: 2, rowsWritten: 0 },
  }
}

function portsOf(world: World, development: boolean): Ports {
  let minted = 0
  return {
    openStore: (session) => {
      world.sessions.push(session)
      return storeOf(world)
    },
    authenticate: async ({ bearer }) => {
      if (bearer === null) return anonymous
      if (bearer !== "ada") throw new Problem("UNAUTHENTICATED", "The access token is not valid")
      return { kind: "user", id: id("user"), roles: [] }
    },
    limitAddress: async (address) => {
      if (address === "192.0.2.1") throw new Problem("RESOURCE_EXHAUSTED", "Too many calls", { retryAfterSeconds: 60 })
    },
    limiter: {
      draw: () => ({
        admitted: true,
        remaining: 999,
        retryAfterSeconds: 0,
        resetSeconds: 1,
        firm: false,
        local: true,
        grant: null,
      }),
      restore: () => undefined,
      charge: () => undefined,
    },
    answers: noAnswers,
    memberships: async () => [],
    metering: { admit: () => null, spend: () => undefined },
    limitLetters: async () => undefined,
    ids: { mint: (prefix) => `${prefix}_01kb5t8q3cf4n9r7x2m6w0zy${String(++minted).padStart(2, "0")}` },
    accounts: () => ({}) as never,
    secrets: { mint: async () => ({ text: "", hash: "" }), read: async () => null },
    link: (page) => page,
    now: () => new Date("2026-12-01T09:00:00.000Z"),
    elapsed: () => 0,
    hash: async (content) => `${content.length}`.padEnd(64, "0"),
    outbox: { prepare: async () => [], dispatch: async () => undefined },
    poke: () => undefined,
    watch: async () => {
      throw new Error("There is no live world here")
    },
    behind: () => undefined,
    observe: (observation) => void world.observations.push(observation),
    development,
  }
}

export const registry = buildRegistry(
  app({ title: "Notes", resources: [notebooks, notes], operations: [publishNote, importNotes, forecast] }),
)

/** What a door may be opened with. */
interface Opening {
  readonly development?: boolean
  readonly corsOrigins?: readonly string[]
  /** Another one than that of the notes. */
  readonly registry?: Registry
}

/** A caller of a fresh door over a fresh world. */
export function open(options: Opening = {}) {
  const world: World = {
    row: { id: noteId, version: 3, title: "Milk" },
    page: { items: [], nextCursor: null },
    failure: null,
    committed: { kind: "committed", reads: [], rows: [] },
    plans: [],
    batches: [],
    sessions: [],
    observations: [],
  }
  const development = options.development ?? false
  const settings: RestOptions["settings"] = {
    development,
    corsOrigins: options.corsOrigins ?? [],
    requestId: () => "made",
    origin: "https://selvage.test",
  }
  const health = { parts: [{ part: "database", ok: true, milliseconds: 1 }] }
  const keys: object[] = []
  const door = restDoor({
    registry: options.registry ?? registry,
    ports: portsOf(world, development),
    settings,
    assets: null,
    health: async () => health.parts,
    jwks: async () => ({ keys }),
  })
  const anonymously = (path: string, init: RequestInit = {}) => door(new Request(`https://api.test${path}`, init))
  const call = (path: string, init: RequestInit & { readonly headers?: Record<string, string> } = {}) =>
    anonymously(path, { ...init, headers: { Authorization: "Bearer ada", ...init.headers } })
  const send = (method: string, path: string, body: unknown, headers: Record<string, string> = {}) =>
    call(path, {
      method,
      body: typeof body === "string" ? body : JSON.stringify(body),
      headers: { "Content-Type": "application/json", ...headers },
    })
  return { world, health, keys, anonymously, call, send }
}

/** The body of a problem. */
export interface ProblemBody {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly instance: string
  readonly code: Code
  readonly requestId: string
  readonly retryAfter?: number
  readonly violations?: readonly { readonly path: string; readonly code: string; readonly message: string }[]
}

export async function problemOf(answer: Response): Promise<ProblemBody> {
  return (await answer.json()) as ProblemBody
}

/** A problem as a store would throw it. */
export function failing(code: Code, options: ProblemOptions = {}): Problem {
  return new Problem(code, "It did not go", options)
}
