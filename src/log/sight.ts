/**
 * What a reader may see of the log: each image of a row is judged in memory, under the policy and the field rules of today, with the reader's
 * grants of today. What cannot be judged is hidden: a column that an old image lacks, a personal value that no event holds.
 */
import { evaluate, type Facts } from "../authorization/memory.ts"
import type { Event } from "../core/event.ts"
import type { KnownFacts, LogRight } from "../core/log.ts"
import type { Model, Models } from "../core/model.ts"
import type { Reading, Row } from "../core/ports.ts"

/** What judging takes. */
export interface Sight {
  readonly models: Models
  readonly reading: Reading
  readonly right: LogRight
  readonly known: KnownFacts
}

/** An image as the reader may see it; null when there is none, or when it is hidden. */
export interface Seen {
  readonly image: Readonly<Row> | null
  readonly isHidden: boolean
}

const absent: Seen = { image: null, isHidden: false }
const hidden: Seen = { image: null, isHidden: true }

/** An event whose `after` says what happened to a person, and is no image of the row. */
export function isNotice(event: Event): boolean {
  return event.change === "updated" && event.before === null
}

/** One side of an event, masked. */
export function seenSide(event: Event, side: "before" | "after", sight: Sight): Seen {
  const image = event[side]
  if (image === null) return absent
  const model = sight.models.get(event.resource)
  // A resource that is gone has no rule that could let anything through.
  if (model === undefined) return hidden
  // Notices hold words of the engine, for whoever reads the whole log.
  if (isNotice(event)) return sight.right.everything ? { image, isHidden: false } : hidden
  return seenImage(model, image, sight)
}

/** An image of a row, masked: all of it is hidden from whoever may neither read such a row nor the log of its tenant. */
export function seenImage(model: Model, image: Readonly<Row>, sight: Sight): Seen {
  const row = judged(model, image)
  const { right } = sight
  const owns = right.tenant !== null && model.tenant !== null && row[model.tenant] === right.tenant
  if (!right.everything && !owns && evaluate(model.policy.read, factsOf(model, row, sight)) !== true) return hidden
  return { image: masked(model, row, image, sight), isHidden: false }
}

function factsOf(model: Model, row: Readonly<Row>, { models, reading, known }: Sight): Facts {
  const { grants, parent } = known
  return { models, model, row, grants, parent, principal: reading.principal, now: reading.now }
}

/** The row as a rule may judge it: personal values stand as null in the log, which would be known; left out they are UNKNOWN. */
function judged(model: Model, image: Readonly<Row>): Readonly<Row> {
  return Object.fromEntries(Object.entries(image).filter(([key]) => model.columns.get(key)?.personal === false))
}

function masked(model: Model, row: Readonly<Row>, image: Readonly<Row>, sight: Sight): Readonly<Row> {
  const facts = factsOf(model, row, sight)
  return Object.fromEntries(Object.entries(image).filter(([key]) => mayRead(model, key, facts)))
}

function mayRead(model: Model, key: string, facts: Facts): boolean {
  if (!model.columns.has(key)) return false
  const rule = model.fields[key]?.read
  return rule === undefined || evaluate(rule, facts) === true
}

/** Personal fields of an image: known to be there, their values in no event. */
export function personalFields(model: Model, image: Readonly<Row>): readonly string[] {
  return Object.keys(image).filter((key) => model.columns.get(key)?.personal === true)
}

/** Names that the write gave, as far as the reader may know of them: those of fields that a visible side shows. */
export function seenNames(event: Event, before: Seen, after: Seen): readonly string[] {
  return event.changed.filter((key) => key in (before.image ?? {}) || key in (after.image ?? {}))
}
