/**
 * What an account holds before its address is proved. Whoever signed up made it, and need not be the one who reads the letters: so it ends
 * with the proof. Keys that the person made for service accounts are not meant here: they belong to whoever owns the service account.
 */
import { limits } from "../core/limits.ts"
import type { EngineWork, Wanted } from "../core/operation.ts"
import { system } from "../core/principal.ts"
import type { Resource } from "../core/resource.ts"
import { commandTo, type Flow, type Person } from "./account.ts"
import { livingKeys } from "./living-keys.ts"
import { ask } from "./objects.ts"
import { identitiesMax, identitiesOf } from "./providers/identities.ts"
import { identities } from "./resources.ts"

/** Sessions, keys, factors and identities elsewhere of an account that nobody has proved yet to be theirs. */
export interface Held {
  /** True when somebody was in the account: a session, a key or a factor of it lives, or an identity opens it. */
  readonly isUsed: boolean
  /** Ids of keys by which one may come in, or could as soon as the object hears of them. */
  readonly keys: readonly string[]
  /** Ids of the keys' rows in D1. */
  readonly rows: readonly string[]
  /** Ids of second factors and passkeys: they open, or keep the owner out. */
  readonly factors: readonly string[]
  /** Ids of identities by which one may come in. */
  readonly identities: readonly string[]
}

const nothing: Held = { isUsed: false, keys: [], rows: [], factors: [], identities: [] }
const reason = "made before the address was proved"
/** Beside the keys the batch holds the person and the identities. */
const rowsMax = limits.batchRecordsMax - 1 - identitiesMax
/** A round takes away 79 rows, and there are hardly more than 100. */
const roundsMax = 3

async function rowIds({ store, reading }: EngineWork, ownerId: string): Promise<readonly string[]> {
  // Whoever comes by letter is nobody yet, and sees no keys.
  const rows = await livingKeys({ store, reading: { ...reading, principal: system(reason, ownerId) } }, ownerId)
  return rows.map(({ id }) => String(id))
}

/**
 * What ends with the first proof of the person's address; nothing when it was proved before. Two D1 reads, three calls to the person's object.
 * @throws UNAVAILABLE when that cannot be found out
 */
export async function heldBefore(flow: Flow, work: EngineWork, person: Person): Promise<Held> {
  if (person.emailVerifiedAt !== null) return nothing
  const object = flow.ports().objects.user(person.id)
  // The object knows what opens, D1 what it is still to be told of.
  const [rows, linked, sessions, kept, proofs] = await Promise.all([
    rowIds(work, person.id),
    identitiesOf(work, person.id),
    ask(() => object.listSessions()),
    ask(() => object.listKeys()),
    ask(() => object.listFactors()),
  ])
  const keys = [...new Set([...rows, ...(kept ?? []).map(({ id }) => id)])]
  const factors = (proofs?.factors ?? []).map(({ id }) => id)
  const isUsed = keys.length > 0 || factors.length > 0 || linked.length > 0 || (sessions?.length ?? 0) > 0
  return { isUsed, keys, rows, factors, identities: linked.map(({ id }) => id) }
}

/** Ends the second factors with the batch. */
export function endFactors(work: EngineWork, { send }: Wanted, ownerId: string, { factors }: Held): void {
  if (factors.length > 0) send(commandTo(work, ownerId, { kind: "removeFactors", ids: factors }))
}

/** Ends the sessions that there were, and forgets their devices, with the batch. */
export function endSessions(work: EngineWork, { send }: Wanted, ownerId: string): void {
  send(commandTo(work, ownerId, { kind: "revokeAll", createdBefore: work.reading.now.getTime() + 1 }))
}

/** Ends the keys and identities with the batch. Of more rows than a batch takes, `endLateKeys` sees to the rest: their object refuses them already. */
export function endKeys(
  work: EngineWork,
  { changes, send }: Wanted,
  apiKeys: Resource,
  ownerId: string,
  { keys, rows, identities: linked }: Pick<Held, "keys" | "rows" | "identities">,
): void {
  const revokedAt = work.reading.now.toISOString()
  const before = changes.as(system(reason, ownerId))
  for (const id of rows.slice(0, rowsMax)) before.update(apiKeys, id, { revokedAt } as never)
  for (const id of linked) before.delete(identities, id)
  if (keys.length > 0) send(commandTo(work, ownerId, { kind: "revokeKeys", ids: keys }))
}

/**
 * After the proof: ends what was made between its look at the keys and its batch. None is made later, because `apiKeys.create` decides on the
 * version of the person that the proof has changed. Costs nothing for accounts in which nobody was.
 */
export async function endLateKeys(work: EngineWork, apiKeys: Resource, ownerId: string, held: Held): Promise<void> {
  if (!held.isUsed) return
  for (let round = 0; round < roundsMax; round++) {
    const rows = await rowIds(work, ownerId)
    if (rows.length === 0) return
    await work.write((batch) => endKeys(work, batch, apiKeys, ownerId, { keys: rows, rows, identities: [] }))
  }
}

/** True when the one who calls has a session of the account: then what it holds is theirs. A key or an impersonator shows no such thing. */
export function isOwnSession({ reading: { principal } }: EngineWork, ownerId: string): boolean {
  if (principal.kind !== "user" || principal.id !== ownerId || principal.session === undefined) return false
  return principal.scopes === undefined && principal.impersonator === undefined
}
