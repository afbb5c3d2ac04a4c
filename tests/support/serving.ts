/** The application over bindings that a test has changed: counted, broken, or those of production. */
import { env } from "cloudflare:workers"
import application from "../../src/app/index.ts"
import { type Runtime, type Served, serve } from "../../src/app.ts"
import type { Observation } from "../../src/core/observation.ts"
import type { Application } from "../../src/core/registry.ts"
import type { Actor } from "./actors.ts"
import { type Apart, jobsDone } from "./apart.ts"
import { type Answer, type CallOptions, callVia } from "./calls.ts"
import { briefLeases } from "./runtime.ts"

/** An isolate of a test's own. */
export interface Serving extends Served {
  call(actor: Pick<Actor, "token"> | null, line: string, options?: CallOptions): Promise<Answer>
  /** What the operator was told, oldest first. */
  readonly observations: readonly Observation[]
  /** Ends when what went on behind the answers is done, and the jobs that were due with it. */
  settled(): Promise<void>
}

/** What becomes of the jobs of an isolate that is settled, and what stands in the place of the world. */
interface Settings extends Partial<Omit<Runtime, "observe" | "waitUntil">> {
  /** An outbox of its own, whose jobs this isolate runs; the real queue runs them when it is left out. */
  readonly apart?: Apart
}

/** Serves over the bindings of the tests with some of them changed. */
export function serving(change: object = {}, served: Application = application, settings: Settings = {}): Serving {
  const { apart, ...world } = settings
  const observations: Observation[] = []
  const behind: Promise<unknown>[] = []
  const runtime = {
    sleep: async () => undefined,
    leases: briefLeases,
    ...world,
    observe: (one: Observation) => void observations.push(one),
    waitUntil: (work: Promise<unknown>) => void behind.push(work),
  }
  const ready = serve(served, { ...env, ...apart?.change, ...change } as never, runtime)
  return {
    ...ready,
    observations,
    call: (actor, line, options) => callVia(ready.fetch, actor, line, options),
    async settled() {
      const ended = async () => {
        while (behind.length > 0) await behind.shift()
      }
      await ended()
      await (apart ? apart.drain(ready, world.now) : jobsDone())
      await ended()
    },
  }
}

type Namespaces = "USER" | "HUB" | "LIMITER" | "METER"

/** Objects of a namespace whose methods pass through `watch` first; it may throw in their place. */
export function watched(
  name: Namespaces,
  watch: (method: string, object: string) => void | Promise<void>,
): Record<string, DurableObjectNamespace> {
  const namespace = env[name]
  const getByName = (object: string) =>
    new Proxy(namespace.getByName(object) as object, {
      get: (stub, method) => {
        const inner = (stub as Record<string | symbol, unknown>)[method]
        if (typeof method !== "string" || typeof inner !== "function") return inner
        return async (...values: unknown[]) => {
          await watch(method, object)
          return (stub as Record<string, (...values: unknown[]) => unknown>)[method]?.(...values)
        }
      },
    })
  return { [name]: { getByName } as unknown as DurableObjectNamespace }
}

/**
 * A database whose trips pass through `watch` first; it may throw in their place. One call a round trip.
 * @param renamed what becomes of the text of a statement
 */
export function watchedDatabase(
  watch: (sql: readonly string[]) => void | Promise<void>,
  renamed = (sql: string): string => sql,
): { DB: D1Database } {
  const texts = new WeakMap<object, string>()
  type Session = Pick<D1Database, "prepare" | "batch">
  const statement = (inner: D1PreparedStatement, sql: string): D1PreparedStatement => {
    const wrapped = Object.fromEntries(
      (["all", "run", "first", "raw"] as const).map((method) => [
        method,
        async (...values: unknown[]) => {
          await watch([sql])
          return (inner[method] as (...values: unknown[]) => unknown)(...values)
        },
      ]),
    )
    const made = { ...wrapped, inner, bind: (...values: unknown[]) => statement(inner.bind(...values), sql) }
    texts.set(made, sql)
    return made as unknown as D1PreparedStatement
  }
  const over = (session: Session) => ({
    prepare: (sql: string) => statement(session.prepare(renamed(sql)), sql),
    batch: async (statements: D1PreparedStatement[]) => {
      await watch(statements.map((one) => texts.get(one) ?? ""))
      return session.batch(statements.map((one) => (one as unknown as { inner: D1PreparedStatement }).inner))
    },
  })
  const database = {
    ...over(env.DB),
    withSession: (bookmark: string) => {
      const session = env.DB.withSession(bookmark)
      return { ...over(session as unknown as Session), getBookmark: () => session.getBookmark() }
    },
  }
  return { DB: database as unknown as D1Database }
}
