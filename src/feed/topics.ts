/**
 * The reader that tells live watchers. Of each page of the log, first the users hear whose rights it changes, then the open topics get their
 * rows. An object that cannot be told holds up nobody: what it is owed is remembered here and told later.
 */
import { dependenciesOf, unwatchable } from "../authorization/judge.ts"
import { changesAny, sizeOf, tenantsOf, usersOf } from "../core/audience.ts"
import type { Event } from "../core/event.ts"
import type { LiveObject, Note, TopicObject } from "../core/live-object.ts"
import type { Models } from "../core/model.ts"
import type { Observe } from "../core/observation.ts"
import { retryMs, within } from "./patience.ts"
import type { Reader } from "./tail.ts"

/** The world of this reader. */
export interface TopicsPorts {
  models(): Models
  topic(name: string): Pick<TopicObject, "deliver" | "missed">
  live(name: string): Pick<LiveObject, "factsChanged">
  readonly observe: Observe
  now(): Date
}

/** A topic waits 2 s for each watcher, all at once. */
const topicMs = 5000
const liveMs = 2000

/** What depends on the columns of a resource: judgements of these other resources' records. */
type Dependents = ReadonlyMap<string, readonly { readonly resource: string; readonly columns: ReadonlySet<string> }[]>

const known = new WeakMap<Models, Dependents>()

function dependentsOf(models: Models): Dependents {
  const kept = known.get(models)
  if (kept) return kept
  const found = new Map<string, { resource: string; columns: ReadonlySet<string> }[]>()
  for (const model of models.values()) {
    if (unwatchable(models, model) !== null) continue
    for (const [parent, columns] of dependenciesOf(models, model).parents)
      found.set(parent, [...(found.get(parent) ?? []), { resource: model.name, columns }])
  }
  known.set(models, found)
  return found
}

function names(sql: SqlStorage, text: string, ...binds: (string | number | null)[]): string[] {
  return sql
    .exec<{ name: string }>(text, ...binds)
    .toArray()
    .map(({ name }) => name)
}

const isOwed = (sql: SqlStorage, kind: "topic" | "live", name: string): boolean =>
  sql.exec('select 1 from "owed" where "kind" = ? and "name" = ?', kind, name).toArray().length > 0

function owe(sql: SqlStorage, kind: "topic" | "live", name: string, sequence: number, dueAt: number): void {
  sql.exec(
    `insert into "owed" values (?1, ?2, ?3, 0, ?4) on conflict ("kind", "name") do update set "sequence" = max("sequence", ?3)`,
    kind,
    name,
    sequence,
    dueAt,
  )
}

/** Topics that show a record: those of its tenants, and its own. */
function topicsOfRow(models: Models, sql: SqlStorage, event: Event): string[] {
  const tenants = JSON.stringify([...tenantsOf(models, event)])
  return [
    ...names(
      sql,
      `select "name" from "topics" where "resource" = ?1 and "record" is null
         and ("tenant" in (select value from json_each(?2)) or "tenant" is null)`,
      event.resource,
      tenants,
    ),
    ...names(sql, 'select "name" from "topics" where "resource" = ? and "record" = ?', event.resource, event.record),
  ]
}

/** Topics whose records are judged by a record above them, which has changed. */
function topicsBelow(models: Models, sql: SqlStorage, event: Event): string[] {
  if (event.change !== "updated") return []
  const tenants = [...tenantsOf(models, event)]
  const below = (dependentsOf(models).get(event.resource) ?? []).filter(({ columns }) => changesAny(event, columns))
  return below.flatMap(({ resource }) =>
    names(
      sql,
      `select "name" from "topics" where "resource" = ?1
         and (?2 = 0 or "tenant" is null or "tenant" in (select value from json_each(?3)))`,
      resource,
      tenants.length,
      JSON.stringify(tenants),
    ),
  )
}

function notesOf(models: Models, sql: SqlStorage, events: readonly Event[]): ReadonlyMap<string, readonly Note[]> {
  const notes = new Map<string, Note[]>()
  const add = (topic: string, note: Note) => {
    const known = notes.get(topic)
    if (known) known.push(note)
    else notes.set(topic, [note])
  }
  const open = new Set(names(sql, 'select distinct "resource" as "name" from "topics"'))
  for (const event of events) {
    if (!models.has(event.resource)) continue
    if (open.has(event.resource))
      for (const topic of topicsOfRow(models, sql, event)) add(topic, { kind: "row", event })
    for (const topic of topicsBelow(models, sql, event)) add(topic, { kind: "facts", sequence: event.sequence })
  }
  return notes
}

const lotBytes = 2 * 1024 * 1024

/** In lots that a call between objects can carry (32 MiB at most), and an isolate can hold. */
function* lotsOf(notes: readonly Note[]): Generator<readonly Note[]> {
  let lot: Note[] = []
  let size = 0
  for (const note of notes) {
    lot.push(note)
    size += note.kind === "row" ? sizeOf(note.event) : 0
    if (size < lotBytes) continue
    yield lot
    lot = []
    size = 0
  }
  if (lot.length > 0) yield lot
}

/** Makes the reader. */
export function topicsReader(ports: TopicsPorts): Reader {
  const { now, observe } = ports
  const tell = (where: string, cause: unknown) => observe({ kind: "fault", at: now().toISOString(), where, cause })

  /** @returns objects that do not know yet what has changed for their users */
  const tellAudience = async (events: readonly Event[], sql: SqlStorage): Promise<readonly string[]> => {
    const changed = new Map<string, number>()
    for (const event of events) for (const user of usersOf(ports.models(), event)) changed.set(user, event.sequence)
    const objects = new Map<string, number>()
    for (const [user, sequence] of changed)
      for (const name of names(sql, 'select "object" as "name" from "audience" where "userId" = ?', user))
        objects.set(name, Math.max(sequence, objects.get(name) ?? 0))
    await Promise.all(
      [...objects].map(async ([name, sequence]) => {
        if (isOwed(sql, "live", name)) return owe(sql, "live", name, sequence, 0)
        try {
          await within(liveMs, ports.live(name).factsChanged(sequence))
        } catch (cause) {
          owe(sql, "live", name, sequence, now().getTime() + retryMs(0))
          tell("live facts", cause)
        }
      }),
    )
    return names(sql, `select "name" from "owed" where "kind" = 'live'`)
  }

  const tellTopic = async (name: string, notes: readonly Note[], untold: readonly string[], sql: SqlStorage) => {
    // It will be told that it missed something, which is all that it needs to know.
    if (isOwed(sql, "topic", name)) return
    try {
      for (const lot of lotsOf(notes)) await within(topicMs, ports.topic(name).deliver(lot, untold))
    } catch (cause) {
      owe(sql, "topic", name, 0, now().getTime() + retryMs(0))
      tell("live topic", cause)
    }
  }

  const settle = async ({ kind, name, sequence, tries }: Owed, sql: SqlStorage): Promise<void> => {
    try {
      if (kind === "topic") await within(topicMs, ports.topic(name).missed())
      else await within(liveMs, ports.live(name).factsChanged(sequence))
      sql.exec('delete from "owed" where "kind" = ? and "name" = ? and "sequence" <= ?', kind, name, sequence)
    } catch (cause) {
      const dueAt = now().getTime() + retryMs(tries + 1)
      sql.exec(
        'update "owed" set "tries" = "tries" + 1, "dueAt" = ? where "kind" = ? and "name" = ?',
        dueAt,
        kind,
        name,
      )
      tell(`live ${kind}`, cause)
    }
  }

  return {
    name: "topics",
    wants: (sql) =>
      sql
        .exec('select 1 from "topics" union all select 1 from "audience" union all select 1 from "owed" limit 1')
        .toArray().length > 0,
    async mend(sql) {
      const due = sql.exec<Owed>('select * from "owed" where "dueAt" <= ? limit 100', now().getTime()).toArray()
      await Promise.all(due.map((one) => settle(one, sql)))
      return sql.exec<{ next: number | null }>('select min("dueAt") as "next" from "owed"').one().next
    },
    async read(events, sql) {
      const untold = await tellAudience(events, sql)
      const notes = notesOf(ports.models(), sql, events)
      await Promise.all([...notes].map(([name, list]) => tellTopic(name, list, untold, sql)))
    },
  }
}

type Owed = { kind: "topic" | "live"; name: string; sequence: number; tries: number; dueAt: number }
