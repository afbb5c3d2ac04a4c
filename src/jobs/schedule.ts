/** What happens by the clock: schedules are checked when the registry is built, and turned into jobs when their minute has come. */
import { Cron as Expression } from "croner"
import { type Cron, defaultRetry, type Job } from "../core/job.ts"
import type { Json } from "../core/json.ts"
import type { Operation } from "../core/operation.ts"
import type { Application } from "../core/registry.ts"

/** A schedule that was checked. */
export interface Schedule {
  /** What it is known by in the table of schedules: another expression or input is another schedule. */
  readonly name: string
  /** Name of the job that its minutes become. */
  readonly job: string
  readonly key: string | null
  readonly input: Json
  /** The last minute that was due, `now` included. */
  before(now: Date): Date | null
  /** The next one that will be. */
  after(now: Date): Date | null
}

const isJob = (target: Operation | Job): target is Job => "retry" in target

/** Job that runs an operation by the clock. */
function jobName(operation: string): string {
  return `cron.${operation}`
}

function expressionOf({ schedule, target }: Cron): Expression {
  const refuse = (fault: string): never => {
    throw new Error(
      `cron("${schedule}", ${target.name}): ${fault}; five fields, UTC: minute hour day month weekday, such as "0 3 * * *"`,
    )
  }
  if (schedule.trim().split(/\s+/).length !== 5) refuse("it has not five fields")
  try {
    const expression = new Expression(schedule.trim(), { timezone: "UTC", mode: "5-part", paused: true })
    return expression.nextRun() === null ? refuse("it never happens") : expression
  } catch (fault) {
    return refuse(fault instanceof Error ? fault.message : String(fault))
  }
}

function checkTarget({ schedule, target, input }: Cron, { jobs, operations, mounts }: Application): void {
  const refuse = (fault: string): never => {
    throw new Error(`cron("${schedule}", ${target.name}): ${fault}`)
  }
  const known = isJob(target) ? jobs : [...operations, ...mounts.flatMap((mount) => mount.operations)]
  if (!(known as readonly unknown[]).includes(target))
    refuse(`app() does not list this ${isJob(target) ? "job; add it to jobs" : "operation; add it to operations"}`)
  if (!isJob(target) && target.kind === "query")
    refuse("it is a query, which changes nothing; name a mutation or a job")
  if (!isJob(target) && target.credential === "session") refuse("it asks for a person who signed in")
  const parsed = target.input.safeParse(input)
  if (!parsed.success) refuse(`its input is not what ${target.name} takes: ${parsed.error.issues[0]?.message}`)
}

/**
 * The schedules of an application.
 * @throws Error naming the schedule and the cure: for an expression that is none, a target that is not listed, an input that does not fit
 */
export function schedulesOf(application: Application): readonly Schedule[] {
  const names = new Set<string>()
  return application.crons.map((cron) => {
    const { schedule, target, input } = cron
    const expression = expressionOf(cron)
    checkTarget(cron, application)
    const name = `${schedule} ${target.name} ${JSON.stringify(input)}`
    if (names.has(name)) throw new Error(`cron("${schedule}", ${target.name}) stands there twice`)
    names.add(name)
    return {
      name,
      job: isJob(target) ? target.name : jobName(target.name),
      // Runs of one schedule do not overlap, unless the job says otherwise.
      key: isJob(target) ? target.key(target.input.parse(input)) : name.slice(0, 200),
      input,
      // Strictly before its reference, so the second that is under way is included by asking from the next one.
      before: (now) => expression.previousRuns(1, new Date(Math.floor(now.getTime() / 1000) * 1000 + 1000))[0] ?? null,
      after: (now) => expression.nextRun(now),
    }
  })
}

/** A job for each operation that happens by the clock. */
export function scheduledJobs({ crons }: Application): readonly Job[] {
  const operations = new Map<string, Operation>()
  for (const { target } of crons) if (!isJob(target)) operations.set(target.name, target)
  return [...operations.values()].map((operation) => ({
    name: jobName(operation.name),
    input: operation.input,
    retry: defaultRetry,
    tracked: false,
    timeoutSeconds: 60,
    lifeSeconds: null,
    operation: operation.name,
    key: () => null,
    handle: () => {
      throw new Error(`${operation.name} runs by itself`)
    },
  }))
}
