/**
 * The write half of the store: a batch of wanted writes becomes one D1 batch, in which rows, events, guards and the stored answer commit
 * together or not at all. Refuses with the reason that the caller may know: absent, refused, changed meanwhile, taken.
 */
import type { Write } from "../core/changes.ts"
import type { Ids } from "../core/context.ts"
import type { Models } from "../core/model.ts"
import type { Batch, Committed, Row, Store, StoredAnswer } from "../core/ports.ts"
import { type Client, positionIn, positionStatement, type RawRow } from "./client.ts"
import { databaseProblem, rehearsedIn } from "./constraint.ts"
import { replayStatement, storedAnswer } from "./replay.ts"
import { type StatementCache, statementCache } from "./statement-cache.ts"
import type { Touching } from "./touching.ts"
import { recordColumn } from "./writer-delete.ts"
import { type Plan, type Planning, planBatch } from "./writer-plan.ts"
import { refuse } from "./writer-refusal.ts"

/** The write half of `Store`. Throws `Problem` only. */
export interface Writer {
  /**
   * Commits a batch in one round trip; a refusal, a stale decision or a replay takes a second one.
   * @throws INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, ALREADY_EXISTS, FAILED_PRECONDITION (also "version-mismatch" and
   *   "idempotency-key-reused"), UNAVAILABLE, INTERNAL; nothing is written then
   */
  commit(batch: Batch): Promise<Committed>
  /** The same without lasting effect: the batch runs whole and aborts itself. */
  rehearse(batch: Batch): ReturnType<Store["rehearse"]>
  /** The stored answer of a key, or null. Throws FAILED_PRECONDITION when the key was used with another input. */
  replay(key: string, inputHash: string, now: Date): Promise<StoredAnswer | null>
}

/** Texts by models, for the life of the isolate. */
const caches = new WeakMap<Models, StatementCache>()

function cacheOf(models: Models): StatementCache {
  let cache = caches.get(models)
  if (!cache) {
    cache = statementCache()
    caches.set(models, cache)
  }
  return cache
}

/**
 * Opens the writer of one call.
 * @param options.client the call's session; writes go to the primary
 * @param options.ids mints the ids of events
 * @param options.touching hears of what was committed
 */
export function openWriter(options: {
  readonly client: Client
  readonly models: Models
  readonly ids: Ids
  readonly touching?: Touching | null
}): Writer {
  const { client, models, ids, touching = null } = options
  const cache = cacheOf(models)
  const kept = <T>(key: string, make: () => T): T => {
    const known = cache.get(key)
    if (known !== undefined) return known as T
    const made = make()
    cache.set(key, made)
    return made
  }
  const planning: Planning = { models, ids, kept }
  return {
    commit: async (batch) => {
      const plan = planBatch(batch, planning)
      if (plan.statements.length === 0) return { kind: "committed", rows: [], reads: [] }
      const tags = touching?.tagsOf(batch.writes) ?? []
      if (tags.length > 0) plan.statements.push(positionStatement)
      let results: readonly (readonly RawRow[])[]
      try {
        results = await client.batch(plan.statements)
      } catch (thrown) {
        return await refuse({ batch, plan, planning, client }, thrown)
      }
      if (tags.length > 0) touching?.touched(tags, positionIn(results.at(-1)))
      return told(batch, plan, results) ?? (await refuse({ batch, plan, planning, client }, null))
    },
    rehearse: async (batch) => {
      const plan = planBatch(batch, planning, true)
      try {
        await client.batch(plan.statements)
      } catch (thrown) {
        const records = rehearsedIn(thrown)
        if (records !== null) return { kind: "rehearsed", records }
        const refused = await refuse({ batch, plan, planning, client }, thrown)
        if (refused.kind === "stale") return refused
      }
      throw new Error("A rehearsal ended without its guard")
    },
    replay: async (key, inputHash, now) => {
      try {
        return storedAnswer(await client.all(replayStatement(key, now)), inputHash)
      } catch (thrown) {
        throw databaseProblem(thrown, models)
      }
    },
  }
}

/** The rows of a committed batch, in the order of its writes; null when the only write was refused. */
function told(batch: Batch, plan: Plan, results: readonly (readonly RawRow[])[]): Committed | null {
  const rows: (Row | null)[] = batch.writes.map(() => null)
  for (const answer of plan.answers) {
    const found = results[answer.statement] ?? []
    if (answer.itself) {
      const row = found[0]
      if (!row) return null
      if (answer.projection && row["?visible"] === 1) rows[answer.writes[0] as number] = answer.projection.decode(row)
      continue
    }
    const byId = new Map(found.map((row) => [row[recordColumn], row]))
    for (const index of answer.writes) {
      const row = byId.get((batch.writes[index] as Write).id)
      if (row && answer.projection) rows[index] = answer.projection.decode(row)
    }
  }
  const reads = plan.reads.map((read) => {
    const row = read && results[read.statement]?.[0]
    return row ? read.decode(row) : null
  })
  return { kind: "committed", rows, reads }
}
