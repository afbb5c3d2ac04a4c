/**
 * The programs that a user has let in: one row a grant, and with it what the OAuth provider keeps of it. A grant whose row is gone is over,
 * whatever tokens are about. Ended in one transaction: rows gone, hub owed, sockets and events told.
 */
import type { AuthorizationRules, GrantClient, GrantedAccess, GrantView } from "../core/oauth.ts"
import type { GrantTerms } from "../core/terms.ts"
import { accountOf } from "./account.ts"
import { hasFactor } from "./factors.ts"
import type { HeldEntry } from "./oauth-entries.ts"
import { owe } from "./revocations.ts"
import { record } from "./security-events.ts"
import { epochOf, raiseEpoch, type Turn } from "./turn.ts"

const grantsMax = 100
const useStepMs = 60_000
/** Longer than any isolate believes in an access token without asking. */
const positiveMs = 11 * 60_000

/** Why a grant ended. */
export type GrantReason = "revoked" | "replaced" | "reuse" | "expired" | "reset" | "inactive" | "destroyed"

type Row = {
  id: string
  client: string
  name: string
  host: string | null
  record: string
  scopes: string
  resource: string
  createdAt: number
  redeemedAt: number | null
  lastUsedAt: number | null
  expiresAt: number
  hardAt: number
  approval: number
  rows: number | null
}

const termsOf = ({ approval, rows }: Pick<Row, "approval" | "rows">): GrantTerms => ({ approval: approval === 1, rows })

/** A grant that lives, with the client that it was given to and the terms. */
export interface LivingGrant {
  readonly id: string
  readonly client: GrantClient
  readonly scopes: readonly string[]
  readonly terms: GrantTerms
}

const living = '"expiresAt" > ?'

function rowsOf(sql: SqlStorage, now: number): Row[] {
  return sql.exec<Row>(`select * from "grants" where ${living} order by "createdAt" desc, "id"`, now).toArray()
}

/** A grant that lives; null for none. */
export function findGrant(sql: SqlStorage, id: string, now: number): LivingGrant | null {
  const row = sql.exec<Row>(`select * from "grants" where "id" = ? and ${living}`, id, now).toArray()[0]
  if (row === undefined) return null
  const { client, name, host, record, scopes } = row
  return { id, client: { id: client, name, host, record }, scopes: JSON.parse(scopes), terms: termsOf(row) }
}

/** Whether a client has a grant that lives. */
export function isKnownClient(sql: SqlStorage, client: string, now: number): boolean {
  return rowsOf(sql, now).some((row) => row.client === client && row.redeemedAt !== null)
}

/** True when no further grant may be made. */
export function isCrowded(sql: SqlStorage, now: number): boolean {
  return rowsOf(sql, now).length >= grantsMax
}

/** The only place where a grant ends. */
function end(turn: Turn, rows: readonly Row[], reason: GrantReason): number {
  const { sql, now, ended } = turn
  for (const { id, client, host } of rows) {
    sql.exec('delete from "grants" where "id" = ?', id)
    sql.exec('delete from "oauth" where "grant" = ?', id)
    sql.exec('delete from "spent" where "grant" = ?', id)
    sql.exec('delete from "approvals" where "grant" = ?', id)
    ended.push(id)
    owe(turn, { id, belowEpoch: null, until: now + positiveMs })
    record(turn, reason === "reuse" ? "grant.reuse" : "grant.ended", { id, client, host, reason })
  }
  if (rows.length > 0) raiseEpoch(sql)
  return rows.length
}

/** Ends one. Gives 1, or 0 when it was over already. */
export function endGrant(turn: Turn, id: string, reason: GrantReason): number {
  return end(turn, turn.sql.exec<Row>('select * from "grants" where "id" = ?', id).toArray(), reason)
}

/**
 * Ends all that were made before an instant.
 * @param createdBefore milliseconds since 1970; left out: all
 */
export function endGrants(turn: Turn, reason: GrantReason, createdBefore = Number.MAX_SAFE_INTEGER): number {
  const rows = turn.sql.exec<Row>('select * from "grants" where "createdAt" < ?', createdBefore).toArray()
  return end(turn, rows, reason)
}

/** Makes what isolates believe of access tokens stale: the next use asks here again. */
export function staleGrants(turn: Turn, belowEpoch: number): void {
  for (const { id } of rowsOf(turn.sql, turn.now)) owe(turn, { id, belowEpoch, until: turn.now + positiveMs })
}

/** `grant:<user>:<grant>` and `token:<user>:<grant>:<hash>`: the names that the provider gives. */
function partsOf(key: string): { readonly kind: string; readonly grant: string } {
  const [kind = "", , grant = ""] = key.split(":")
  return { kind, grant }
}

interface ProvidedGrant {
  readonly scope: readonly string[]
  readonly resource: string
  readonly authCodeWrappedKey?: string
}

/** A grant as the provider wants it kept. A new one begins with its code; a redeemed one lives as long as the rules say. */
/** Whom a grant is given to, and under what. */
interface Given {
  readonly client: GrantClient
  readonly terms: GrantTerms
  readonly rules: AuthorizationRules
}

function keepGrant(turn: Turn, id: string, entry: HeldEntry, { client, terms, rules }: Given): void {
  const { sql, now } = turn
  const given = JSON.parse(entry.value) as ProvidedGrant
  const isRedeemed = given.authCodeWrappedKey === undefined
  const seconds = isRedeemed ? rules.idleSeconds : rules.codeSeconds
  const { id: clientId, name, host, record: text } = client
  const { scope, resource } = given
  const made = sql.exec(
    `insert into "grants" values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, null, null, ?9, ?10, ?11, ?12) on conflict ("id") do nothing`,
    id,
    clientId,
    name,
    host,
    text,
    JSON.stringify(scope),
    resource,
    now,
    now + seconds * 1000,
    now + rules.hardSeconds * 1000,
    terms.approval ? 1 : 0,
    terms.rows,
  ).rowsWritten
  if (made > 0)
    record(turn, "grant.added", {
      id,
      client: clientId,
      host,
      scopes: [...scope],
      resource,
      approval: terms.approval,
      rows: terms.rows,
    })
  if (isRedeemed)
    sql.exec(
      'update "grants" set "redeemedAt" = coalesce("redeemedAt", ?2), "expiresAt" = min("hardAt", ?3) where "id" = ?1',
      id,
      now,
      now + seconds * 1000,
    )
  sql.exec(
    `insert or replace into "oauth" ("key", "grant", "value", "metadata", "expiresAt")
     values (?1, ?2, ?3, ?4, (select "expiresAt" from "grants" where "id" = ?2))`,
    `grant:${turn.subject}:${id}`,
    id,
    entry.value,
    entry.metadata,
  )
}

/**
 * Writes what the provider has decided.
 * @param onDelete why a grant ends that the provider takes away
 * @returns true when tokens that isolates may believe in are void now
 */
export function commitEntries(
  turn: Turn,
  held: ReadonlyMap<string, HeldEntry | null>,
  { client, terms, rules, onDelete }: Given & { readonly onDelete: GrantReason },
): boolean {
  const { sql, now } = turn
  let reduced = false
  for (const [key, entry] of held) {
    const { kind, grant } = partsOf(key)
    if (entry === null) {
      reduced = true
      if (kind === "grant") endGrant(turn, grant, onDelete)
      else {
        sql.exec('delete from "oauth" where "key" = ?', key)
        owe(turn, { id: grant, belowEpoch: raiseEpoch(sql), until: now + positiveMs })
      }
    } else if (kind === "grant") keepGrant(turn, grant, entry, { client, terms, rules })
    else if (kind === "token")
      sql.exec(
        'insert or replace into "oauth" ("key", "grant", "value", "metadata", "expiresAt") values (?, ?, ?, null, ?)',
        key,
        grant,
        entry.value,
        now + (entry.seconds ?? rules.accessSeconds) * 1000,
      )
  }
  return reduced
}

/** What an access token may do; null when it is none of a grant that lives. Writes the last use at most once a minute. */
export function verifyAccess(turn: Turn, id: string, hash: string): GrantedAccess | null {
  const { sql, now, subject } = turn
  const account = accountOf(sql)
  if (account !== null && account.status !== "active") return null
  const row = sql
    .exec<Pick<Row, "expiresAt" | "lastUsedAt" | "approval" | "rows"> & { value: string }>(
      `select "oauth"."value", "oauth"."expiresAt", "grants"."lastUsedAt", "grants"."approval", "grants"."rows" from "oauth" join "grants" on "grants"."id" = "oauth"."grant"
       where "oauth"."key" = ?1 and "oauth"."expiresAt" > ?2 and "grants"."expiresAt" > ?2`,
      `token:${subject}:${id}:${hash}`,
      now,
    )
    .toArray()[0]
  if (row === undefined) return null
  if (row.lastUsedAt === null || now - row.lastUsedAt >= useStepMs)
    sql.exec('update "grants" set "lastUsedAt" = ? where "id" = ?', now, id)
  const { scope, audience } = JSON.parse(row.value) as { scope: string[]; audience: string }
  const { expiresAt } = row
  const about = { terms: termsOf(row), epoch: epochOf(sql), account, hasFactor: hasFactor(sql) }
  return { id, scopes: scope, resource: audience, expiresAt, ...about }
}

/** The grants that live and whose code was redeemed, newest first. */
export function listGrants(sql: SqlStorage, now: number): GrantView[] {
  return rowsOf(sql, now)
    .filter(({ redeemedAt }) => redeemedAt !== null)
    .map(({ id, client, name, host, scopes, resource, createdAt, lastUsedAt, expiresAt, approval, rows }) => ({
      id,
      client: { id: client, name, host },
      scopes: JSON.parse(scopes),
      terms: termsOf({ approval, rows }),
      resource,
      createdAt,
      lastUsedAt,
      expiresAt,
    }))
}

/** Ends what has expired, and clears tokens that are over. */
export function sweepGrants(turn: Turn): void {
  end(turn, turn.sql.exec<Row>('select * from "grants" where "expiresAt" <= ?', turn.now).toArray(), "expired")
  turn.sql.exec('delete from "oauth" where "expiresAt" <= ?', turn.now)
}
