/**
 * The object that counts for one account: an organization, an API key or a user. A row for each UTC day, kept 400 days. What isolates report is counted
 * once, however often it comes; its day never goes back, so a clock that is behind gets no budget anew.
 */
import { DurableObject } from "cloudflare:workers"
import {
  type Budget,
  bounded,
  type Figures,
  type MeterObject,
  noFigures,
  type Passed,
  plus,
  type Standing,
  stricter,
  type UsageDay,
  type UsageReport,
} from "../core/usage.ts"
import { migrateMeter } from "./schema.ts"

const dayMs = 86_400_000
const keptDays = 400
/** An isolate repeats a report within seconds. */
const reporterMs = 2 * dayMs

type Marks = { what: Passed["what"]; percent: number; budget: number }

/** Runs in workerd; found by `meterObjectName`. */
export class Meter extends DurableObject implements MeterObject {
  #ready = false
  #alarmed = false

  get #sql(): SqlStorage {
    if (!this.#ready) migrateMeter(this.ctx.storage)
    this.#ready = true
    return this.ctx.storage.sql
  }

  /** One that stands is left: an object that sleeps often must come to its turn all the same. */
  async #arm(): Promise<void> {
    if (this.#alarmed) return
    this.#alarmed = true
    const { storage } = this.ctx
    if ((await storage.getAlarm()) === null) await storage.setAlarm(Date.now() + dayMs)
  }

  /** The newest day of all that were heard of. */
  #dayFrom(day: string): string {
    const { newest } = this.#sql.exec<{ newest: string | null }>('select max("day") "newest" from "days"').one()
    return newest !== null && newest > day ? newest : day
  }

  #spent(day: string): Figures {
    const sql = 'select "calls", "rowsRead", "rowsWritten", "estimate" from "days" where "day" = ?'
    return this.#sql.exec<{ [figure in keyof Figures]: number }>(sql, day).toArray()[0] ?? noFigures
  }

  #own(): Budget {
    const rows = this.#sql.exec<{ what: string; most: number }>('select "what", "most" from "own"').toArray()
    return Object.fromEntries(rows.map(({ what, most }) => [what, most]))
  }

  #standing(day: string): Standing {
    return { day, spent: this.#spent(day), own: this.#own() }
  }

  async standing(day: string): Promise<Standing> {
    const standing = this.#standing(this.#dayFrom(day))
    await this.#arm()
    return standing
  }

  /** Nothing is awaited before all is counted, so reports follow one another; the answer leaves when it is stored. */
  async report(report: UsageReport): ReturnType<MeterObject["report"]> {
    const { reporter, number } = report
    const last = this.#sql
      .exec<{ number: number }>('select "number" from "reporters" where "reporter" = ?', reporter)
      .toArray()[0]
    const day = this.#dayFrom(report.day)
    if (last === undefined || number > last.number) this.#count(report, day)
    const standing = this.#standing(day)
    const passed = this.#passed(report, standing)
    await this.#arm()
    return { ...standing, passed }
  }

  #count({ reporter, number, figures, budget }: UsageReport, day: string): void {
    const { calls, rowsRead, rowsWritten, estimate } = plus(this.#spent(day), figures)
    this.#sql.exec(
      `insert into "days" values (?1, ?2, ?3, ?4, ?5) on conflict ("day")
         do update set "calls" = ?2, "rowsRead" = ?3, "rowsWritten" = ?4, "estimate" = ?5`,
      day,
      calls,
      rowsRead,
      rowsWritten,
      estimate,
    )
    this.#sql.exec('insert or replace into "reporters" values (?, ?, ?)', reporter, number, Date.now())
    this.#mark({ reporter, number }, budget, this.#standing(day))
  }

  #mark(by: Pick<UsageReport, "reporter" | "number">, budget: Budget | null, { day, spent, own }: Standing): void {
    const limit = stricter(budget ?? {}, own)
    for (const what of bounded) {
      const most = limit[what]
      if (most === undefined || most === 0) continue
      for (const percent of [80, 100])
        if (spent[what] * 100 >= most * percent)
          this.#sql.exec(
            'insert or ignore into "marks" values (?, ?, ?, ?, ?, ?)',
            day,
            what,
            percent,
            most,
            by.reporter,
            by.number,
          )
    }
  }

  #passed({ reporter, number }: UsageReport, { day }: Standing): readonly Passed[] {
    return this.#sql
      .exec<Marks>(
        'select "what", "percent", "budget" from "marks" where "day" = ? and "reporter" = ? and "number" = ?',
        day,
        reporter,
        number,
      )
      .toArray()
  }

  async days(from: string, to: string): Promise<readonly UsageDay[]> {
    const sql = 'select * from "days" where "day" >= ? and "day" <= ? order by "day"'
    return this.#sql.exec<{ [key in keyof UsageDay]: UsageDay[key] }>(sql, from, to).toArray()
  }

  async setOwn(own: Budget): Promise<void> {
    this.ctx.storage.transactionSync(() => {
      this.#sql.exec('delete from "own"')
      for (const [what, most] of Object.entries(own)) this.#sql.exec('insert into "own" values (?, ?)', what, most)
    })
    await this.#arm()
  }

  /** Forgets what is old; an object in which nothing is left costs nothing. */
  override async alarm(): Promise<void> {
    this.#alarmed = false
    const now = Date.now()
    const oldest = new Date(now - keptDays * dayMs).toISOString().slice(0, 10)
    const today = new Date(now).toISOString().slice(0, 10)
    this.#sql.exec('delete from "days" where "day" < ?', oldest)
    this.#sql.exec('delete from "marks" where "day" < ?', today)
    this.#sql.exec('delete from "reporters" where "at" < ?', now - reporterMs)
    const { left } = this.#sql
      .exec<{ left: number }>(
        'select (select count(*) from "days") + (select count(*) from "reporters") + (select count(*) from "own") "left"',
      )
      .one()
    if (left === 0) {
      // Other calls wait until it is done, and find the tables gone.
      this.#ready = false
      await this.ctx.storage.deleteAll()
    } else await this.#arm()
  }
}
