/**
 * The feed object: one for each database. Poked after a commit and woken by its own alarm, it hands the log to its readers and due jobs to the
 * queue. It keeps cursors and addresses, never events: whatever is lost with its memory is read again from D1.
 */
import { DurableObject } from "cloudflare:workers"
import type { FeedObject, Lag, TopicAddress } from "../core/feed-object.ts"
import type { Observe } from "../core/observation.ts"
import { firstAfter } from "../database/log.ts"
import { readTurn, type TurnFacts } from "../database/turn.ts"
import { migrateFeed } from "./schema.ts"
import { cursorOf, type Reader, tail } from "./tail.ts"

/** Hands what is due to those who do it. */
export interface Pump {
  /**
   * @param jobDueAt when the first job is due, as the turn has read it; null: none waits
   * @returns when the next is due, milliseconds since 1970; null: nothing is waiting
   */
  run(now: Date, jobDueAt?: Date | null): Promise<number | null>
  /** Jobs that are due and not done. */
  due(now: Date): Promise<number>
}

/** The world of the feed. */
export interface FeedPorts {
  readonly database: D1Database
  readonly readers: readonly Reader[]
  readonly pump: Pump
  readonly observe: Observe
  now(): Date
}

/** A poke is answered after so long even when there is more to do; the alarm goes on. */
const turnMs = 10_000
/** An isolate that died before it poked, or a turn that broke: at most so late. */
const netMs = 30_000
const soonMs = 1000
const retryMaxMs = 60_000

const pauseMs = (failures: number): number => Math.min(retryMaxMs, soonMs * 2 ** Math.min(failures, 10))

/** Runs in workerd; found by `feedObjectName`. */
export abstract class FeedTurns extends DurableObject<unknown> implements FeedObject {
  #turn: Promise<void> | null = null
  #next: Promise<void> | null = null
  #armed: number | null = null
  #failures = 0

  /** The world, composed when it is first needed. */
  abstract ports(): FeedPorts

  constructor(ctx: DurableObjectState, env: unknown) {
    super(ctx, env)
    migrateFeed(ctx.storage)
  }

  get #sql(): SqlStorage {
    return this.ctx.storage.sql
  }

  /** A turn that began before the poke may have missed what the poke is about, so whoever pokes meanwhile shares the turn after it. */
  poke(): Promise<void> {
    if (this.#turn === null) return this.#begin()
    this.#next ??= this.#turn.then(() => this.#begin())
    return this.#next
  }

  #begin(): Promise<void> {
    this.#next = null
    this.#turn = this.#run().finally(() => {
      this.#turn = null
    })
    return this.#turn
  }

  async #run(): Promise<void> {
    const ports = this.ports()
    const started = ports.now().getTime()
    await this.#arm(started + netMs)
    const facts = await this.#facts(ports)
    if (facts === null) return
    const isOver = () => ports.now().getTime() - started > turnMs
    const attempts = [
      ...ports.readers.map((reader) => async () => {
        await this.#mend(reader)
        const isDone = await tail({ database: ports.database, sql: this.#sql, facts, isOver }, reader)
        // What this turn could not do is tried again soon, not at the next event.
        await this.#mend(reader)
        return isDone
      }),
      async () => {
        const due = await ports.pump.run(ports.now(), facts.jobDueAt)
        if (due !== null) await this.#arm(Math.max(due, ports.now().getTime() + soonMs))
        return true
      },
    ]
    const done = await Promise.all(
      attempts.map((attempt, n) => this.#attempt(attempt, ports.readers[n]?.name ?? "jobs")),
    )
    const failed = done.includes(null)
    this.#failures = failed ? this.#failures + 1 : 0
    const now = ports.now().getTime()
    if (failed) await this.#arm(now + pauseMs(this.#failures))
    else if (done.includes(false)) await this.#arm(now + 1)
  }

  /** Most turns end with one look. Without it there is no turn, and the alarm makes the next. */
  async #facts({ database, observe, now }: FeedPorts): Promise<TurnFacts | null> {
    try {
      return await readTurn(database)
    } catch (cause) {
      observe({ kind: "fault", at: now().toISOString(), where: "feed", cause })
      this.#failures += 1
      await this.#arm(now().getTime() + pauseMs(this.#failures))
      return null
    }
  }

  async #mend(reader: Reader): Promise<void> {
    const due = (await reader.mend?.(this.#sql)) ?? null
    if (due !== null) await this.#arm(due)
  }

  /** One that fails keeps its cursor; the others go on. */
  async #attempt(attempt: () => Promise<boolean>, name: string): Promise<boolean | null> {
    try {
      return await attempt()
    } catch (cause) {
      const { observe, now } = this.ports()
      observe({ kind: "fault", at: now().toISOString(), where: `feed ${name}`, cause })
      return null
    }
  }

  /** Sets the alarm when it stands later or not at all. */
  async #arm(at: number): Promise<void> {
    this.#armed ??= await this.ctx.storage.getAlarm()
    if (this.#armed !== null && this.#armed <= at) return
    this.#armed = at
    await this.ctx.storage.setAlarm(at)
  }

  override async alarm(): Promise<void> {
    this.#armed = null
    await this.poke()
    await this.#arm(this.ports().now().getTime() + netMs)
  }

  async lag(): Promise<Lag> {
    const { database, readers, pump, now } = this.ports()
    const { newest } = await readTurn(database)
    const slowest = Math.min(newest, ...readers.map((reader) => cursorOf(this.#sql, reader.name) ?? newest))
    const oldest = slowest < newest ? await firstAfter(database, slowest) : null
    const seconds = oldest === null ? 0 : Math.max(0, (now().getTime() - Date.parse(oldest)) / 1000)
    return { events: newest - slowest, seconds: Math.round(seconds), jobs: await pump.due(now()) }
  }

  async openTopic({ name, resource, tenant, record }: TopicAddress): Promise<void> {
    this.#sql.exec('insert or replace into "topics" values (?, ?, ?, ?)', name, resource, tenant, record)
  }

  async closeTopic(name: string): Promise<void> {
    this.#sql.exec('delete from "topics" where "name" = ?', name)
  }

  async attend(userId: string, objectName: string): Promise<void> {
    this.#sql.exec('insert or ignore into "audience" values (?, ?)', userId, objectName)
  }

  async leave(userId: string, objectName: string): Promise<void> {
    this.#sql.exec('delete from "audience" where "userId" = ? and "object" = ?', userId, objectName)
  }
}
