/** A kept answer, and its text in the stores that isolates share. Refuses text that is no answer of ours. */
import * as z from "zod"
import type { Content } from "../../core/answers.ts"
import type { Json } from "../../core/json.ts"

/** A kept answer. Instants and lengths are milliseconds. */
export interface Entry {
  readonly content: Content
  /** Sequence of the newest event that it knows of. */
  readonly position: number
  /** When its making was begun. */
  readonly at: number
  readonly freshMs: number
  readonly staleMs: number
  readonly tags: readonly string[]
  /** Hash of the content. */
  readonly hash: string
  /** About how many bytes it takes in memory. */
  readonly bytes: number
}

const form = z.object({
  form: z.literal(1),
  position: z.int().min(0),
  at: z.int().min(0),
  freshMs: z.int().min(0),
  staleMs: z.int().min(0),
  tags: z.array(z.string().max(400)).max(200),
  hash: z.string().min(16).max(64),
  output: z.unknown(),
})

/** An entry as text. Only what there is goes into shared stores: that there is nothing is not worth a write. */
export function textOf(entry: Entry): string | null {
  if (entry.content.kind === "absent") return null
  const { position, at, freshMs, staleMs, tags, hash } = entry
  return JSON.stringify({ form: 1, position, at, freshMs, staleMs, tags, hash, output: entry.content.output })
}

/**
 * The entry that a text is.
 * @throws Error when it is none
 */
export function entryOf(text: string): Entry {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new Error("A kept answer is not JSON")
  }
  const { success, data } = form.safeParse(json)
  if (!success || data.output === undefined) throw new Error("A kept answer has not the form of one")
  const { output, form: _, ...rest } = data
  return { ...rest, content: { kind: "output", output: output as Json }, bytes: 2 * text.length }
}

/** How an entry stands at an instant, by age alone. */
export type Standing = "fresh" | "stale" | "over"

/** An entry from beyond this in the future was made by a clock that we do not believe. */
const skewMs = 60_000

/** Its standing. */
export function standingOf({ at, freshMs, staleMs }: Pick<Entry, "at" | "freshMs" | "staleMs">, now: number): Standing {
  const age = now - at
  if (age < -skewMs || age > freshMs + staleMs) return "over"
  return age <= freshMs ? "fresh" : "stale"
}
