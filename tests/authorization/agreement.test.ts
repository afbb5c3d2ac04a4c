/**
 * The two interpreters agree: random policies over random rows, each decided by D1 and in memory. Reads compare the rows that are selected
 * (for the policy and for its negation, so that FALSE and UNKNOWN are told apart), updates and creates the rows that real statements write.
 */
import { env } from "cloudflare:workers"
import fc from "fast-check"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { evaluate, type Outcome } from "../../src/authorization/memory.ts"
import { allows, every, type PredicateScope } from "../../src/authorization/sql.ts"
import { bind, parameters, quote, type SqlValue } from "../../src/authorization/statement.ts"
import { type Model, type Models, modelOf } from "../../src/core/model.ts"
import { not } from "../../src/core/policy.ts"
import type { Row } from "../../src/core/ports.ts"
import * as arbitrary from "./arbitraries.ts"
import {
  bound,
  clear,
  compiledFor,
  complete,
  database,
  facts,
  type Rows,
  selection,
  store,
  stored,
  world,
} from "./fixture.ts"

/** The binding SEED draws other cases. */
const seed = Number((env as { SEED?: string }).SEED ?? 20261120)
const batchSize = 50
const readBatches = 64
const updateBatches = 64
const createBatches = 10
const now = arbitrary.instant

let rows: Rows
/** The items as they are after the batch of updates that came last. */
let current: Row[] = []
const tally = { allowed: 0, denied: 0, unknown: 0, folded: 0, statements: 0 }

const policiesOf = ({ policy, above }: arbitrary.Decision): Models =>
  world({
    items: { read: policy, update: policy, create: policy },
    folders: { read: above.folders[0], update: above.folders[1] },
    spaces: { read: above.spaces[0], update: above.spaces[1] },
  })

function count(outcome: Outcome): void {
  tally[outcome === null ? "unknown" : outcome ? "allowed" : "denied"]++
}

function zero(): void {
  Object.assign(tally, { allowed: 0, denied: 0, unknown: 0, folded: 0, statements: 0 })
}

function report(what: string, ms: number): void {
  const all = tally.allowed + tally.denied + tally.unknown
  const share = (part: number) => `${part} (${Math.round((100 * part) / all)}%)`
  const { allowed, denied, unknown, folded, statements } = tally
  console.log(
    `${what}, seed ${seed}: ${statements} statements, ${folded} decided before SQL; ${all} (row, policy) cases:` +
      ` ${share(allowed)} allowed, ${share(denied)} denied, ${share(unknown)} unknown; ${Math.round(ms)} ms`,
  )
}

function expectVariety(): void {
  const all = tally.allowed + tally.denied + tally.unknown
  expect(tally.allowed / all, "a quarter allowed").toBeGreaterThanOrEqual(0.25)
  expect(tally.denied / all, "a quarter denied").toBeGreaterThanOrEqual(0.25)
  expect(tally.unknown / all, "a tenth unknown").toBeGreaterThanOrEqual(0.1)
}

interface Prepared {
  readonly statements: D1PreparedStatement[]
  /** The ids that each of the last statements answers. */
  readonly expected: string[][]
}

/** Draws `batches` times `batchSize` cases and compares what D1 answers with what memory expects. */
async function compare<C>(
  cases: fc.Arbitrary<C>,
  batches: number,
  prepare: (drawn: readonly C[]) => Prepared,
): Promise<void> {
  const drawn = fc.sample(cases, { seed, numRuns: batches * batchSize })
  const agree = async (some: readonly C[]): Promise<boolean> => {
    const { statements, expected } = prepare(some)
    const answers = await database.batch<{ id: string }>(statements)
    const found = answers.slice(-expected.length).map((answer) => answer.results.map((row) => row.id).sort())
    return JSON.stringify(found) === JSON.stringify(expected.map((ids) => [...ids].sort()))
  }
  for (let from = 0; from < drawn.length; from += batchSize) {
    if (await agree(drawn.slice(from, from + batchSize)).catch(() => false)) continue
    // Alone, the case that disagrees shrinks to a small one.
    await fc.assert(
      fc.asyncProperty(cases, (one) => agree([one])),
      { seed, numRuns: from + batchSize, markInterruptAsFailure: false },
    )
    throw new Error(
      `SQL and memory disagree in cases ${from} to ${from + batchSize} of seed ${seed}, but only one after the other`,
    )
  }
}

/** The updates and creates start from the same rows in each batch. */
function restored(): D1PreparedStatement[] {
  return ["delete from authz_items", "insert into authz_items select * from authz_items_seed"].map((sql) =>
    database.prepare(sql),
  )
}

/** Columns as a write will leave them: SQL that stands for each, and the values to bind. */
function written(model: Model, values: Row, slots: ReturnType<typeof parameters>, from: number) {
  const keys = Object.keys(values)
  const substitute = new Map(
    keys.map((key, n) => [key, stored(model, key, slots.add({ from: "value", index: from + n }))]),
  )
  return { substitute, binds: keys.map((key): SqlValue => bound(values[key])) }
}

describe("SQL and memory agree", { timeout: 60_000 }, () => {
  beforeAll(async () => {
    rows = complete(fc.sample(arbitrary.database, { seed, numRuns: 1 })[0] as Rows)
    await store(rows)
    await database.exec("drop table if exists authz_items_seed")
    await database.exec("create table authz_items_seed as select * from authz_items")
  })

  afterAll(clear)

  test("on the rows that a policy lets read", async () => {
    zero()
    let reads = 0
    const started = Date.now()
    await compare(arbitrary.decision, readBatches, (drawn) => {
      const statements: D1PreparedStatement[] = []
      const expected: string[][] = []
      for (const one of drawn) {
        const models = policiesOf(one)
        const outcomes = (rows.items ?? []).map((row) => ({
          id: String(row.id),
          is: evaluate(one.policy, facts(models, rows, one.principal, now, row)),
        }))
        for (const { is } of outcomes) count(is)
        for (const wanted of [true, false]) {
          const { predicate, slots } = compiledFor(wanted ? one.policy : not(one.policy), one.principal, { models })
          if (typeof predicate === "boolean") tally.folded++
          else if (wanted) reads++
          statements.push(selection(predicate, slots, one.principal, now))
          expected.push(outcomes.filter(({ is }) => is === wanted).map(({ id }) => id))
        }
      }
      tally.statements += statements.length
      return { statements, expected }
    })
    report(`${reads} reads and their negations`, Date.now() - started)
    expect(reads).toBeGreaterThanOrEqual(2_000)
    expectVariety()
  })

  test("on the updates that a policy lets through, before and after", async () => {
    zero()
    let changed = 0
    const started = Date.now()
    const update = fc.record({ decision: arbitrary.decision, at: fc.nat({ max: 23 }), patch: arbitrary.patch })
    await compare(update, updateBatches, (drawn) => {
      current = [...(rows.items ?? [])]
      const statements = restored()
      const expected: string[][] = []
      for (const { decision, at, patch } of drawn) {
        const { policy, principal } = decision
        const models = policiesOf(decision)
        const model = modelOf(models, "items")
        const row = current[at] as Row
        const after = { ...row, ...patch }
        const using = evaluate(policy, facts(models, rows, principal, now, row))
        const check = evaluate(policy, facts(models, rows, principal, now, after))
        count(using)
        count(check)
        const slots = parameters()
        const { substitute, binds } = written(model, patch, slots, 1)
        // An update is about one row: the form that looks grants up.
        const scope: PredicateScope = { models, model, alias: "t", parameters: slots, principal, one: true }
        const predicate = every(allows(policy, scope), allows(policy, { ...scope, substitute }))
        if (typeof predicate === "boolean") tally.folded++
        const set = [...substitute].map(([key, sql]) => `${quote(key)} = ${sql}`).join(", ")
        const id = slots.add({ from: "value", index: 0 })
        statements.push(
          database
            .prepare(`update "authz_items" as "t" set ${set} where "t"."id" = ${id} and ${predicate} returning "id"`)
            .bind(...bind(slots.slots, { principal, now, values: [String(row.id), ...binds] })),
        )
        expected.push(using === true && check === true ? [String(row.id)] : [])
        if (using === true && check === true) {
          changed++
          current[at] = after
        }
      }
      tally.statements += expected.length
      return { statements, expected }
    })
    report(`updates (${changed} changed a row)`, Date.now() - started)
    expect(tally.statements - tally.folded).toBeGreaterThanOrEqual(2_000)
    expect(changed).toBeGreaterThanOrEqual(tally.statements / 5)
    expect(await held(), "rows after the last batch").toEqual(
      current.map((row) => (Object.is(row.price, -0) ? { ...row, price: 0 } : row)),
    )
    expectVariety()
  })

  test("on the rows that a policy lets create", async () => {
    zero()
    const started = Date.now()
    const create = fc.record({ decision: arbitrary.decision, at: fc.nat({ max: 23 }), row: arbitrary.item })
    await compare(create, createBatches, (drawn) => {
      const statements = [database.prepare("delete from authz_items")]
      const expected: string[][] = []
      for (const { decision, at, row } of drawn) {
        const { policy, principal } = decision
        const models = policiesOf(decision)
        const model = modelOf(models, "items")
        const values: Row = { id: `item_${at + 1}`, ...row }
        const outcome = evaluate(policy, facts(models, rows, principal, now, values))
        count(outcome)
        const slots = parameters()
        const { substitute, binds } = written(model, values, slots, 0)
        const { predicate } = compiledFor(policy, principal, { models, parameters: slots, substitute })
        if (typeof predicate === "boolean") tally.folded++
        const into = [...substitute.keys()].map(quote).join(", ")
        statements.push(
          database
            .prepare(
              `insert into "authz_items" (${into}) select ${[...substitute.values()].join(", ")} where ${predicate} on conflict do nothing returning "id"`,
            )
            .bind(...bind(slots.slots, { principal, now, values: binds })),
        )
        const taken = expected.some(([id]) => id === values.id)
        expected.push(outcome === true && !taken ? [String(values.id)] : [])
      }
      tally.statements += expected.length
      return { statements, expected }
    })
    report("creates", Date.now() - started)
  })
})

/** The items as D1 holds them, in wire form. */
async function held(): Promise<Row[]> {
  const exact = `*, cast("big" as text) as "big"`
  const { results } = await database.prepare(`select ${exact} from "authz_items" order by "row_key"`).all<Row>()
  return results.map(({ row_key: _, ...row }) => ({ ...row, done: row.done === null ? null : row.done === 1 }))
}
