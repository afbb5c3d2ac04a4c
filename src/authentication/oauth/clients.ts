/**
 * Clients: programs that ask to be let in. They are nobody's, so they stand in KV: registered ones as they were registered, described ones as a
 * cache of their documents. A grant keeps the client as its user saw it; nothing here is asked when codes and tokens are exchanged.
 */
import type { Outbound } from "../../core/job.ts"
import type { GrantClient } from "../../core/oauth.ts"
import { fetchDocument, isDocumentAddress } from "./client-document.ts"

/** Where clients are kept and fetched from. Filled by the composition root. */
export interface ClientStore {
  /** A registered client's record, JSON; null when there is none. */
  registered(id: string): Promise<string | null>
  keepRegistered(id: string, record: string): Promise<void>
  /** A document that was fetched and checked before; null when it has to be fetched. */
  described(address: string): Promise<string | null>
  keepDescribed(address: string, record: string, seconds: number): Promise<void>
  readonly fetch: Outbound["fetch"]
}

const idForm = /^[A-Za-z0-9_-]{16}$/

async function describedRecord(store: ClientStore, address: string): Promise<string> {
  const kept = await store.described(address)
  if (kept !== null) return kept
  const { record, keepSeconds } = await fetchDocument(store.fetch, address)
  const text = JSON.stringify(record)
  if (keepSeconds > 0) await store.keepDescribed(address, text, keepSeconds)
  return text
}

/**
 * The client of a `client_id`; null when none is registered under it.
 * @throws Problem INVALID_ARGUMENT for the address of a document that cannot be used
 */
export async function findClient(store: ClientStore, id: string): Promise<GrantClient | null> {
  const isDescribed = isDocumentAddress(id)
  const record = isDescribed ? await describedRecord(store, id) : idForm.test(id) ? await store.registered(id) : null
  if (record === null) return null
  const { clientName } = JSON.parse(record) as { clientName?: string }
  const name = clientName?.trim() ?? ""
  return {
    id,
    name: name === "" ? "A program without a name" : name,
    host: isDescribed ? new URL(id).host : null,
    record,
  }
}
