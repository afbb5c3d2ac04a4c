/** Declarations that could not run are refused when the registry is built, by name, with the cure. */
import {
  type Application,
  app,
  cron,
  index,
  job,
  nobody,
  operation,
  record,
  resource,
  sqliteTable,
  text,
} from "selvage"
import { describe, expect, test } from "vitest"
import * as z from "zod"
import { registryOf } from "../../src/app.ts"

const table = sqliteTable("declared", { ...record("declared"), name: text({ length: 10 }) }, (t) => [
  index("declared_1").on(t.createdAt, t.id),
])
const closed = { read: nobody(), create: nobody(), update: nobody(), delete: nobody() }
const things = resource("things", { table, tenant: "none", policy: closed })
const base = { title: "Declared", resources: [things] }
const input = z.strictObject({})
const sweep = job("things.sweep", { input, handle: () => undefined })
const named = job("things.name", { input: z.strictObject({ name: z.string() }), handle: () => undefined })
const make = (kind: "query" | "mutation", more: object = {}) =>
  operation("things.tidy", { kind, input, output: z.null(), policy: nobody(), handle: () => null, ...more })

const build = (application: Application) => () => registryOf(application, { development: true })

describe("a schedule", () => {
  test.each([
    ["no expression", "every day", /it has not five fields/],
    ["six fields", "0 0 3 * * *", /it has not five fields/],
    ["a minute that there is not", "75 3 * * *", /cron\("75 3 \* \* \*", things\.sweep\)/],
    ["a weekday that there is not", "0 3 * * 9", /five fields, UTC/],
    ["a day that never comes", "0 3 30 2 *", /it never happens/],
    ["a word in the place of a field", "0 3 * * x", /five fields, UTC/],
  ])("with %s is refused", (_, schedule, message) => {
    expect(build(app({ ...base, jobs: [sweep], crons: [cron(schedule, sweep)] }))).toThrow(message)
  })

  test.each<[string, Parameters<typeof app>[0], RegExp]>([
    [
      "of a job that is not listed",
      { ...base, crons: [cron("0 3 * * *", sweep)] },
      /does not list this job; add it to jobs/,
    ],
    [
      "of an operation that is not listed",
      { ...base, crons: [cron("0 3 * * *", make("mutation"))] },
      /add it to operations/,
    ],
    [
      "with an input that does not fit",
      { ...base, jobs: [named], crons: [cron("0 3 * * *", named, { name: 7 })] },
      /its input is not what things\.name takes/,
    ],
    [
      "twice the same",
      { ...base, jobs: [sweep], crons: [cron("0 3 * * *", sweep), cron("0 3 * * *", sweep)] },
      /stands there twice/,
    ],
  ])("%s is refused", (_, declaration, message) => {
    expect(build(app(declaration))).toThrow(message)
  })

  test("of a query, or of an operation that asks for a person, is refused", () => {
    const query = make("query")
    expect(build(app({ ...base, operations: [query], crons: [cron("0 3 * * *", query)] }))).toThrow(/it is a query/)
    const personal = make("mutation", { credential: "session" })
    expect(build(app({ ...base, operations: [personal], crons: [cron("0 3 * * *", personal)] }))).toThrow(
      /asks for a person/,
    )
  })

  test("of a job and of an operation is taken", () => {
    const tidy = make("mutation")
    const crons = [cron("*/5 * * * *", sweep), cron("0 3 * * 1-5", tidy), cron("0 4 * * *", tidy)]
    const registry = registryOf(app({ ...base, jobs: [sweep], operations: [tidy], crons }), { development: true })
    expect([...registry.jobs.keys()].sort()).toEqual([
      "cron.things.tidy",
      "inbox.deliver",
      "inbox.mail",
      "mail.send",
      "things.sweep",
      "webhooks.deliver",
    ])
  })
})

describe("a job", () => {
  test.each<[string, () => unknown, RegExp]>([
    ["a name of one word", () => job("sweep", { input, handle: () => undefined }), /not named noun\.verb/],
    [
      "no attempts",
      () => job("a.b", { input, retry: { attempts: 0 }, handle: () => undefined }),
      /attempts is 1 to 100/,
    ],
    [
      "steps that shrink",
      () => job("a.b", { input, retry: { firstSeconds: 9, maxSeconds: 3 }, handle: () => undefined }),
      /firstSeconds/,
    ],
    [
      "no end",
      () => job("a.b", { input, timeoutSeconds: 3601, handle: () => undefined }),
      /timeoutSeconds is 1 to 600/,
    ],
    ["no life", () => job("a.b", { input, lifeSeconds: 0, handle: () => undefined }), /lifeSeconds is 1 or more/],
  ])("with %s is refused", (_, declare, message) => {
    expect(declare).toThrow(message)
  })

  test("whose name is another's is refused: a job's, an operation's, the engine's", () => {
    const twice = job("things.sweep", { input, handle: () => undefined })
    expect(build(app({ ...base, jobs: [sweep, twice] }))).toThrow("Two jobs are named things.sweep")
    const same = operation("things.sweep", {
      kind: "mutation",
      input,
      output: z.null(),
      policy: nobody(),
      handle: () => null,
    })
    expect(build(app({ ...base, jobs: [sweep], operations: [same] }))).toThrow(/name of a job and of an operation/)
    const mail = job("mail.send", { input, handle: () => undefined })
    expect(build(app({ ...base, jobs: [mail] }))).toThrow("Two jobs are named mail.send")
  })
})
