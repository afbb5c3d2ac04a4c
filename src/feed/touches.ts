/**
 * The reader that tells the caches: what the events of a page have touched, in one call. An application without caches has it told of nothing and costs
 * nothing; of one with caches only the resources that a kept answer may show.
 */
import type { Touch, TouchesObject } from "../core/hub-object.ts"
import { concerning, everyRecordTag, type Touchable, tagsOfEvent } from "../core/tags.ts"
import { recentMax } from "../database/turn.ts"
import { within } from "./patience.ts"
import { cursorOf, type Reader } from "./tail.ts"

/** The world of this reader. */
export interface TouchesPorts {
  touchable(): Touchable
  touches(): Pick<TouchesObject, "touch">
}

/** The object writes to its disk and waits for nobody. */
const patienceMs = 5000

/** Replicas lag, and so do isolates that were asleep: a touch is known for so much longer than an answer may live. */
export const lagMs = 5 * 60_000

/** More touched records of one noun in a page are told as all of them. */
const recordsMax = 100

/** The touches of a page: the newest sequence of each tag. */
function touchesOf(touchable: Touchable, events: Parameters<Reader["read"]>[0]): readonly Touch[] {
  const newest = new Map<string, number>()
  for (const event of events) for (const tag of tagsOfEvent(touchable, event)) newest.set(tag, event.sequence)
  const byNoun = Map.groupBy(newest, ([tag]) => tag.split("/")[0] as string)
  for (const [noun, all] of byNoun) {
    const records = all.filter(([tag]) => tag !== noun)
    if (records.length <= recordsMax) continue
    for (const [tag] of records) newest.delete(tag)
    newest.set(everyRecordTag(noun), Math.max(...records.map(([, sequence]) => sequence)))
  }
  return [...newest].map(([tag, sequence]) => ({ tag, sequence }))
}

/** Makes the reader. */
export function touchesReader(ports: TouchesPorts): Reader {
  let known: ReadonlySet<string> | null = null
  const wanted = () => (known ??= concerning(ports.touchable()))
  return {
    name: "touches",
    wants(sql, { newest, recent }) {
      if (wanted().size === 0) return false
      const cursor = cursorOf(sql, "touches")
      // Most turns are about what no cache shows: the turn's one look says so.
      return cursor === null || newest - cursor > recentMax || recent.some((noun) => wanted().has(noun))
    },
    async read(events) {
      const touchable = ports.touchable()
      const touches = touchesOf(touchable, events)
      if (touches.length === 0) return
      const answer = await within(patienceMs, ports.touches().touch(touches, touchable.lifeMs + lagMs))
      if ("error" in answer) throw new Error(`What was touched could not be told: ${answer.error}`)
    },
  }
}
