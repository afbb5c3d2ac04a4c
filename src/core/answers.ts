/**
 * The stage of operations whose answers are kept. What is kept is the answer for nobody, made by a run that knows no caller: so nothing of one person
 * can stand in it, whoever asked first. Keys are made of the validated input, never of an address or a header.
 */
import { type CacheRule, type Caching, ruleOfRead } from "./caching.ts"
import { canonicalText } from "./canonical.ts"
import { shown } from "./commit.ts"
import { resourcesRead } from "./deciding.ts"
import type { CachedFacts, Door, SharedFacts } from "./door.ts"
import { handle } from "./handle.ts"
import type { Json, JsonObject } from "./json.ts"
import { type Models, modelOf } from "./model.ts"
import type { CacheState } from "./observation.ts"
import type { Store, StoreSession } from "./ports.ts"
import { anonymous } from "./principal.ts"
import { Problem } from "./problem.ts"
import type { CompiledOperation } from "./registry.ts"
import { matched, type Run } from "./run.ts"
import { tagsOfPlan } from "./tags.ts"

/** What an answer says: the output as every door encodes it, or that there is nothing. */
export type Content =
  | { readonly kind: "output"; readonly output: Json }
  | { readonly kind: "absent"; readonly message: string }

/** An answer that was made. */
export interface Loaded {
  readonly content: Content
  /** Sequence of the newest event that it knows of; null: it must not be kept. */
  readonly position: number | null
  /** What it depends on. */
  readonly tags: readonly string[]
}

/** Makes an answer for nobody. `behind`: the call has its answer already, so the cost is none of its. */
export type Load = (session: Omit<StoreSession, "positioned"> & { readonly behind: boolean }) => Promise<Loaded>

/** What is asked of the cache. */
export interface Wanted {
  readonly operation: CompiledOperation
  /** Canonical text of the validated input. */
  readonly input: string
  readonly rule: CacheRule
  readonly now: Date
  /** What the caller saw last: then nothing that is kept is new enough, and what is made is kept. */
  readonly bookmark: string | null
}

/** What the cache gives. */
export interface Given {
  readonly state: CacheState
  readonly content: Content
  /** null: nobody else may be given it. */
  readonly shared: Omit<SharedFacts, "everybody"> | null
}

/** The answers that are kept for everybody. */
export interface AnswerCache {
  /** Throws what `load` throws. A store of answers that cannot be reached costs time and is told; it fails no call. */
  answer(wanted: Wanted, load: Load): Promise<Given>
}

const passed: CachedFacts = { state: "pass", shared: null }

/** What a run without a caller knows of the world: nothing that differs between callers. */
const nobodysDoor: Door<unknown, unknown> = {
  name: "cache",
  credentials: () => ({ address: null, bearer: null, userAgent: null, cookies: null }),
  resolve: () => {
    throw new Error("The run behind a cache is resolved already")
  },
  encode: (_, output) => output,
  encodeProblem: (_, problem) => problem,
}

const nobodysArrival = {
  requestId: "cache",
  traceId: null,
  get signal() {
    return new AbortController().signal
  },
}

/** Answers from the cache, or as any call where the answer is this caller's alone. */
export async function handleCached(run: Run, caching: Caching): Promise<void> {
  const wanted = wantedOf(run, caching)
  if (wanted === null) {
    run.cached = passed
    return handle(run)
  }
  const { state, content, shared } = await run.ports.answers.answer(wanted, loader(run, caching))
  const isShared = shared !== null && content.kind === "output"
  run.cached = { state, shared: isShared ? { ...shared, everybody: caching.audience === "everybody" } : null }
  run.answered = true
  if (content.kind === "absent") throw new Problem("NOT_FOUND", content.message)
  run.answer = content.output
}

/** What to ask the cache for; null: nothing that is kept can answer this call. */
function wantedOf(run: Run, caching: Caching): Wanted | null {
  const { operation, bookmark } = matched(run)
  const { principal, registry, now } = run
  // Calls from inside want what is, not what was.
  if (run.door.principal !== undefined || principal.kind === "system") return null
  if (caching.audience === "anonymous" && principal.kind !== "anonymous") return null
  const { expand } = run.input as JsonObject
  const rule = operation.model ? ruleOfRead(registry.models, operation.model, expand) : caching
  const input = canonicalText(run.input)
  return rule === null || input === null ? null : { operation, input, rule, now, bookmark }
}

function loader(run: Run, caching: Caching): Load {
  const { models } = run.registry
  return async ({ behind, ...session }) => {
    const store = run.ports.openStore({ ...session, positioned: true })
    if (!behind) account(run, store)
    const tags = new Set<string>()
    const match = { ...matched(run), idempotencyKey: null, expectedVersion: null }
    const lone: Run = {
      ...run,
      principal: anonymous,
      door: nobodysDoor,
      arrival: nobodysArrival,
      wire: null,
      match,
      store: noting(store, models, tags),
      recorder: null,
    }
    const content = await contentOf(lone)
    const isDeclared = declares(run, caching, tags)
    return { content, position: isDeclared ? store.position() : null, tags: [...tags] }
  }
}

/** The cost of the call is that of all its loads. */
function account(run: Run, store: Store): void {
  const spent = run.store?.cost
  if (spent !== undefined) {
    store.cost.trips += spent.trips
    store.cost.rowsRead += spent.rowsRead
    store.cost.rowsWritten += spent.rowsWritten
  }
  run.store = store
}

async function contentOf(lone: Run): Promise<Content> {
  try {
    await handle(lone)
    return { kind: "output", output: shown(lone) }
  } catch (thrown) {
    if (thrown instanceof Problem && thrown.code === "NOT_FOUND") return { kind: "absent", message: thrown.message }
    throw thrown
  }
}

/** The store, noting what is read from it. */
function noting(store: Store, models: Models, tags: Set<string>): Store {
  const note = (found: Iterable<string>) => {
    for (const tag of found) tags.add(tag)
  }
  const noted: Pick<Store, "list" | "get" | "aggregate" | "permits" | "withSecrets"> = {
    list(plan, reading) {
      note(tagsOfPlan(models, plan, reading.principal))
      return store.list(plan, reading)
    },
    get(plan, reading) {
      note(tagsOfPlan(models, plan, reading.principal))
      return store.get(plan, reading)
    },
    aggregate(plan, reading) {
      note(tagsOfPlan(models, plan, reading.principal))
      return store.aggregate(plan, reading)
    },
    permits(resource, id, action, reading) {
      note(resourcesRead(models, modelOf(models, resource), action))
      return store.permits(resource, id, action, reading)
    },
    withSecrets(resource, column, value) {
      note([resource])
      return store.withSecrets(resource, column, value)
    },
  }
  return Object.assign(Object.create(store) as Store, noted)
}

const told = new WeakSet<Caching>()

/** Whether everything that was read is named. What is not could change unnoticed, so the answer is not kept, and the operator is told once. */
function declares(run: Run, caching: Caching, tags: ReadonlySet<string>): boolean {
  const declared = caching.tags
  if (declared === null) return true
  const missing = new Set([...tags].map((tag) => tag.split("/")[0] as string).filter((name) => !declared.has(name)))
  if (missing.size === 0) return true
  if (!told.has(caching)) {
    told.add(caching)
    const { name } = matched(run).operation
    const cause = new Error(`${name} reads ${[...missing].join(", ")}, so it is not cached: add that to its cache.tags`)
    run.ports.observe({ kind: "fault", at: run.now.toISOString(), where: "cache", cause })
  }
  return false
}
