/**
 * The live part of a user's object: the sockets, and what is watched over them. Reached through the binding alone, by the Worker that has
 * authenticated whoever sits there, by topics and by the feed. A session and its sockets live in one object, so ending one closes the other.
 */

import type { Revocation } from "../core/hub-object.ts"
import type { Notice, Notification } from "../core/inbox.ts"
import type { LiveObject, Note, Whisper } from "../core/live-object.ts"
import type { Principal } from "../core/principal.ts"
import type { Problem } from "../core/problem.ts"
import type { Cause } from "../core/user-object.ts"
import { accountOf } from "./account.ts"
import { findNotice } from "./inbox.ts"
import { answerBatch, answerCall } from "./live-calls.ts"
import { type InboxTelling, inboxTelling } from "./live-inbox.ts"
import { closeCodes, type LivePorts, liveLimits, type Sitter, sitterHeader } from "./live-ports.ts"
import { type Presence, presenceOf } from "./live-presence.ts"
import { openRoom, type Room } from "./live-room.ts"
import { closeSeat, type Seat, type Seats, save, say, seatsOf, spend } from "./live-seat.ts"
import { findGrant } from "./oauth-grants.ts"
import { GrantingUser } from "./oauth-object.ts"
import { type ObjectBindings, within } from "./ports.ts"
import { findSession } from "./sessions.ts"

/** A key's sockets come back after so long at the latest: a key that ended while one was being opened opens no other. */
const keyMs = 3_600_000
const elsewhereMs = 5000

const byAlarm: Cause = { requestId: "live", actor: "system" }

interface Live {
  readonly seats: Seats
  readonly room: Room
  readonly presence: Presence
  readonly inbox: InboxTelling
}

/** What an object refuses a connection with. The Worker makes a problem of it. */
function refusal(code: Problem["code"], message: string): Response {
  return Response.json({ code, message }, { status: code === "RESOURCE_EXHAUSTED" ? 429 : 401 })
}

/** Runs in workerd; found by the names in `server/keys.ts`. */
export abstract class LiveUser extends GrantingUser implements LiveObject {
  #live: Live | null = null
  /** Sockets whose watches have ended: the event of their closing comes later. */
  readonly #gone = new WeakSet<WebSocket>()

  /** The world, composed when it is first needed. A field: no call from outside reaches it. */
  protected abstract readonly live: () => LivePorts

  constructor(ctx: DurableObjectState, env: ObjectBindings) {
    super(ctx, env)
    this.onEnded = (ids) => this.#end(ids)
    const { revoke } = this.ports
    // Told to the hub and to the sockets that keys have opened, until both have heard it.
    this.ports = {
      ...this.ports,
      revoke: async (revocations) => {
        await revoke(revocations)
        await this.#endElsewhere(revocations)
      },
    }
  }

  get #own(): string {
    return this.ctx.id.name ?? ""
  }

  #open(): Live {
    if (this.#live !== null) return this.#live
    const ports = this.live()
    const seats = seatsOf(this.ctx)
    const behind = (work: Promise<unknown>) => this.ctx.waitUntil(work.catch((cause) => this.#fault("behind", cause)))
    const room = openRoom({ sql: this.turns.sql, seats, ports, own: this.#own, behind })
    const inbox = inboxTelling({ ports, seats, own: this.#own, sql: () => this.turns.sql })
    this.#live = { seats, room, presence: presenceOf(ports, seats, this.#own), inbox }
    return this.#live
  }

  #fault(where: string, cause: unknown): void {
    const { observe, now } = this.live()
    observe({ kind: "fault", at: now().toISOString(), where: `live ${where}`, cause })
  }

  get #socketsMax(): number {
    if (this.#own.startsWith("user/")) return liveLimits.personSockets
    return this.#own.startsWith("streams/anonymous/") ? liveLimits.anonymousSockets : liveLimits.serviceSockets
  }

  /** When a socket ends by the clock, milliseconds since 1970; null: with its session. */
  #endOf(principal: Principal): number | null {
    if (principal.kind !== "user") return null
    if (principal.key !== undefined) return this.ports.now() + keyMs
    return principal.expiresAt === undefined ? null : principal.expiresAt * 1000
  }

  override async fetch(request: Request): Promise<Response> {
    const sitter = JSON.parse(decodeURIComponent(request.headers.get(sitterHeader) ?? "null")) as Sitter | null
    if (sitter === null) return refusal("UNAUTHENTICATED", "Nobody said who calls")
    const { seats } = this.#open()
    if (seats.all().length >= this.#socketsMax)
      return refusal("RESOURCE_EXHAUSTED", `At most ${this.#socketsMax} connections at a time`)
    const { principal } = sitter
    const session = principal.kind === "user" ? principal.session : undefined
    const sql = this.turns.sql
    if (session !== undefined && findSession(sql, session, this.ports.now()) === null)
      return refusal("UNAUTHENTICATED", "The session is over")
    const grant = principal.kind === "user" ? principal.grant : undefined
    if (grant !== undefined && findGrant(sql, grant, this.ports.now()) === null)
      return refusal("UNAUTHENTICATED", "The grant is over")
    this.ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"))
    const { 0: client, 1: server } = new WebSocketPair()
    const seat = seats.take(server, crypto.randomUUID(), sitter)
    const until = this.#endOf(principal)
    if (until !== null) {
      sql.exec('insert into "sockets" values (?, ?)', seat.kept.id, until)
      this.turns.turn(byAlarm, () => undefined)
    }
    return new Response(null, { status: 101, webSocket: client })
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    const { seats, room, presence, inbox } = this.#open()
    const seat = seats.of(socket)
    if (seat === null) return
    const ports = this.live()
    const heard = ports.frames.hear(message)
    if (heard.kind === "garbage") return this.#garbage(seat, heard.answer, heard.isTooLarge)
    const calling = { seat, room, presence, inbox, ports, principal: () => this.#asNow(seat.kept.principal) }
    for (const part of heard.kind === "batch" ? heard.parts : [heard]) {
      // What acknowledges something is bounded by what was told.
      const isProgress =
        part.kind === "call" && part.method === "watch.ack" && Number(part.params.frame) > seat.kept.acked
      if (!isProgress && !spend(seat, "calls", this.ports.now()))
        return closeSeat(seat, closeCodes.policy, "too many calls")
    }
    await (heard.kind === "batch" ? answerBatch(calling, heard.parts) : answerCall(calling, heard))
  }

  /**
   * A socket lives longer than the token that opened it: a role that the account has lost since is lost here. One that it has gained comes with a new
   * socket: it may take a second factor that this session never gave.
   */
  #asNow(principal: Principal): Principal {
    if (principal.kind !== "user" || principal.session === undefined) return principal
    const held = accountOf(this.turns.sql)?.roles
    return held === undefined
      ? principal
      : { ...principal, roles: principal.roles.filter((role) => held.includes(role)) }
  }

  #garbage(seat: Seat, answer: string, isTooLarge: boolean): void {
    say(seat, answer)
    seat.kept.garbage += 1
    save(seat)
    if (isTooLarge) closeSeat(seat, closeCodes.tooLarge, "frame too large")
    else if (seat.kept.garbage >= liveLimits.garbageMax)
      closeSeat(seat, closeCodes.policy, "too many frames that are no calls")
  }

  override async webSocketClose(socket: WebSocket): Promise<void> {
    // The answer to the other side's Close, without which it waits until the object sleeps. 1005 and 1006 are no codes to be sent.
    if (socket.readyState === WebSocket.CLOSING) socket.close(1000, "")
    await this.#vacate(socket)
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    await this.#vacate(socket)
  }

  async #vacate(socket: WebSocket): Promise<void> {
    const { seats, room, presence } = this.#open()
    const seat = seats.of(socket)
    if (seat === null || this.#gone.has(socket)) return
    this.#gone.add(socket)
    this.turns.sql.exec('delete from "sockets" where "id" = ?', seat.kept.id)
    await Promise.all([room.vacate(seat), presence.vacate(seat).catch((cause) => this.#fault("presence", cause))])
  }

  /** Closes the sockets that a test is true of; what they held ends with them. */
  async #closeWhere(isMeant: (principal: Principal) => boolean): Promise<void> {
    if (this.ctx.getWebSockets().length === 0) return
    const meant = this.#open()
      .seats.all()
      .filter((seat) => isMeant(seat.kept.principal))
    for (const seat of meant) closeSeat(seat, closeCodes.over, "the session is over")
    await Promise.all(meant.map((seat) => this.#vacate(seat.socket)))
  }

  #end(ids: readonly string[]): void {
    const ended = this.#closeWhere(
      (one) => one.kind === "user" && [one.session, one.key, one.grant].some((id) => ids.includes(id ?? "")),
    )
    this.ctx.waitUntil(ended.catch((cause) => this.#fault("end", cause)))
  }

  async endStreams(ids: readonly string[]): Promise<void> {
    this.#end(ids)
  }

  async #endElsewhere(revocations: readonly Revocation[]): Promise<void> {
    const keys = revocations.filter(({ id, belowEpoch }) => belowEpoch === null && id.startsWith("apikey_"))
    if (keys.length === 0 || !this.#own.startsWith("user/")) return
    const streams = this.live().streams(this.#own.slice("user/".length))
    await within(elsewhereMs, streams.endStreams(keys.map(({ id }) => id)))
  }

  override async alarm(): Promise<void> {
    const over = this.turns.sql
      .exec<{ id: string }>('delete from "sockets" where "until" <= ? returning "id"', this.ports.now())
      .toArray()
    for (const { id } of over) {
      const seat = this.#open().seats.byId(id)
      if (seat === null) continue
      closeSeat(seat, closeCodes.over, "the credential is over: come back with a new one")
      await this.#vacate(seat.socket)
    }
    await super.alarm()
  }

  override async destroy(cause: Cause) {
    await this.#closeWhere(() => true).catch((fault) => this.#fault("end", fault))
    const answer = await super.destroy(cause)
    this.#live = null
    return answer
  }

  override async notify(id: string, notification: Notification) {
    const isNew = findNotice(this.turns.sql, id) === null
    const answer = await super.notify(id, notification)
    if (isNew && !("error" in answer)) this.#tellInbox(findNotice(this.turns.sql, id))
    return answer
  }

  override async markRead(ids: readonly string[] | "all") {
    const answer = await super.markRead(ids)
    if (!("error" in answer) && answer.read > 0) this.#tellInbox(null)
    return answer
  }

  /** It is kept already, so whoever cannot be told now finds it in the list. */
  #tellInbox(notice: Notice | null): void {
    if (this.ctx.getWebSockets().length > 0) this.#open().inbox.changed(notice)
  }

  async deliver(topic: string, notes: readonly Note[]): Promise<boolean> {
    return this.#open().room.deliver(topic, notes)
  }

  async catchUp(topic: string): Promise<boolean> {
    return this.#open().room.catchUp(topic)
  }

  async factsChanged(sequence: number): Promise<void> {
    const { room, presence } = this.#open()
    presence.doubt()
    await room.factsChanged(sequence)
  }

  async hear(topic: string, whisper: Whisper): Promise<boolean> {
    return this.#open().presence.hear(topic, whisper)
  }

  async attending(topic: string) {
    return this.#open().presence.attending(topic)
  }
}
