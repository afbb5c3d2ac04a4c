/** Limiters over the bindings of the tests, each as an isolate of its own would have it: with a memory of its own, and calls that are counted. */
import { env } from "cloudflare:workers"
import type { Limiting } from "../../src/core/limiting.ts"
import type { Answer, Ask } from "../../src/server/bucket.ts"
import { defaultLeaseRules, type LeaseRules } from "../../src/server/leases.ts"
import { limiting } from "../../src/server/limiter.ts"

/** What stands in for the object: the real one unless a test gives another. */
export interface Serving {
  serve(key: string, limit: unknown, ask: Ask, now: number): Promise<Answer>
}

/** A limiter and what it did. */
export interface Counted {
  readonly limiter: Limiting
  /** Questions to objects, in order. */
  readonly asked: Ask[]
  /** Names that KV was asked for, and that were written. */
  readonly read: string[]
  readonly written: string[]
  readonly told: unknown[]
  /** What goes on behind the calls. */
  readonly behind: (work: Promise<unknown>) => void
  /** Waits until nothing goes on behind any more. */
  settled(): Promise<void>
}

/**
 * A limiter.
 * @param object in the place of the object
 * @param rules what is not as ever
 */
export function newLimiter(object?: Serving, rules: Partial<LeaseRules> = {}): Counted {
  const asked: Ask[] = []
  const [read, written]: string[][] = [[], []]
  const told: unknown[] = []
  const works = new Set<Promise<unknown>>()
  const objects = {
    getByName: (name: string) => ({
      serve(key: string, limit: unknown, ask: Ask, now: number) {
        asked.push(ask)
        const stub = object ?? (env.LIMITER.getByName(name) as unknown as Serving)
        return stub.serve(key, limit, ask, now)
      },
    }),
  } as unknown as DurableObjectNamespace
  const verdicts = {
    get(name: string, options: KVNamespaceGetOptions<"text">) {
      read?.push(name)
      return env.CACHE.get(name, options)
    },
    put(name: string, value: string, options: KVNamespacePutOptions) {
      written?.push(name)
      return env.CACHE.put(name, value, options)
    },
  } as unknown as KVNamespace
  // The clock stands still between calls.
  let held = new Date()
  const limiter = limiting(
    { objects, verdicts, now: () => held, tell: (cause) => told.push(cause) },
    { ...defaultLeaseRules, ...rules },
  )
  const holding: Limiting = {
    ...limiter,
    draw: (key, limit, now, behind) => limiter.draw(key, limit, (held = now), behind),
    charge: (key, limit, tokens, now, behind) => limiter.charge(key, limit, tokens, (held = now), behind),
  }
  return {
    limiter: holding,
    asked,
    read: read ?? [],
    written: written ?? [],
    told,
    behind(work) {
      works.add(work)
      void work.finally(() => works.delete(work)).catch(() => {})
    },
    async settled() {
      while (works.size > 0) await Promise.allSettled(works)
    },
  }
}
