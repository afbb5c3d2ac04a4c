/** A small application and a world of its own for the tests of core: no database, no HTTP; what core asks for is written down. */
import {
  anonymous,
  any,
  app,
  boolean,
  enumeration,
  index,
  instant,
  int32,
  int64,
  is,
  json,
  many,
  me,
  memberOf,
  type Operation,
  one,
  type Principal,
  Problem,
  real,
  record,
  reference,
  resource,
  secret,
  signedIn,
  sqliteTable,
  text,
} from "selvage"
import type { Door, Facts, Match } from "../../src/core/door.ts"
import type { Json } from "../../src/core/json.ts"
import type { Verdict } from "../../src/core/limiting.ts"
import { type Model, modelOf } from "../../src/core/model.ts"
import type { Observation } from "../../src/core/observation.ts"
import type { Membership } from "../../src/core/organization.ts"
import { run } from "../../src/core/pipeline.ts"
import type { Batch, Committed, Ports, Row, Store } from "../../src/core/ports.ts"
import { buildRegistry, type Registry } from "../../src/core/registry.ts"
import { noAnswers } from "../support/caching.ts"

const teamTable = sqliteTable("teams", { ...record("team"), name: text({ length: 40 }).notNull() }, (t) => [
  index("teams_1").on(t.createdAt, t.id),
])
const seatTable = sqliteTable(
  "seats",
  {
    ...record("seat"),
    teamId: reference("team").notNull(),
    userId: reference("user").notNull(),
    role: enumeration(["guest", "boss"]).notNull(),
  },
  (t) => [index("seats_1").on(t.userId, t.teamId, t.role), index("seats_2").on(t.teamId, t.createdAt, t.id)],
)
const noteTable = sqliteTable(
  "notes",
  {
    ...record("note"),
    teamId: reference("team").notNull(),
    ownerId: reference("user"),
    title: text({ length: 20 }).notNull(),
    status: enumeration(["open", "done"]).notNull().default("open"),
    rank: int32(),
    big: int64(),
    weight: real(),
    done: boolean().notNull().default(false),
    dueAt: instant(),
    bag: json(),
    token: secret(text()),
  },
  (t) => [
    index("notes_1").on(t.teamId, t.createdAt, t.id),
    index("notes_2").on(t.ownerId, t.createdAt, t.id),
    index("notes_3").on(t.teamId, t.status, t.rank),
    index("notes_4").on(t.teamId, t.dueAt, t.id),
    index("notes_5").on(t.title, t.done, t.bag),
  ],
)

const member = memberOf("teams", "teamId")
const seats = resource("seats", {
  table: seatTable,
  tenant: "teamId",
  policy: { read: member, create: member, update: member, delete: member },
  relations: { team: one("teams", "teamId") },
})
const inTeam = memberOf("teams", "id")
export const teams = resource("teams", {
  table: teamTable,
  tenant: "id",
  policy: { read: inTeam, create: signedIn(), update: inTeam, delete: inTeam },
  relations: {
    notes: many("notes", "teamId", { onDelete: "delete" }),
    seats: many("seats", "teamId", { onDelete: "delete" }),
  },
  members: { resource: "seats", record: "teamId", user: "userId", role: "role", roles: ["guest", "boss"] },
})
export const notes = resource("notes", {
  table: noteTable,
  tenant: "teamId",
  policy: {
    read: any(member, is("ownerId", me)),
    create: member,
    update: member,
    delete: memberOf("teams", "teamId", "boss"),
  },
  relations: { team: one("teams", "teamId") },
  filter: ["teamId", "ownerId", "status", "rank", "dueAt", "title", "done", "bag"],
  sort: ["dueAt", "rank", "status"],
  search: ["title"],
})

/** The registry of the small application, with further operations. */
export function registryWith(...operations: Operation[]): Registry {
  return buildRegistry(app({ title: "Notes", resources: [teams, seats, notes], operations }))
}

export const registry = registryWith()
export const noteModel: Model = modelOf(registry.models, "notes")
export const teamModel: Model = modelOf(registry.models, "teams")

export const noteId = "note_01kaj700000000000000000000"
export const teamId = "team_01kaj700000000000000000000"
export const ada: Principal = { kind: "user", id: "user_01kaj700000000000000000000", roles: [] }
export const now = new Date("2026-11-21T12:00:00.000Z")

/** Where a call asks the world. */
type Step = "limitAddress" | "authenticate" | "limitPrincipal" | "limitLetters" | "resolve" | "decode"

/** What a call may bring. */
export interface CallOptions {
  readonly principal?: Principal
  readonly input?: Json
  readonly idempotencyKey?: string
  readonly expectedVersion?: number
  /** Rows that the store gives, by id. */
  readonly rows?: Readonly<Record<string, Row>>
  /** What each commit gives, in turn; the last one again and again. */
  readonly commits?: readonly (Committed | Problem)[]
  readonly replay?: { readonly answer: Json } | null
  readonly permits?: (action: string) => boolean
  readonly refuse?: Partial<Record<Step, Problem>>
  /** What the limiter says of a key; it admits when left out. */
  readonly draw?: (key: string) => Verdict | Promise<Verdict>
  readonly memberships?: readonly Membership[] | Problem
  /** Rows that the store says it has read. */
  readonly rowsRead?: number
  readonly address?: string
}

/** A verdict with plenty left. */
export const admitted: Verdict = {
  admitted: true,
  remaining: 9,
  retryAfterSeconds: 0,
  resetSeconds: 1,
  firm: false,
  local: true,
  grant: "g",
}

/** What a call came to. */
export interface Outcome {
  readonly output?: Json
  readonly problem?: Problem
  readonly facts: Facts
  /** What was asked of the world, in order. */
  readonly asked: string[]
  /** For whom was read, in order. */
  readonly readers: string[]
  readonly batches: Batch[]
  readonly observed: Observation[]
}

function storeOf(options: CallOptions, asked: string[], readers: string[], batches: Batch[]): Store {
  const commits = options.commits ?? [{ kind: "committed", reads: [], rows: [] }]
  return {
    get: async (plan, { principal }) => {
      readers.push(principal.kind)
      asked.push(`get ${plan.id}`)
      return options.rows?.[plan.id] ?? null
    },
    list: async (plan, { principal }) => {
      readers.push(principal.kind)
      asked.push(`list ${plan.resource}`)
      return { items: Object.values(options.rows ?? {}), nextCursor: null }
    },
    aggregate: async () => [{ count: 2, sum_rank: 5 }],
    permits: async (_resource, _id, action) => {
      asked.push(`permits ${action}`)
      return options.permits?.(action) ?? true
    },
    commit: async (batch) => {
      asked.push("commit")
      const answer = commits[Math.min(batches.length, commits.length - 1)] as Committed | Problem
      batches.push(batch)
      if (answer instanceof Problem) throw answer
      return answer
    },
    rehearse: async () => ({ kind: "rehearsed", records: [] }),
    replay: async () => {
      asked.push("replay")
      return options.replay ? { reads: [], ...options.replay } : null
    },
    explain: async () => ({}),
    withSecrets: async () => null,
    log: {} as never,
    bookmark: () => "bookmark",
    position: () => null,
    cost: { trips: 0, rowsRead: options.rowsRead ?? 0, rowsWritten: 0 },
  }
}

/** Runs one call of an operation through the pipeline. */
export async function callOf(registry: Registry, name: string, options: CallOptions = {}): Promise<Outcome> {
  const asked: string[] = []
  const readers: string[] = []
  const batches: Batch[] = []
  const observed: Observation[] = []
  const operation = registry.operations.get(name)
  if (!operation) throw new Error(`no ${name}`)
  const step = (what: Step) => {
    asked.push(what)
    const refusal = options.refuse?.[what]
    if (refusal) throw refusal
  }
  let minted = 0
  const ports: Ports = {
    openStore: () => storeOf(options, asked, readers, batches),
    authenticate: async () => {
      step("authenticate")
      return options.principal ?? ada
    },
    limitAddress: async () => step("limitAddress"),
    limiter: {
      draw: (key) => {
        step("limitPrincipal")
        asked.push(`draw ${key}`)
        return options.draw?.(key) ?? admitted
      },
      restore: (key) => void asked.push(`restore ${key}`),
      charge: (key, _limit, tokens) => void asked.push(`charge ${key} ${tokens}`),
    },
    answers: noAnswers,
    memberships: async () => {
      asked.push("memberships")
      if (options.memberships instanceof Problem) throw options.memberships
      return options.memberships ?? []
    },
    metering: { admit: () => null, spend: () => undefined },
    limitLetters: async (sender, count) => {
      step("limitLetters")
      asked.push(`${count} letters of ${sender}`)
    },
    ids: { mint: (prefix) => `${prefix}_01kaj70000000000000000000${++minted}` },
    accounts: () => ({}) as never,
    secrets: {
      mint: async (id) => ({ text: `secret of ${id}`, hash: `hash of ${id}` }),
      read: async (prefix, text) => {
        const id = text.replace("secret of ", "")
        return id.startsWith(`${prefix}_`) ? { id, hash: `hash of ${id}` } : null
      },
    },
    link: (page, token) => `https://example.com/${page}?token=${token}`,
    now: () => now,
    elapsed: () => 0,
    hash: async (text) => `hash(${text})`,
    outbox: { prepare: async () => [], dispatch: async () => undefined },
    poke: () => undefined,
    watch: async () => {
      throw new Error("There is no live world here")
    },
    behind: () => undefined,
    observe: (observation) => void observed.push(observation),
    development: false,
  }
  const match: Match = {
    operation,
    decode: () => {
      step("decode")
      return options.input ?? {}
    },
    idempotencyKey: options.idempotencyKey ?? null,
    expectedVersion: options.expectedVersion ?? null,
    bookmark: null,
  }
  const door: Door<null, Pick<Outcome, "output" | "problem" | "facts">> = {
    name: "test",
    credentials: () => ({ address: options.address ?? null, bearer: null, userAgent: null, cookies: null }),
    resolve: () => {
      step("resolve")
      return match
    },
    encode: (_, output, facts) => ({ output, facts }),
    encodeProblem: (_, problem, facts) => ({ problem, facts }),
  }
  const arrival = { requestId: "request-1", traceId: null, signal: new AbortController().signal }
  return { ...(await run(registry, ports, door, null, arrival)), asked, readers, batches, observed }
}

export { anonymous }
