/**
 * Commands that D1's outbox drives. Refuses to act twice on one id: the ids of the last day are kept, counted from the last time that each
 * one came. Beyond that a command is safe to do late and again: accounts carry versions, tokens and revocations their instant, and revoked keys
 * stay revoked.
 */

import type { Account, Command } from "../core/user-object.ts"
import { keepAccount } from "./account.ts"
import { addKey, revokeKey, staleKeys } from "./api-keys.ts"
import { removeFactors } from "./factors.ts"
import { endGrants, staleGrants } from "./oauth-grants.ts"
import { issueToken, redeemToken } from "./one-time.ts"
import { record } from "./security-events.ts"
import { endAll, revokeAll, revokeOthers, revokeSession, staleAll } from "./sessions.ts"
import { raiseEpoch, type Turn } from "./turn.ts"

const remembered = 86_400_000

/** Takes over what D1 says of the user. New roles make access tokens stale; a status that is not active ends everything. */
export function changeAccount(turn: Turn, account: Account): void {
  if (!keepAccount(turn.sql, account)) return
  const epoch = raiseEpoch(turn.sql)
  record(turn, "account.changed", { version: account.version, roles: account.roles, status: account.status })
  staleKeys(turn, epoch)
  if (account.status === "active") {
    staleAll(turn, epoch, account.lifetime)
    staleGrants(turn, epoch)
    return
  }
  endAll(turn, "inactive")
  endGrants(turn, "inactive")
}

function act(turn: Turn, command: Command): boolean {
  switch (command.kind) {
    case "setAccount":
      changeAccount(turn, command.account)
      return true
    case "issueToken":
      issueToken(turn, command.token)
      return true
    case "consumeToken":
      redeemToken(turn, command.purpose, command.hash)
      return true
    case "addKey":
      return addKey(turn, command.key)
    case "revokeKey":
      revokeKey(turn, command.id)
      return true
    case "revokeKeys":
      for (const id of command.ids) revokeKey(turn, id)
      return true
    case "removeFactors":
      removeFactors(turn, command.ids)
      return true
    case "revokeSession":
      revokeSession(turn, command.sid)
      return true
    case "revokeOthers":
      revokeOthers(turn, command.keep, command.createdBefore)
      endGrants(turn, "reset", command.createdBefore)
      return true
    case "revokeAll":
      revokeAll(turn, command.createdBefore)
      endGrants(turn, "reset", command.createdBefore)
      return true
  }
}

/** Does a command once. Gives whether it had been done before, or null when a bound refused it (then it may come again). */
export function applyCommand(turn: Turn, id: string, command: Command): { readonly repeated: boolean } | null {
  const { sql, now } = turn
  const known = sql.exec('update "commands" set "at" = ?2 where "id" = ?1 returning 1', id, now).toArray().length > 0
  if (known) return { repeated: true }
  if (!act(turn, command)) return null
  sql.exec('insert into "commands" values (?, ?)', id, now)
  return { repeated: false }
}

/** Forgets the ids that are older than a day. */
export function sweepCommands(turn: Turn): void {
  turn.sql.exec('delete from "commands" where "at" <= ?', turn.now - remembered)
}
