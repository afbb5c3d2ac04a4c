/**
 * Stored answers of writes that carried an idempotency key: the statements that store one in the batch itself, and the look-up that a
 * conflict makes. Refuses a key that was used with another input. Secret columns stand in no answer, for no model shows them.
 */
import { allows, fieldReadable, type PredicateScope } from "../authorization/sql.ts"
import { parameters, quote } from "../authorization/statement.ts"
import type { Json } from "../core/json.ts"
import { type Models, modelOf } from "../core/model.ts"
import type { Batch, IdempotencyRecord, StoredAnswer } from "../core/ports.ts"
import { Problem } from "../core/problem.ts"
import type { RawRow, Statement } from "./client.ts"
import { column, literal } from "./event-statements.ts"
import { jsonImage } from "./projection.ts"
import { sqlOf } from "./writer-shapes.ts"
import { bound, type Prepared, prepared, valueSlot } from "./writer-source.ts"

/** Positions in the value list of the storing statement. */
const place = { key: 0, inputHash: 1, answer: 2, expiresAt: 3, pendings: 4, reads: 5 } as const

/** Masked fields a call of json_remove: D1 allows 32 arguments a function. */
const masksPerCall = 30

/** The row as the caller gets it, as one JSON text: fields that it may not read are absent. */
function maskedImage(scope: PredicateScope): string {
  const masks: string[] = []
  for (const key of scope.model.columns.keys()) {
    const readable = fieldReadable(key, scope)
    // A path that leads nowhere removes nothing.
    if (readable !== true)
      masks.push(`case when ${sqlOf(readable)} then '$."?"' else ${literal(`$.${quote(key)}`)} end`)
  }
  let image = jsonImage(scope.model, quote(scope.alias), { personal: true })
  for (let start = 0; start < masks.length; start += masksPerCall) {
    image = `json_remove(${image}, ${masks.slice(start, start + masksPerCall).join(", ")})`
  }
  return image
}

/**
 * The statement that stores an answer. Each pending row is put into the template by SQL, so that what is stored is what the batch wrote.
 * @param resources the resources of the pending rows; none when the answer is known before the commit
 */
export function storeShape(models: Models, resources: readonly string[], principal: Batch["principal"]): Prepared {
  const own = parameters()
  const into = 'insert into "idempotency" ("key", "inputHash", "answer", "expiresAt", "reads")'
  const [key, inputHash, answer, expiresAt] = [place.key, place.inputHash, place.answer, place.expiresAt].map((n) =>
    valueSlot(own, n),
  )
  if (resources.length === 0) {
    const reads = valueSlot(own, place.reads)
    return prepared(`${into} select ${key}, ${inputHash}, ${answer}, ${expiresAt}, ${reads}`, own)
  }
  const rows = resources.map((name) => {
    const model = modelOf(models, name)
    const scope = { models, model, alias: model.table, parameters: own, principal }
    const visible = sqlOf(allows(model.policy.read, scope))
    const row = `select ${maskedImage(scope)} from ${quote(model.table)} where ${column(model, "id")} = "$pending"."id" and ${visible}`
    return `when ${literal(name)} then (${row})`
  })
  const row = `coalesce(case "$pending"."resource" ${rows.join(" ")} end, json_object('id', "$pending"."id"))`
  const sql =
    `${into} with recursive "$pending"("n", "path", "resource", "id") as (select "key", "value" ->> 0, "value" ->> 1, "value" ->> 2 ` +
    `from json_each(${valueSlot(own, place.pendings)})), "$fold"("n", "answer") as (select 0, ${answer} union all ` +
    `select "$fold"."n" + 1, json_set("$fold"."answer", "$pending"."path", json(${row})) from "$fold" cross join "$pending" on "$pending"."n" = "$fold"."n") ` +
    `select ${key}, ${inputHash}, (select "answer" from "$fold" order by "n" desc limit 1), ${expiresAt}, ${valueSlot(own, place.reads)}`
  return prepared(sql, own)
}

/** JSON path of a place in the answer: the root, a property, or a JSON pointer. */
function pathOf(place: string | null): string {
  if (place === null) return "$"
  const segments = place.startsWith("/") ? place.slice(1).split("/") : [place]
  return `$${segments.map((segment) => (/^\d+$/.test(segment) ? `[${segment}]` : `."${segment.replaceAll("~1", "/").replaceAll("~0", "~")}"`)).join("")}`
}

/** The resources whose rows stand in a stored answer, each once, in order. */
export function pendingResources(batch: Batch, record: IdempotencyRecord): string[] {
  return [...new Set(record.pendings.map((pending) => batch.writes[pending.write]?.resource ?? ""))]
    .filter(Boolean)
    .sort()
}

/** The last statements of a batch with a key: an expired answer of the same key goes, the new one comes. */
export function storeStatements(batch: Batch, record: IdempotencyRecord, shape: Prepared): Statement[] {
  const pendings = record.pendings.map((pending) => {
    const write = batch.writes[pending.write]
    return [pathOf(pending.at), write?.resource ?? null, write?.id ?? null]
  })
  const values = [
    record.key,
    record.inputHash,
    JSON.stringify(record.answer),
    record.expiresAt,
    JSON.stringify(pendings),
    record.reads.length === 0 ? null : JSON.stringify(record.reads),
  ]
  return [
    {
      sql: 'delete from "idempotency" where "key" = ?1 and "expiresAt" <= ?2',
      binds: [record.key, batch.now.toISOString()],
    },
    bound(shape, { as: batch.principal, caller: batch.principal, now: batch.now }, values),
  ]
}

/** The look-up of a key. */
export function replayStatement(key: string, now: Date): Statement {
  return {
    sql: 'select "inputHash", "answer", "reads" from "idempotency" where "key" = ?1 and "expiresAt" > ?2',
    binds: [key, now.toISOString()],
  }
}

/**
 * The stored answer, or null when the key is not in use.
 * @throws FAILED_PRECONDITION "idempotency-key-reused" when the key was used with another input
 */
export function storedAnswer(rows: readonly RawRow[], inputHash: string): StoredAnswer | null {
  const row = rows[0]
  if (!row) return null
  if (row.inputHash !== inputHash) {
    throw new Problem("FAILED_PRECONDITION", "The idempotency key was used with another request", {
      type: "idempotency-key-reused",
    })
  }
  const reads = row.reads === null ? [] : (JSON.parse(String(row.reads)) as StoredAnswer["reads"])
  return { answer: JSON.parse(String(row.answer)) as Json, reads }
}
