/**
 * Who is there, and what they call to one another, about a record that each of them may read. Kept nowhere but in the sockets themselves; whoever
 * may not read the record any more hears nothing of it, at most a quarter of a minute late.
 */
import * as z from "zod"
import type { JsonObject } from "../core/json.ts"
import type { Attendee, LiveObject, Whisper } from "../core/live-object.ts"
import { modelOf } from "../core/model.ts"
import { principalId } from "../core/principal.ts"
import { invalid, notFound, Problem } from "../core/problem.ts"
import { refuseBadText, validate } from "../core/validation.ts"
import { loadStanding } from "../database/standing.ts"
import { type LivePorts, liveLimits } from "./live-ports.ts"
import { type Attended, isOpen, type Seat, type Seats, save, spend, tell } from "./live-seat.ts"

/** Presence in an object. */
export interface Presence extends Pick<LiveObject, "hear" | "attending"> {
  join(seat: Seat, params: JsonObject): Promise<JsonObject>
  leave(seat: Seat, params: JsonObject): Promise<JsonObject>
  list(seat: Seat, params: JsonObject): Promise<JsonObject>
  broadcast(seat: Seat, params: JsonObject): Promise<JsonObject>
  /** The seat is empty. */
  vacate(seat: Seat): Promise<void>
  /** What somebody may read has changed. */
  doubt(): void
}

const place = z.strictObject({ resource: z.string().max(100), id: z.string().max(100) })
const placed = z.strictObject({ topic: place })
const message = z.strictObject({ topic: place, message: z.unknown() })

/** How long a reader's right is believed. */
const believedMs = 15_000

const attendeeOf = ({ kept }: Seat): Attendee => ({
  connection: kept.id,
  user: principalId(kept.principal) ?? null,
})

/** What the methods of presence share. */
function circleOf(ports: LivePorts, seats: Seats, own: string) {
  const { models } = ports.registry
  const checked = new Map<string, number>()
  const keyOf = (seat: Seat, topic: string) => `${seat.kept.id} ${topic}`
  const others = (topic: string): Seat[] =>
    seats.all().filter(({ kept }) => kept.topics.some(({ name }) => name === topic))
  const whisper = (topic: string, told: Whisper) => ports.topic(topic).whisper(told)

  const mayRead = async (seat: Seat, { name, resource, id }: Attended): Promise<boolean> => {
    const now = ports.now()
    if (now.getTime() - (checked.get(keyOf(seat, name)) ?? 0) < believedMs) return true
    const standing = await loadStanding(ports.database, models, modelOf(models, resource), seat.kept.principal)
    const { principal, isActive } = standing
    const may = isActive && (await ports.openStore().permits(resource, id, "read", { principal, now }))
    if (may) checked.set(keyOf(seat, name), now.getTime())
    return may
  }
  return {
    others,
    whisper,
    mayRead,
    doubt: () => checked.clear(),
    /** @throws Problem NOT_FOUND for a record that is not there or may not be read */
    async readable(seat: Seat, topic: z.output<typeof place>): Promise<Attended> {
      if (!models.has(topic.resource)) throw invalid("/topic/resource", "invalid_value", "There is no such resource")
      const { name } = ports.address(topic.resource, null, topic.id)
      const attended = { name, ...topic }
      if (!(await mayRead(seat, attended))) throw notFound(topic.resource)
      return attended
    },
    async forget(seat: Seat, topic: string): Promise<void> {
      seat.kept.topics = seat.kept.topics.filter(({ name }) => name !== topic)
      checked.delete(keyOf(seat, topic))
      save(seat)
      if (others(topic).length === 0) await ports.topic(topic).exit(own)
      await whisper(topic, { kind: "left", from: attendeeOf(seat) })
    },
  }
}

/**
 * Presence over the seats of an object.
 * @param own the object's name
 */
export function presenceOf(ports: LivePorts, seats: Seats, own: string): Presence {
  const { others, whisper, mayRead, readable, forget, doubt } = circleOf(ports, seats, own)
  return {
    async join(seat, params) {
      const { topic } = validate(placed, params) as z.output<typeof placed>
      const attended = await readable(seat, topic)
      const { kept } = seat
      if (!kept.topics.some(({ name }) => name === attended.name)) {
        if (kept.topics.length >= liveLimits.topicsPerSocket)
          throw new Problem("RESOURCE_EXHAUSTED", `A socket attends at most ${liveLimits.topicsPerSocket} topics`)
        kept.topics.push(attended)
        save(seat)
        await ports.topic(attended.name).enter(own)
        await whisper(attended.name, { kind: "joined", from: attendeeOf(seat) })
      }
      return { connection: kept.id }
    },
    async leave(seat, params) {
      const { topic } = validate(placed, params) as z.output<typeof placed>
      const { name } = ports.address(topic.resource, null, topic.id)
      if (seat.kept.topics.some((one) => one.name === name)) await forget(seat, name)
      return {}
    },
    async list(seat, params) {
      const { topic } = validate(placed, params) as z.output<typeof placed>
      const { name } = await readable(seat, topic)
      return { attendees: (await ports.topic(name).attendees()).map((one) => ({ ...one })) }
    },
    async broadcast(seat, params) {
      refuseBadText(params)
      const given = validate(message, params) as { topic: z.output<typeof place>; message: never }
      const bytes = new TextEncoder().encode(JSON.stringify(given.message ?? null)).length
      if (bytes > liveLimits.messageBytes)
        throw invalid("/message", "too_big", `A message has at most ${liveLimits.messageBytes} bytes`)
      const { name } = await readable(seat, given.topic)
      if (!spend(seat, "messages", ports.now().getTime()))
        throw new Problem("RESOURCE_EXHAUSTED", "Too many messages", { retryAfterSeconds: 1 })
      await whisper(name, { kind: "message", from: attendeeOf(seat), message: given.message ?? null })
      return {}
    },
    async vacate(seat) {
      await Promise.all(seat.kept.topics.map(({ name }) => forget(seat, name)))
    },
    doubt,
    async attending(topic) {
      return others(topic).map(attendeeOf)
    },
    async hear(topic, told) {
      const { from, kind } = told
      for (const seat of others(topic)) {
        const attended = seat.kept.topics.find(({ name }) => name === topic) as Attended
        const about = { topic: { resource: attended.resource, id: attended.id } }
        if (!(await mayRead(seat, attended))) {
          tell(seat, ports.frames, "presence.end", about)
          await forget(seat, topic)
        } else if (isOpen(seat) && from.connection !== seat.kept.id) {
          const method = kind === "message" ? "topic.message" : `presence.${kind}`
          tell(seat, ports.frames, method, {
            ...about,
            ...from,
            ...(kind === "message" ? { message: told.message } : {}),
          })
          save(seat)
        }
      }
      return others(topic).length > 0
    },
  }
}
