/**
 * The watches of an object, as its sockets, its topics and the feed speak to them. A watch registers first and loads afterwards, so that nothing
 * falls between.
 */
import { checkWatchFilter } from "../authorization/judge.ts"
import { admit } from "../core/admission.ts"
import type { JsonObject } from "../core/json.ts"
import type { LiveObject } from "../core/live-object.ts"
import { estimateOf } from "../core/prices.ts"
import { Problem } from "../core/problem.ts"
import { noFigures } from "../core/usage.ts"
import { refuseBadText, validate } from "../core/validation.ts"
import { type WatchInput, type WatchPlan, watchPlan } from "../core/watch.ts"
import { doorsOf } from "./live-doors.ts"
import { drop, enqueue, type Floor, fault, leave, open } from "./live-flow.ts"
import type { Occasion } from "./live-opening.ts"
import { type LivePorts, liveLimits } from "./live-ports.ts"
import type { Seat, Seats } from "./live-seat.ts"
import { type Watch, watchesOf } from "./live-watch.ts"

/** What an object does with its watches. */
export interface Room extends Pick<LiveObject, "deliver" | "catchUp" | "factsChanged"> {
  /**
   * Begins a watch. The answer goes out before the first notification does.
   * @throws Problem as the call is refused
   */
  watch(seat: Seat, method: string, params: JsonObject, answer: (result: JsonObject) => void): Promise<void>
  stop(seat: Seat, id: string): Promise<void>
  /** The seat is empty. */
  vacate(seat: Seat): Promise<void>
}

/** What a room is opened with. */
export interface RoomOptions {
  readonly sql: SqlStorage
  readonly seats: Seats
  readonly ports: LivePorts
  /** Name of the object itself: where topics deliver to. */
  readonly own: string
  /** Keeps work going after the answer. */
  behind(work: Promise<unknown>): void
}

/** @throws Problem for what cannot be watched, or not by this principal */
function planOf({ registry, now }: LivePorts, seat: Seat, method: string, params: JsonObject) {
  const operation = registry.operations.get(method)
  if (operation?.kind !== "subscription" || !operation.model)
    throw new Problem("UNIMPLEMENTED", "There is no such method here")
  refuseBadText(params)
  const input = validate(operation.input, params) as WatchInput
  admit(registry, operation, seat.kept.principal, params, now())
  const plan = watchPlan(operation.model, input)
  checkWatchFilter(registry.models, operation.model.name, seat.kept.principal, plan.filter)
  return { plan, after: input.after ?? null, operation, input }
}

const noRows = { trips: 0, rowsRead: 0, rowsWritten: 0 }

/** A watch is a call like any other: a budget that is spent refuses it. What it reads is counted as it reads it. */
async function admitWatch(
  { metering, registry, now }: LivePorts,
  seat: Seat,
  { operation, input }: ReturnType<typeof planOf>,
): Promise<void> {
  const { principal } = seat.kept
  const charge = await metering.admit({ operation, principal, input: input as unknown as JsonObject, now: now() })
  charge?.({ ...noFigures, calls: 1, estimate: estimateOf(registry.usage.prices, noRows, null) }, null)
}

async function begin(floor: Floor, seat: Seat, plan: WatchPlan): Promise<Watch> {
  const { ports, watches, doors } = floor
  if (watches.at(seat).length >= liveLimits.watchesPerSocket)
    throw new Problem("RESOURCE_EXHAUSTED", `A socket holds at most ${liveLimits.watchesPerSocket} watches`)
  const watch = watches.add(seat, plan, ports.address(plan.resource, plan.tenant, plan.record).name)
  try {
    await doors.enter(watch)
    return watch
  } catch (cause) {
    await drop(floor, watch)
    throw new Problem("UNAVAILABLE", "Live queries cannot be reached right now", { retryAfterSeconds: 1, cause })
  }
}

/** The room of an object, with what was in it before it slept. */
export function openRoom({ sql, seats, ports, own, behind }: RoomOptions): Room {
  const { watches, left } = watchesOf(sql, { models: ports.registry.models, seat: seats.byId })
  const floor: Floor = { ports, watches, doors: doorsOf(ports, own), behind }
  for (const topic of left) behind(leave(floor, topic, undefined).catch((cause) => fault(floor, "leave", cause)))
  for (const watch of watches.all())
    if (watch.phase === "opening") behind(open(floor, watch, { kind: "list", reason: "start" }))

  return {
    async watch(seat, method, params, answer) {
      const wanted = planOf(ports, seat, method, params)
      const { operation, plan, after } = wanted
      const { kept } = seat
      const limits = kept.isCounted === true ? [] : await ports.count(operation, kept, params)
      await admitWatch(ports, seat, wanted)
      const watch = await begin(floor, seat, plan)
      const occasion: Occasion = after === null ? { kind: "list", reason: "start" } : { kind: "resume", after }
      try {
        await open(floor, watch, occasion, (sequence) =>
          answer({ subscription: watch.id, sequence, ...(limits.length === 0 ? {} : { limits }) }),
        )
      } catch (thrown) {
        await drop(floor, watch)
        throw thrown
      }
    },
    async stop(seat, id) {
      const watch = watches.find(seat, id)
      if (watch !== null) await drop(floor, watch)
    },
    async vacate(seat) {
      await Promise.all(watches.at(seat).map((watch) => drop(floor, watch)))
    },
    async deliver(topic, notes) {
      await Promise.all(watches.of(topic).map((watch) => enqueue(floor, watch, notes)))
      return watches.of(topic).length > 0
    },
    async catchUp(topic) {
      for (const watch of watches.of(topic)) {
        if (watch.phase === "opening") watch.again = true
        else behind(open(floor, watch, { kind: "resume", after: watch.cursor }))
      }
      return watches.of(topic).length > 0
    },
    async factsChanged(sequence) {
      for (const watch of watches.all()) {
        const { standing, phase } = watch
        if (standing !== null && standing.sequence >= sequence) continue
        const occasion: Occasion =
          standing === null ? { kind: "list", reason: "facts_changed" } : { kind: "check", since: standing }
        if (phase === "opening") watch.again = true
        else behind(open(floor, watch, occasion))
      }
      const [, user] = /^(?:user|streams\/service)\/(.+)$/.exec(own) ?? []
      const isIdle = () => watches.all().length === 0
      if (user !== undefined && isIdle()) await floor.doors.unattend(user, isIdle)
    },
  }
}
