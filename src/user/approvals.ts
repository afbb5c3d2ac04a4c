/**
 * Changes that programs want to make and that wait for their user: one row a call, found by grant, operation and hash of the input. A row that was
 * granted goes with the call that it lets through, in one transaction: whoever comes second asks anew.
 */
import type { ApprovalCall, ApprovalDetail, ApprovalState, ApprovalView, Claimed } from "../core/approval.ts"
import { accountOf } from "./account.ts"
import { findGrant } from "./oauth-grants.ts"
import { record } from "./security-events.ts"
import type { Turn } from "./turn.ts"

/** Of one grant. More are more than a person would read. */
const waitingMax = 50
/** How long one waits, lets through, or stands refused. */
const keptMs = 86_400_000

type Row = {
  id: string
  grant: string
  operation: string
  inputHash: string
  input: string
  state: ApprovalState
  createdAt: number
  expiresAt: number
}

const living = '"expiresAt" > ?'

/** With the grant that it is of; a grant that is over has none. */
function detailOf(sql: SqlStorage, row: Row, now: number): ApprovalDetail | null {
  const found = findGrant(sql, row.grant, now)
  if (found === null) return null
  const { id, name, host } = found.client
  const { inputHash: _hash, ...rest } = row
  return { ...rest, client: { id, name, host }, scopes: found.scopes }
}

function viewOf({ input: _input, scopes: _scopes, ...view }: ApprovalDetail): ApprovalView {
  return view
}

/** The one with this id that is not over. */
function find(sql: SqlStorage, id: string, now: number): Row | undefined {
  return sql.exec<Row>(`select * from "approvals" where "id" = ? and ${living}`, id, now).toArray()[0]
}

/** Uses an approval up, or asks for one. null: the grant is over. */
export function claimApproval(turn: Turn, call: ApprovalCall): Claimed | null {
  const { sql, now } = turn
  const account = accountOf(sql)
  const grant = findGrant(sql, call.grant, now)
  if (grant === null || (account !== null && account.status !== "active")) return null
  const { operation, inputHash } = call
  sweepApprovals(turn)
  const row = sql
    .exec<Row>(
      'select * from "approvals" where "grant" = ? and "operation" = ? and "inputHash" = ?',
      grant.id,
      operation,
      inputHash,
    )
    .toArray()[0]
  if (row?.state === "refused") return { state: "refused" }
  if (row?.state === "granted") {
    sql.exec('delete from "approvals" where "id" = ?', row.id)
    record(turn, "approval.used", { id: row.id, grant: grant.id, operation })
    return { state: "granted" }
  }
  const client = grant.client.name
  if (row !== undefined) return { state: "waiting", id: row.id, isNew: false, client }
  const { waiting } = sql
    .exec<{ waiting: number }>(
      `select count(*) "waiting" from "approvals" where "grant" = ? and "state" = 'waiting'`,
      grant.id,
    )
    .one()
  if (waiting >= waitingMax) return { state: "full" }
  sql.exec(
    `insert into "approvals" values (?, ?, ?, ?, ?, 'waiting', ?, ?)`,
    call.id,
    grant.id,
    operation,
    inputHash,
    call.input,
    now,
    now + keptMs,
  )
  record(turn, "approval.asked", { id: call.id, grant: grant.id, operation })
  return { state: "waiting", id: call.id, isNew: true, client }
}

/** Those that are not over, newest first. */
export function listApprovals(sql: SqlStorage, now: number): ApprovalView[] {
  return sql
    .exec<Row>(`select * from "approvals" where ${living} order by "createdAt" desc, "id" desc`, now)
    .toArray()
    .flatMap((row) => {
      const detail = detailOf(sql, row, now)
      return detail === null ? [] : [viewOf(detail)]
    })
}

/** One with its input; null when there is none. */
export function getApproval(sql: SqlStorage, id: string, now: number): ApprovalDetail | null {
  const row = find(sql, id, now)
  return row === undefined ? null : detailOf(sql, row, now)
}

/** Says yes or no to one that was not used; null when there is none. Said again, it changes nothing. */
export function decideApproval(turn: Turn, id: string, state: "granted" | "refused"): ApprovalView | null {
  const { sql, now } = turn
  const row = find(sql, id, now)
  const detail = row && detailOf(sql, row, now)
  if (!detail) return null
  if (detail.state === state) return viewOf(detail)
  const expiresAt = now + keptMs
  sql.exec('update "approvals" set "state" = ?2, "expiresAt" = ?3 where "id" = ?1', id, state, expiresAt)
  record(turn, `approval.${state}`, { id, grant: detail.grant, operation: detail.operation })
  return { ...viewOf(detail), state, expiresAt }
}

/** Clears what is over. */
export function sweepApprovals({ sql, now }: Turn): void {
  sql.exec('delete from "approvals" where "expiresAt" <= ?', now)
}
