/**
 * What topics and live objects answer to: types only. A topic is where the watchers of a resource of one tenant (or of one record) meet; a live
 * object holds the sockets and watches of one person, one program, or some callers who are nobody.
 */
import type { Event } from "./event.ts"
import type { TopicAddress } from "./feed-object.ts"
import type { Json } from "./json.ts"

/** What a topic is told, in the order of the log. */
export type Note =
  | { readonly kind: "row"; readonly event: Event }
  /** What decides who sees the resource's records has changed: what was shown is listed anew. */
  | { readonly kind: "facts"; readonly sequence: number }

/** Somebody who is there. */
export interface Attendee {
  /** One socket; two tabs of one person are two. */
  readonly connection: string
  /** Id of the user; null for nobody in particular. */
  readonly user: string | null
}

/** What attendees of a topic tell one another. Kept nowhere. */
export type Whisper =
  | { readonly kind: "joined" | "left"; readonly from: Attendee }
  | { readonly kind: "message"; readonly from: Attendee; readonly message: Json }

/** A topic as the feed and live objects call it. */
export interface TopicObject {
  /** From the answer on, the object is told what is told to the topic. Again is no harm. */
  join(object: string, address: TopicAddress): Promise<void>
  leave(object: string): Promise<void>
  /**
   * Hands notes to all watchers. One that does not take them in time is left behind and told later to catch up by itself.
   * @param untold objects that do not know yet that their facts have changed: they must not judge by the old ones
   */
  deliver(notes: readonly Note[], untold: readonly string[]): Promise<void>
  /** Notes were lost on their way here: every watcher catches up by itself. */
  missed(): Promise<void>
  /** The object has attendees. */
  enter(object: string): Promise<void>
  exit(object: string): Promise<void>
  attendees(): Promise<readonly Attendee[]>
  whisper(whisper: Whisper): Promise<void>
}

/** A live object as topics and the feed call it. */
export interface LiveObject {
  /** @returns false when nobody here watches that topic any more */
  deliver(topic: string, notes: readonly Note[]): Promise<boolean>
  /** Brings the watches of a topic up to date from the log. @returns as `deliver` does */
  catchUp(topic: string): Promise<boolean>
  /** What the user may see has changed. When it answers, nothing is judged by what was known before. */
  factsChanged(sequence: number): Promise<void>
  /** @returns false when nobody here attends that topic any more */
  hear(topic: string, whisper: Whisper): Promise<boolean>
  attending(topic: string): Promise<readonly Attendee[]>
  /** Sessions or keys have ended: so have their sockets. */
  endStreams(ids: readonly string[]): Promise<void>
}
