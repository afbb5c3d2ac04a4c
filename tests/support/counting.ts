/**
 * A Worker of a test's own whose world is counted: password hashes, trips to D1, calls to objects. What happens behind the answer is waited
 * for, so that a comparison sees all of it. Refuses to count the deliverer's search for what others left, which depends on the clock alone.
 */
import { env, waitUntil } from "cloudflare:workers"
import application from "../../src/app/index.ts"
import { type Runtime, type Served, serve } from "../../src/app.ts"
import { argon2id } from "../../src/authentication/argon2.ts"
import type { Env } from "../../src/config.ts"
import type { Observation } from "../../src/core/observation.ts"
import type { Application } from "../../src/core/registry.ts"
import { type Apart, jobsDone } from "./apart.ts"
import { type Answer, answerOf, type CallOptions, requestOf } from "./calls.ts"
import { briefLeases } from "./runtime.ts"

/** What a Worker did since the count was cleared. */
export interface Counts {
  hashes: number
  /** Statements or batches: one trip each. */
  trips: number
  /** `USER.reserve`, `LIMITER.take`, …: how often. */
  readonly calls: Record<string, number>
}

/** A Worker of a test's own. */
export interface Counted extends Served {
  /** A call; `actor` brings a token. */
  call(actor: { readonly token: string } | null, line: string, options?: CallOptions): Promise<Answer>
  /** What was done since the last `clear`. */
  readonly counts: Counts
  readonly observations: Observation[]
  clear(): void
  /** Ends when the work behind the answers has, and the jobs that were due with it. */
  settled(): Promise<void>
}

const search = /^update "outbox" set "dueAt" = \?2, "attempts"/

/** A D1 statement that counts its run. `raw` is what the database itself needs in a batch. */
function countedStatement(raw: D1PreparedStatement, text: string, count: () => void): D1PreparedStatement {
  const over = <T>(run: () => Promise<T>) => {
    if (!search.test(text)) count()
    return run()
  }
  const counted = {
    raw,
    bind: (...values: unknown[]) => countedStatement(raw.bind(...values), text, count),
    all: () => over(() => raw.all()),
    run: () => over(() => raw.run()),
    first: (column?: string) => over(() => (column === undefined ? raw.first() : raw.first(column))),
  }
  return counted as unknown as D1PreparedStatement
}

function countedDatabase(database: D1Database, count: () => void): D1Database {
  const over = (target: Pick<D1Database, "prepare" | "batch">) => ({
    prepare: (text: string) => countedStatement(target.prepare(text), text, count),
    batch: (statements: { raw: D1PreparedStatement }[]) => {
      count()
      return target.batch(statements.map(({ raw }) => raw))
    },
  })
  return {
    ...over(database),
    withSession: (constraint: never) => {
      const session = database.withSession(constraint)
      return { ...over(session), getBookmark: () => session.getBookmark() }
    },
  } as unknown as D1Database
}

function countedNamespace(namespace: DurableObjectNamespace, count: (method: string) => void): DurableObjectNamespace {
  const getByName = (name: string) => {
    const stub = namespace.getByName(name) as unknown as Record<string, (...of: unknown[]) => unknown>
    return new Proxy(stub, {
      get: (target, method) => {
        if (typeof method !== "string" || method === "then") return undefined
        return (...of: unknown[]) => {
          count(method)
          return target[method]?.(...of)
        }
      },
    })
  }
  return { getByName } as unknown as DurableObjectNamespace
}

/**
 * A Worker over the bindings of the tests.
 * @param options.application another one than the reference application
 * @param options.change bindings, variables and secrets that are to be others
 */
export function counted(
  options: {
    readonly application?: Application
    readonly change?: Partial<Record<keyof Env, unknown>>
    readonly fetchRange?: Runtime["fetchRange"]
    /** An outbox of its own, whose jobs this Worker runs and counts; the real queue runs them elsewhere when it is left out. */
    readonly apart?: Apart
    /** In the place of Argon2id; counted all the same. */
    readonly derive?: Runtime["derive"]
    /** Brief ones when left out. */
    readonly leases?: Runtime["leases"]
  } = {},
): Counted {
  const counts: Counts = { hashes: 0, trips: 0, calls: {} }
  const behind = new Set<Promise<unknown>>()
  const observations: Observation[] = []
  const note = (binding: string) => (method: string) => {
    const name = `${binding}.${method}`
    counts.calls[name] = (counts.calls[name] ?? 0) + 1
  }
  const given = { ...env, ...options.change, ...options.apart?.change } as Env
  const bindings = {
    ...given,
    DB: countedDatabase(given.DB, () => void counts.trips++),
    USER: countedNamespace(given.USER, note("USER")),
    HUB: countedNamespace(given.HUB, note("HUB")),
    LIMITER: countedNamespace(given.LIMITER, note("LIMITER")),
    METER: countedNamespace(given.METER, note("METER")),
  }
  const served = serve(options.application ?? application, bindings as never, {
    observe: (observation) => void observations.push(observation),
    sleep: async () => undefined,
    waitUntil: (work) => {
      behind.add(work)
      waitUntil(work.finally(() => behind.delete(work)))
    },
    leases: options.leases ?? briefLeases,
    derive: (...of) => {
      counts.hashes++
      return (options.derive ?? argon2id)(...of)
    },
    ...(options.fetchRange ? { fetchRange: options.fetchRange } : {}),
  })
  return {
    ...served,
    counts,
    observations,
    call: async (actor, line, given) => answerOf(await served.fetch(requestOf(actor, line, given))),
    clear() {
      counts.hashes = 0
      counts.trips = 0
      for (const name of Object.keys(counts.calls)) delete counts.calls[name]
    },
    async settled() {
      while (behind.size > 0) await Promise.all(behind)
      await (options.apart ? options.apart.drain(served) : jobsDone())
      while (behind.size > 0) await Promise.all(behind)
    },
  }
}
