/**
 * A Worker that limits and does nothing else: by Selvage's limiter (leased, or one hop a call), by hono-rate-limiter over KV, or not at all. Several of
 * it run side by side over the same objects and the same KV, each an isolate of its own. The clock is what the request says.
 */
import { type Context, Hono } from "hono"
import { rateLimiter, type Store, UnstorageStore } from "hono-rate-limiter"
import type { Limit, Limiting } from "../../src/core/limiting.ts"
import type { Answer, Ask } from "../../src/server/bucket.ts"
import { defaultLeaseRules } from "../../src/server/leases.ts"
import { limiting } from "../../src/server/limiter.ts"

export { Limiter } from "../../src/server/limiter-object.ts"

interface Env {
  readonly LIMITER: DurableObjectNamespace
  readonly CACHE: KVNamespace
  readonly NAME: string
}
type Called = Context<{ Bindings: Env }>

/** What this Worker asked of the stores. */
const counts = { object: 0, kvReads: 0, kvWrites: 0 }
/** How many draws wait at this moment. */
let waiting = 0

interface Counting {
  serve(key: string, limit: Limit, ask: Ask, now: number): Promise<Answer>
}

/** KV that counts. */
function counted(kv: KVNamespace) {
  return {
    get(name: string, options: KVNamespaceGetOptions<"text"> = { type: "text" }) {
      counts.kvReads++
      return kv.get(name, options)
    },
    put(name: string, value: string, options?: KVNamespacePutOptions) {
      counts.kvWrites++
      return kv.put(name, value, options)
    },
  }
}

/** The object, slower by so many milliseconds in the call that asks. */
let delayMs = 0
let limiter: Limiting | undefined
let clock = new Date(0)

function limiterOf(env: Env): Limiting {
  const objects = {
    getByName: (name: string) => ({
      async serve(...question: Parameters<Counting["serve"]>) {
        counts.object++
        if (delayMs > 0) await scheduler.wait(delayMs)
        return (env.LIMITER.getByName(name) as unknown as Counting).serve(...question)
      },
    }),
  }
  limiter ??= limiting(
    {
      objects: objects as unknown as DurableObjectNamespace,
      verdicts: counted(env.CACHE) as unknown as KVNamespace,
      now: () => clock,
      tell: console.error,
    },
    { ...defaultLeaseRules, patienceMs: 2000 },
  )
  return limiter
}

/** `?key=&perMinute=&burst=` or `&perDay=`, and `&now=` in milliseconds since 1970 for a clock that is held. */
function asked(c: Called): { readonly key: string; readonly limit: Limit; readonly now: Date } {
  const number = (name: string) => Number(c.req.query(name))
  const limit: Limit = c.req.query("perDay")
    ? { perDay: number("perDay"), cost: 1 }
    : { ratePerMinute: number("perMinute"), burst: number("burst"), cost: 1 }
  const now = new Date(c.req.query("now") ? number("now") : Date.now())
  if (now > clock) clock = now
  return { key: c.req.query("key") ?? "", limit, now }
}

/** What a request without limits costs, too. */
const answer = (c: Called, status: 200 | 429 = 200) => c.json({ worker: c.env.NAME }, status)

/** One store for all requests, as the package's documentation has it. KV is given to it directly, without the layer of unstorage. */
const rivals = new Map<string, ReturnType<typeof rateLimiter>>()
function rivalOf(c: Called): ReturnType<typeof rateLimiter> {
  const limit = Number(c.req.query("burst"))
  const known = rivals.get(String(limit))
  if (known) return known
  const kv = counted(c.env.CACHE)
  const store = new UnstorageStore({
    storage: { get: kv.get, set: (name: string, value: string) => kv.put(name, value), remove: async () => {} },
  } as never) as Store
  const made = rateLimiter({ windowMs: 60_000, limit, store, keyGenerator: (one) => one.req.query("key") ?? "" })
  rivals.set(String(limit), made)
  return made
}

const app = new Hono<{ Bindings: Env }>()
app.get("/none", (c) => answer(c))
app.get("/take", async (c) => {
  const { key, limit, now } = asked(c)
  const { admitted } = await limiterOf(c.env).take(key, limit, now)
  return answer(c, admitted ? 200 : 429)
})
app.get("/draw", async (c) => {
  const { key, limit, now } = asked(c)
  const behind = (work: Promise<unknown>) => c.executionCtx.waitUntil(work)
  // `?away`: the call ends at once, and nothing goes on behind it: what it asked is never answered.
  if (c.req.query("away") !== undefined) {
    void Promise.resolve(limiterOf(c.env).draw(key, limit, now, () => {})).catch(console.error)
    return answer(c)
  }
  waiting++
  try {
    const drawn = limiterOf(c.env).draw(key, limit, now, behind)
    const { admitted } = "admitted" in drawn ? drawn : await drawn
    return answer(c, admitted ? 200 : 429)
  } finally {
    waiting--
  }
})
app.get(
  "/rival",
  async (c, next) => rivalOf(c as never)(c as never, next),
  (c) => answer(c),
)
app.get("/counts", (c) => c.json({ ...counts, waiting }))
app.get("/delay", (c) => {
  delayMs = Number(c.req.query("ms"))
  return c.json({})
})
/** Draws from memory, so often: how long it takes is measured from outside. */
app.get("/spin", async (c) => {
  const { key, limit, now } = asked(c)
  const times = Number(c.req.query("times"))
  let local = 0
  for (let n = 0; n < times; n++) {
    const drawn = limiterOf(c.env).draw(key, limit, now, (work) => c.executionCtx.waitUntil(work))
    const { local: isLocal } = "admitted" in drawn ? drawn : await drawn
    if (isLocal) local++
  }
  return c.json({ local })
})

export default app
