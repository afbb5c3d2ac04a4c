/** Into the object of a person who signed up over HTTP: its clock and its rows, for what only time brings about. */
import { runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import type { User } from "../../src/user/object.ts"

const stubOf = (name: string) =>
  (env.USER as unknown as DurableObjectNamespace<User>).getByName(name) as DurableObjectStub<User>

/** Name of a person's object. */
export const objectOf = ({ id }: { readonly id: string }) => `user/${id}`

/**
 * Holds the clock of an object.
 * @param now gives milliseconds since 1970; null: the real one again
 */
export function holdClock(name: string, now: (() => number) | null): Promise<void> {
  return runInDurableObject<User, void>(stubOf(name), (instance) => {
    instance.ports = { ...instance.ports, now: now ?? (() => Date.now()) }
  })
}

/** Runs a statement inside of an object. */
export function inObject(
  name: string,
  sql: string,
  ...binds: (string | number | null)[]
): Promise<Record<string, SqlStorageValue>[]> {
  return runInDurableObject<User, Record<string, SqlStorageValue>[]>(stubOf(name), (_, state) =>
    state.storage.sql.exec(sql, ...binds).toArray(),
  )
}

/** Kinds and fields of the events in a person's object, oldest first. */
export async function eventsIn(who: { readonly id: string }): Promise<[string, Record<string, unknown>][]> {
  const rows = await inObject(objectOf(who), 'select "kind", "fields" from "events" order by "sequence"')
  return rows.map(({ kind, fields }) => [String(kind), JSON.parse(String(fields))])
}
