/**
 * A topic: who watches a resource of a tenant, or one of its records. Hands what the feed tells to all of them at once and waits for none of them
 * long: a watcher that does not answer is left behind and told later to catch up from the log by itself. Keeps addresses, never events.
 */
import { DurableObject } from "cloudflare:workers"
import type { FeedObject, TopicAddress } from "../core/feed-object.ts"
import type { Attendee, LiveObject, Note, TopicObject, Whisper } from "../core/live-object.ts"
import type { Observe } from "../core/observation.ts"
import { retryMs, within } from "./patience.ts"
import { migrateTopic } from "./schema.ts"

/** The world of a topic. */
export interface TopicPorts {
  feed(): Pick<FeedObject, "openTopic" | "closeTopic">
  live(name: string): LiveObject
  readonly observe: Observe
  now(): Date
}

type Watcher = { object: string; epoch: number; behind: number; tries: number; dueAt: number }

const watcherMs = 2000
const catchUpMs = 10_000
const attendingMax = 500

/** Runs in workerd; found by `topicObjectName`. */
export abstract class TopicTurns extends DurableObject<unknown> implements TopicObject {
  /** Comings and goings one after the other, so that the feed hears of them in their order. */
  #doors: Promise<unknown> = Promise.resolve()

  /** The world, composed when it is first needed. */
  abstract ports(): TopicPorts

  constructor(ctx: DurableObjectState, env: unknown) {
    super(ctx, env)
    migrateTopic(ctx.storage)
  }

  get #sql(): SqlStorage {
    return this.ctx.storage.sql
  }

  get #topic(): string {
    return this.ctx.id.name ?? ""
  }

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const turn = this.#doors.then(step)
    this.#doors = turn.catch(() => undefined)
    return turn
  }

  #tell(where: string, cause: unknown): void {
    const { observe, now } = this.ports()
    observe({ kind: "fault", at: now().toISOString(), where, cause })
  }

  join(object: string, address: TopicAddress): Promise<void> {
    return this.#inTurn(async () => {
      // A new epoch: whatever is on its way to remove the watcher of before does not remove this one.
      this.#sql.exec(
        'insert into "watchers" values (?, 1, 0, 0, 0) on conflict ("object") do update set "epoch" = "epoch" + 1',
        object,
      )
      this.#sql.exec('insert or ignore into "address" values (1, ?, 0)', JSON.stringify(address))
      const { open } = this.#sql.exec<{ open: number }>('select "open" from "address"').one()
      if (open === 1) return
      await this.ports().feed().openTopic(address)
      this.#sql.exec('update "address" set "open" = 1')
    })
  }

  leave(object: string): Promise<void> {
    return this.#inTurn(async () => {
      this.#sql.exec('delete from "watchers" where "object" = ?', object)
      await this.#closeWhenEmpty()
    })
  }

  async #closeWhenEmpty(): Promise<void> {
    if (this.#sql.exec('select 1 from "watchers" limit 1').toArray().length > 0) return
    // Should the feed not hear it, it goes on delivering, and then it is told again.
    this.#sql.exec('update "address" set "open" = 0')
    await this.ports().feed().closeTopic(this.#topic)
  }

  async deliver(notes: readonly Note[], untold: readonly string[]): Promise<void> {
    const watchers = this.#sql.exec<Watcher>('select * from "watchers"').toArray()
    const late = new Set(untold)
    await Promise.all(
      watchers
        .filter(({ behind }) => behind === 0)
        .map(async (watcher) => {
          if (late.has(watcher.object)) return this.#leaveBehind(watcher)
          await this.#hand(watcher, notes)
        }),
    )
    if (this.#sql.exec('select 1 from "watchers" limit 1').toArray().length === 0)
      await this.#inTurn(() => this.#closeWhenEmpty())
  }

  async #hand(watcher: Watcher, notes: readonly Note[]): Promise<void> {
    const { object, epoch } = watcher
    try {
      const isWanted = await within(watcherMs, this.ports().live(object).deliver(this.#topic, notes))
      if (!isWanted) this.#sql.exec('delete from "watchers" where "object" = ? and "epoch" = ?', object, epoch)
    } catch (cause) {
      this.#tell("live watcher", cause)
      await this.#leaveBehind(watcher)
    }
  }

  async #leaveBehind({ object }: Watcher): Promise<void> {
    const dueAt = this.ports().now().getTime() + retryMs(0)
    this.#sql.exec('update "watchers" set "behind" = 1, "tries" = 0, "dueAt" = ? where "object" = ?', dueAt, object)
    await this.#arm()
  }

  async #arm(): Promise<void> {
    const { next } = this.#sql
      .exec<{ next: number | null }>('select min("dueAt") as "next" from "watchers" where "behind" = 1')
      .one()
    if (next !== null) await this.ctx.storage.setAlarm(next)
  }

  async missed(): Promise<void> {
    this.#sql.exec(
      'update "watchers" set "behind" = 1, "tries" = 0, "dueAt" = ? where "behind" = 0',
      this.ports().now().getTime(),
    )
    await this.#arm()
  }

  override async alarm(): Promise<void> {
    const now = this.ports().now().getTime()
    const due = this.#sql.exec<Watcher>('select * from "watchers" where "behind" = 1 and "dueAt" <= ?', now).toArray()
    await Promise.all(due.map((watcher) => this.#bringBack(watcher)))
    await this.#arm()
  }

  /** Delivered to again before it catches up, so that nothing falls between. */
  async #bringBack({ object, epoch, tries }: Watcher): Promise<void> {
    this.#sql.exec('update "watchers" set "behind" = 0 where "object" = ?', object)
    try {
      const isWanted = await within(catchUpMs, this.ports().live(object).catchUp(this.#topic))
      if (!isWanted) this.#sql.exec('delete from "watchers" where "object" = ? and "epoch" = ?', object, epoch)
    } catch (cause) {
      this.#tell("live watcher", cause)
      const dueAt = this.ports().now().getTime() + retryMs(tries + 1)
      this.#sql.exec(
        'update "watchers" set "behind" = 1, "tries" = ?, "dueAt" = ? where "object" = ?',
        tries + 1,
        dueAt,
        object,
      )
    }
  }

  async enter(object: string): Promise<void> {
    this.#sql.exec(
      `insert or ignore into "attending" select ? where (select count(*) from "attending") < ${attendingMax}`,
      object,
    )
  }

  async exit(object: string): Promise<void> {
    this.#sql.exec('delete from "attending" where "object" = ?', object)
  }

  #attending(): string[] {
    return this.#sql
      .exec<{ object: string }>('select "object" from "attending"')
      .toArray()
      .map(({ object }) => object)
  }

  /** Asked of those who have them, so that nobody is told as there who is gone. */
  async attendees(): Promise<readonly Attendee[]> {
    const asked = this.#attending().map(async (object) => {
      try {
        const found = await within(watcherMs, this.ports().live(object).attending(this.#topic))
        if (found.length === 0) await this.exit(object)
        return found
      } catch (cause) {
        this.#tell("live attendee", cause)
        return []
      }
    })
    return (await Promise.all(asked)).flat()
  }

  async whisper(whisper: Whisper): Promise<void> {
    const told = this.#attending().map(async (object) => {
      try {
        if (!(await within(watcherMs, this.ports().live(object).hear(this.#topic, whisper)))) await this.exit(object)
      } catch (cause) {
        this.#tell("live attendee", cause)
      }
    })
    await Promise.all(told)
  }
}
