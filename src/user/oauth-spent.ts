/**
 * Refresh tokens that were exchanged. Presented again at once, one gets the same answer (it was lost, or two processes asked at a time); later it
 * was stolen. The answer is sealed under the token itself, so only who has the token can read it.
 */
import type { Turn } from "./turn.ts"

/** How long a lost answer is given again. */
const graceMs = 30_000
/** A key seals one answer and no other, so its nonce need not differ from another key's. */
const iv = new Uint8Array(12)

/** What is known of a refresh token. */
export type Spent = { readonly kind: "again"; readonly sealed: Uint8Array } | { readonly kind: "stolen" }

async function keyOf(token: string): Promise<CryptoKey> {
  const text = new TextEncoder().encode(`selvage.oauth.answer.1\n${token}`)
  return crypto.subtle.importKey("raw", await crypto.subtle.digest("SHA-256", text), "AES-GCM", false, [
    "encrypt",
    "decrypt",
  ])
}

/** Seals the one answer that a token was exchanged for. */
export async function sealAnswer(token: string, answer: string): Promise<Uint8Array> {
  const bytes = new TextEncoder().encode(answer)
  return new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, await keyOf(token), bytes))
}

/** The answer that a token was exchanged for. Throws when it was another's. */
export async function openAnswer(token: string, sealed: Uint8Array): Promise<string> {
  return new TextDecoder().decode(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, await keyOf(token), sealed))
}

/** Remembers that a refresh token was exchanged, as long as its grant lives. Whoever uses its successor has the answer to the one before. */
export function spend({ sql, now }: Turn, grant: string, hash: string, sealed: Uint8Array): void {
  sql.exec('update "spent" set "sealed" = null where "grant" = ? and "sealed" is not null', grant)
  sql.exec('insert or replace into "spent" values (?, ?, ?, ?)', hash, grant, now, sealed)
}

/** What is known of a token; null when none was ever exchanged under it. */
export function findSpent(sql: SqlStorage, grant: string, hash: string, now: number): Spent | null {
  const row = sql
    .exec<{ at: number; sealed: ArrayBuffer | null }>(
      'select "at", "sealed" from "spent" where "hash" = ? and "grant" = ?',
      hash,
      grant,
    )
    .toArray()[0]
  if (row === undefined) return null
  if (row.sealed === null || now - row.at > graceMs) return { kind: "stolen" }
  return { kind: "again", sealed: new Uint8Array(row.sealed) }
}

/** Forgets the answers that are not given again. */
export function sweepSpent({ sql, now }: Turn): void {
  sql.exec('update "spent" set "sealed" = null where "sealed" is not null and "at" <= ?', now - graceMs)
}
