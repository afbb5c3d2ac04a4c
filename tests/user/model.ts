/** What the session machine should do, told in plain values: the model that real objects are compared with. */
import type { Command as Driven } from "../../src/core/user-object.ts"

/** A session as the model sees it. */
export interface Session {
  readonly sid: string
  readonly created: number
  readonly idle: number
  readonly hard: number
  seen: number
  rotated: number
  counter: number
  /** The newest token that the client has. */
  held: number
  /** MAC of every token that was ever handed out, by counter. */
  readonly macs: Map<number, string>
  ended: "revoked" | "reuse" | "expired" | "inactive" | "replaced" | null
  endedAt: number
}

/** One user. */
export interface Model {
  readonly sessions: Session[]
  /** What D1's outbox holds: committed there, not acknowledged by the object. */
  outbox: { readonly id: string; readonly command: Driven }[]
  readonly applied: Set<string>
  /** The row in D1, and what the object knows of it. */
  row: { version: number; status: string }
  known: { version: number; status: string } | null
  epoch: number
}

const expiry = (one: Session) => Math.min(one.seen + one.idle, one.created + one.hard)

/** Time alone ends sessions. */
export function expire(model: Model, now: number): void {
  for (const one of model.sessions) if (one.ended === null && now >= expiry(one)) finish(one, "expired", now)
}

/** The session is over. */
export function finish(one: Session, reason: Exclude<Session["ended"], null>, now: number): void {
  one.ended = reason
  one.endedAt = now
}

/** Ends those that live; gives them. */
export function finishWhere(
  model: Model,
  now: number,
  reason: "revoked" | "inactive",
  which: (one: Session) => boolean,
): Session[] {
  expire(model, now)
  const ending = model.sessions.filter((one) => one.ended === null && which(one))
  for (const one of ending) finish(one, reason, now)
  return ending
}

/** D1 told of the account. */
export function learn(model: Model, now: number, row: { version: number; status: string }): void {
  const before = model.known
  if (before !== null && before.version >= row.version) return
  model.known = { ...row }
  if (row.status !== "active") finishWhere(model, now, "inactive", () => true)
}

/** A command, once by id. */
export function act(model: Model, now: number, id: string, command: Driven): void {
  if (model.applied.has(id)) return
  model.applied.add(id)
  if (command.kind === "setAccount") learn(model, now, command.account)
  if (command.kind === "revokeSession") finishWhere(model, now, "revoked", (one) => one.sid === command.sid)
  if (command.kind === "revokeAll") finishWhere(model, now, "revoked", (one) => one.created < command.createdBefore)
  if (command.kind === "revokeOthers")
    finishWhere(model, now, "revoked", (one) => one.sid !== command.keep && one.created < command.createdBefore)
}
