/**
 * What must happen outside of D1 because of a commit: jobs, and commands to users' objects. A message is a row of the same batch as the
 * change that causes it, so it is lost with the change or not at all; it is delivered at least once, and its receiver knows it by its id.
 */
import type { Json } from "./json.ts"
import type { Cause, Command } from "./user-object.ts"

/** A letter as data. How it looks, in plain text and HTML, is decided where it is sent. */
export interface Mail {
  /** Address of the one recipient; null: made and thrown away, so that the absence of an account takes as long as its presence. */
  readonly to: string | null
  readonly subject: string
  /** Plain sentences, never markup. */
  readonly paragraphs: readonly string[]
  /** The one thing to do: a button in HTML, an address of its own line in plain text. */
  readonly action?: { readonly label: string; readonly url: string }
}

/** What messages are sealed for. */
export const outboxPurpose = "outbox"

/** Name of the engine's job that sends letters. */
export const mailJob = "mail.send"

/** A message before it is kept. */
export type Message =
  | {
      readonly topic: "job"
      /** Name of the job. */
      readonly job: string
      /** Jobs of one key run in order; null: in none. */
      readonly key: string | null
      /** Not before this instant; null: as soon as may be. */
      readonly notBefore: Date | null
      readonly payload: JobOrder
    }
  /** A command to the object of the user with this id, or to `ghost/<bucket>`. */
  | {
      readonly topic: "user"
      readonly subject: string
      readonly payload: { readonly command: Command; readonly cause: Cause }
    }

/** Where a job's messages stand: those of one subject run one after another. `id` stands for the key of one that has none. */
export function jobSubject(job: string, key: string | null, id: string): string {
  return `${job}/${key ?? id}`
}

/** The job and the key of a subject. */
export function jobOfSubject(subject: string): { readonly job: string; readonly key: string } {
  const at = subject.indexOf("/")
  return { job: subject.slice(0, at), key: subject.slice(at + 1) }
}

/** What a job is to be run with. */
export interface JobOrder {
  readonly input: Json
  /** Id of the user who caused it; null: the system. */
  readonly onBehalfOf: string | null
  /** Id of the record in `job_runs` of a tracked job. */
  readonly run: string | null
  /** Of the call that caused it. */
  readonly requestId: string
}

/** A message as it stands in the outbox. */
export interface OutboxRow {
  /** The receiver's key against doing it twice. */
  readonly id: string
  readonly topic: string
  /** Whom it concerns: messages of one subject are delivered in order. */
  readonly subject: string
  /** Sealed: a letter holds a link that signs in. */
  readonly payload: string
  /** RFC 3339. */
  readonly createdAt: string
  /** RFC 3339: not delivered by others before, so that whoever commits may deliver it first. */
  readonly dueAt: string
  /** RFC 3339; null when it is not for later. */
  readonly notBefore: string | null
}

/** The outbox behind the pipeline. Filled in app.ts. */
export interface Outbox {
  /** Gives messages ids and seals them. */
  prepare(messages: readonly Message[], now: Date): Promise<readonly OutboxRow[]>
  /**
   * Delivers what was just committed. Commands to objects are waited for: what reduces rights is answered only when it holds. Jobs are the
   * feed's, which is poked.
   * @throws Problem UNAVAILABLE when an object did not acknowledge; the change is made, and delivery goes on
   */
  dispatch(rows: readonly OutboxRow[]): Promise<void>
}
