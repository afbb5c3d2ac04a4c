/** The steps of a history: each does the same to the model and to a real object, and compares what can be seen. */
import fc from "fast-check"
import { expect } from "vitest"
import type { Command as Driven, Grant, Refusal } from "../../src/core/user-object.ts"
import { administratorLifetime, userLifetime } from "../../src/user/sessions.ts"
import { cause, day, granted, hour, key, minute, refusal, second, told, type World } from "./fixture.ts"
import { act, expire, finish, finishWhere, learn, type Model, type Session } from "./model.ts"

/** One step of a history. */
export type Step = fc.AsyncCommand<Model, World>

/** How often what happened, over all histories. */
export const tally = {
  signIns: 0,
  refreshes: 0,
  lost: 0,
  retries: 0,
  thefts: 0,
  expired: 0,
  dead: 0,
  forged: 0,
  revoked: 0,
  unavailable: 0,
  crashes: 0,
  driven: 0,
  redriven: 0,
  restarts: 0,
  alarms: 0,
  ended: 0,
  told: 0,
  logged: 0,
}

const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes))
const bytes = (text: string) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))
const pick = <T>(list: readonly T[], at: number): T | undefined => list[at % Math.max(1, list.length)]
/** Whether an access token of the session may be alive. */
export const alive = (one: Session, now: number) => one.seen + 11 * minute > now

/** The rule of one token: every answer for one counter is the same token. */
function note(one: Session, grant: Grant): void {
  const mac = base64(grant.mac)
  expect(one.macs.get(grant.counter) ?? mac, "two successors of one token").toBe(mac)
  one.macs.set(grant.counter, mac)
}

/** What every answer to a reduction of rights means. */
async function acknowledged(world: World, answer: object, ended: readonly Session[]): Promise<void> {
  const owed = ended.filter((one) => alive(one, world.now()))
  if (!world.hubReachable && owed.length > 0) expect(refusal(answer)).toBe("UNAVAILABLE")
  if (refusal(answer) === "UNAVAILABLE") return void tally.unavailable++
  tally.revoked++
  for (const one of owed) expect(await told(world, one.sid)).toBe("void")
}

function step(name: string, run: (model: Model, world: World) => Promise<void>): Step {
  return {
    check: () => true,
    toString: () => name,
    async run(model, world) {
      await run(model, world)
      expire(model, world.now())
      const live = granted(await world.user.listSessions()).map((session) => session.sid)
      expect(live.sort()).toEqual(
        model.sessions
          .filter((one) => one.ended === null)
          .map((one) => one.sid)
          .sort(),
      )
    },
  }
}

const signIn = (admin: boolean, tellsAccount: boolean, replaces: number | null) =>
  step(`signIn(${admin}, ${tellsAccount}, ${replaces})`, async (model, world) => {
    const now = world.now()
    const lifetime = admin ? administratorLifetime : userLifetime
    const old = replaces === null ? undefined : pick(model.sessions, replaces)
    const account = { ...model.row, roles: [] }
    const sid = `session_${crypto.randomUUID()}`
    const answer = await world.user.createSession(
      {
        sid,
        key: key,
        amr: ["pwd"],
        lifetime,
        replaces: old?.sid ?? null,
        ...(tellsAccount ? { account } : {}),
      },
      cause,
    )
    if (tellsAccount) learn(model, now, model.row)
    expire(model, now)
    if (model.known !== null && model.known.status !== "active") return expect(refusal(answer)).toBe("REFUSED")
    const grant = granted(answer)
    if (old?.ended === null) finish(old, "replaced", now)
    const idle = lifetime.idleSeconds * second
    const hard = lifetime.hardSeconds * second
    const one: Session = {
      sid,
      created: now,
      idle,
      hard,
      seen: now,
      rotated: now,
      counter: 0,
      held: 0,
      macs: new Map(),
      ended: null,
      endedAt: 0,
    }
    note(one, grant)
    model.sessions.push(one)
    tally.signIns++
  })

/** `back`: how many generations before the one that the client holds. `lost`: the client never sees the answer. */
const refresh = (at: number, back: number, lost: boolean) =>
  step(`refresh(${at}, -${back}${lost ? ", lost" : ""})`, async (model, world) => {
    const live = model.sessions.filter((session) => session.ended === null)
    const one = pick(at % 4 === 0 || live.length === 0 ? model.sessions : live, at)
    if (!one) return
    const now = world.now()
    const counter = Math.max(0, one.held - back)
    const answer = await world.refresh({ sid: one.sid, counter, mac: bytes(one.macs.get(counter) ?? "") })
    if (one.ended !== null) tally.dead++
    if (one.ended === "expired") tally.expired++
    if (one.ended !== null) return expect(answer, "a refresh after the end").toEqual({ error: "REFUSED" })
    const retried = counter === one.counter - 1 && now - one.rotated <= 30 * second
    if (counter !== one.counter && !retried) {
      finish(one, "reuse", now)
      tally.thefts++
      return expect(answer).toEqual({ error: "REFUSED" })
    }
    const grant = granted(answer as Grant | Refusal)
    expect(grant.counter).toBe(counter + 1)
    expect(grant.epoch).toBeGreaterThanOrEqual(model.epoch)
    model.epoch = grant.epoch
    note(one, grant)
    if (!retried) one.rotated = now
    one.seen = now
    one.counter = grant.counter
    if (!lost) one.held = grant.counter
    tally[retried ? "retries" : "refreshes"]++
    if (lost) tally.lost++
  })

const forge = (at: number, ahead: number) =>
  step(`forge(${at}, +${ahead})`, async (model, world) => {
    const one = pick(model.sessions, at)
    if (!one) return
    const mac = bytes(one.macs.get(one.held) ?? "").map((byte, place) => (place === 0 && ahead === 0 ? byte ^ 1 : byte))
    const answer = await world.refresh({ sid: one.sid, counter: one.held + ahead, mac })
    expect(answer).toEqual({ error: "REFUSED" })
    tally.forged++
  })

const revoke = (kind: "one" | "others" | "all", at: number) =>
  step(`revoke(${kind}, ${at})`, async (model, world) => {
    const sid = pick(model.sessions, at)?.sid ?? "session_of_nobody"
    const call = {
      one: () => world.user.revoke(sid, cause),
      others: () => world.user.revokeOthers(sid, cause),
      all: () => world.user.revokeAll(cause),
    }[kind]
    const answer = await call()
    const hit = { one: (id: string) => id === sid, others: (id: string) => id !== sid, all: () => true }[kind]
    const ended = finishWhere(model, world.now(), "revoked", (one) => hit(one.sid))
    if (refusal(answer) === null) expect(answer).toEqual({ revoked: ended.length })
    await acknowledged(world, answer, ended)
  })

/** D1 commits; the Worker dies before it reaches the object. */
const commit = (kind: "revokeSession" | "revokeOthers" | "revokeAll" | "disable" | "enable", at: number) =>
  step(`commit(${kind}, ${at})`, async (model, world) => {
    const sid = pick(model.sessions, at)?.sid ?? "session_of_nobody"
    const createdBefore = world.now()
    if (kind === "disable" || kind === "enable")
      model.row = { version: model.row.version + 1, status: kind === "disable" ? "disabled" : "active" }
    const command: Driven =
      kind === "revokeSession"
        ? { kind, sid }
        : kind === "revokeOthers"
          ? { kind, keep: sid, createdBefore }
          : kind === "revokeAll"
            ? { kind, createdBefore }
            : { kind: "setAccount", account: { ...model.row, roles: [] } }
    model.outbox.push({ id: crypto.randomUUID(), command })
    tally.crashes++
  })

/** The outbox drives the object, in any order; with `lost` the Worker dies before it can note that it did. */
export const drive = (backwards: boolean, lost: boolean) =>
  step(`drive(${backwards ? "backwards" : ""}${lost ? " lost" : ""})`, async (model, world) => {
    const left: Model["outbox"] = []
    for (const one of backwards ? model.outbox.toReversed() : model.outbox) {
      const repeated = model.applied.has(one.id)
      const live = model.sessions.filter((session) => session.ended === null)
      const answer = await world.user.apply(one.id, one.command, cause)
      act(model, world.now(), one.id, one.command)
      await acknowledged(
        world,
        answer,
        live.filter((session) => session.ended === "revoked" || session.ended === "inactive"),
      )
      tally[repeated ? "redriven" : "driven"]++
      if (lost || refusal(answer) !== null) left.push(one)
    }
    model.outbox = left
  })

export const pass = (ms: number) => step(`pass(${ms / second} s)`, async (_, world) => world.pass(ms))

const restart = step("restart", async (_, world) => {
  await world.restart()
  tally.restarts++
})

const alarm = step("alarm", async (_, world) => {
  if (await world.alarm()) tally.alarms++
})

const reach = (part: "hubReachable" | "logReachable", up: boolean) =>
  step(`${part}=${up}`, async (_, world) => void (world[part] = up))

const index = fc.nat(20)
const mostly = fc.constantFrom(0, 0, 0, 0, 0, 0, 1, 1, 2)
/** All of them, as they are drawn. */
export const steps = [
  fc.tuple(fc.boolean(), fc.boolean(), fc.option(index, { freq: 4 })).map((given) => signIn(...given)),
  fc.tuple(fc.boolean(), fc.boolean(), fc.constant(null)).map((given) => signIn(...given)),
  ...Array.from({ length: 6 }, () => fc.tuple(index, mostly, fc.boolean()).map((given) => refresh(...given))),
  fc.tuple(index, fc.nat(2)).map((given) => forge(...given)),
  fc.tuple(fc.constantFrom("one", "one", "one", "one", "others", "all"), index).map((given) => revoke(...given)),
  fc
    .tuple(fc.constantFrom("revokeSession", "revokeOthers", "revokeAll", "disable", "enable", "enable"), index)
    .map((given) => commit(...given)),
  fc.tuple(fc.boolean(), fc.boolean()).map((given) => drive(...given)),
  fc
    .constantFrom(
      second,
      29 * second,
      30 * second,
      31 * second,
      9 * minute,
      11 * minute,
      11 * hour,
      12 * hour,
      25 * hour,
      29 * day,
      30 * day,
    )
    .map(pass),
  fc.constantFrom(second, 31 * second, hour, 12 * hour).map(pass),
  fc.constantFrom(restart, alarm, alarm),
  fc
    .tuple(fc.constantFrom("hubReachable", "hubReachable", "logReachable"), fc.boolean())
    .map((given) => reach(...given)),
]
