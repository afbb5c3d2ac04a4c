/**
 * What the parity suite serves: the workspace, and beside it values of every shape, every refusal, a limit that is soon reached and an operation on
 * its way out. Limits and budgets are wide, so that a test is refused only where it means to be.
 */
import {
  app,
  boolean,
  bytes,
  date,
  enumeration,
  index,
  instant,
  int32,
  int64,
  type LimitOptions,
  memberOf,
  operation,
  Problem,
  post,
  real,
  record,
  reference,
  resource,
  signedIn,
  sqliteTable,
  text,
} from "selvage"
import * as z from "zod"
import { emptyLock, extended } from "../../src/api/grpc/lock.ts"
import { describe } from "../../src/api/grpc/messages.ts"
import workspace from "../../src/app/index.ts"
import { organizationTable } from "../../src/app/organizations.ts"
import { accountRules } from "../../src/core/accounts.ts"
import { codes } from "../../src/core/code.ts"
import type { Application } from "../../src/core/registry.ts"
import { registryOf } from "../../src/engine.ts"

/** Text that doors have stumbled over: markup, quotes, white space at the ends, combining marks, a flag, what stands beyond the first plane. */
export const difficultText = '  "Größe" <b>&amp;</b> ]]> \\ é e\u0301 👩‍👩‍👧 🇪🇺 𝒳 \u2028 日本\tعربى  '

export const specimenTable = sqliteTable(
  "specimens",
  {
    ...record("specimen"),
    organizationId: reference("org")
      .notNull()
      .references(() => organizationTable.id),
    label: text({ length: 500 }).notNull(),
    note: text({ length: 500 }),
    count: int32().notNull().default(0),
    big: int64(),
    ratio: real(),
    flag: boolean().notNull().default(false),
    seenAt: instant(),
    day: date(),
    mood: enumeration(["calm", "in-between", "2nd wind", "UPPER"]),
    blob: bytes(),
  },
  (table) => [index("specimens_by_organization").on(table.organizationId, table.createdAt, table.id)],
)

const members = memberOf("organizations", "organizationId")

export const specimens = resource("specimens", {
  table: specimenTable,
  tenant: "organizationId",
  summary: "A value of every kind that a column has",
  policy: {
    read: members,
    create: members,
    update: members,
    delete: memberOf("organizations", "organizationId", "admin"),
  },
})

const circle = z.strictObject({ kind: z.literal("circle"), radius: z.number() }).meta({ id: "Circle" })
const square = z.strictObject({ kind: z.literal("square"), side: z.int32(), name: z.string().optional() })
const form = z.discriminatedUnion("kind", [circle, square.meta({ id: "Square" })]).meta({ id: "Form" })
const inner = z.strictObject({ text: z.string(), deeper: z.strictObject({ at: z.iso.datetime({ offset: true }) }) })

/** One of each; what is optional may be absent, what is nullable null, what is both either. */
const values = {
  text: z.string().max(2000).optional(),
  word: z.enum(["plain", "in-between", "2nd wind", "UPPER", "snake_case"]).meta({ id: "Word" }).optional(),
  small: z.int32().optional(),
  safe: z.int().optional(),
  large: z
    .string()
    .regex(/^-?\d+$/)
    .meta({ format: "int64" })
    .optional(),
  double: z.number().optional(),
  flag: z.boolean().optional(),
  at: z.iso.datetime({ offset: true }).optional(),
  day: z.iso.date().optional(),
  data: z.base64().optional(),
  anything: z.unknown().optional(),
  form: form.optional(),
  inner: inner.meta({ id: "Inner" }).optional(),
  texts: z.array(z.string()).optional(),
  numbers: z.array(z.int32()).optional(),
  holes: z.array(z.string().nullable()).optional(),
  grid: z.array(z.array(z.int32())).optional(),
  forms: z.array(form).optional(),
  named: z.record(z.string(), z.string()).optional(),
  counted: z.record(z.string(), z.int32()).optional(),
  sure: z.literal(true).optional(),
  fixed: z.literal(42).optional(),
  nullable: z.string().nullable().optional(),
  nullableNumber: z.int32().nullable().optional(),
}

const echo = operation("echo.values", {
  kind: "query",
  summary: "Say it again",
  input: z.strictObject(values).meta({ id: "Values" }),
  output: z.strictObject({ ...values, given: z.array(z.string()) }).meta({ id: "ValuesAgain" }),
  policy: signedIn(),
  rest: post("/echo"),
  // What was absent and what was null is told by name: an answer of some doors cannot tell the two.
  handle: ({ input }) => ({ ...input, given: Object.keys(input).sort() }),
})

const fail = operation("echo.fail", {
  kind: "query",
  summary: "Refuse with a code",
  input: z.strictObject({ code: z.enum(codes).meta({ id: "Refusal" }) }).meta({ id: "Failing" }),
  output: z.strictObject({}).meta({ id: "Nothing" }),
  errors: codes,
  policy: signedIn(),
  rest: post("/echo/failure"),
  handle({ input }) {
    throw new Problem(input.code, `Refused <with> "${input.code}" & words`, {
      violations: [{ path: "/code", code: "as_asked", message: "This is what was asked for" }],
      ...(input.code === "UNAVAILABLE" ? { retryAfterSeconds: 7 } : {}),
    })
  },
})

const limited = operation("echo.limited", {
  kind: "query",
  summary: "Twice a day",
  input: z.strictObject({ n: z.int32().optional() }).meta({ id: "Limited" }),
  output: z.strictObject({ done: z.boolean() }).meta({ id: "Done" }),
  policy: signedIn(),
  limit: { per: "principal", rate: "2/d" },
  rest: post("/echo/limited"),
  handle: () => ({ done: true }),
})

const old = operation("echo.old", {
  kind: "query",
  summary: "As it was said before",
  input: z.strictObject({}).meta({ id: "Old" }),
  output: z.strictObject({ done: z.boolean() }).meta({ id: "OldDone" }),
  policy: signedIn(),
  deprecated: { since: "2026-01-01", sunset: "2027-06-01", replacement: "echo.values" },
  rest: post("/echo/old"),
  handle: () => ({ done: true }),
})

const wide: LimitOptions = { per: "principal", rate: "1/d", burst: 1_000_000 }

const declared: Application = {
  ...app({
    title: "Workspace",
    resources: [...workspace.resources, specimens],
    operations: [...workspace.operations, echo, fail, limited, old],
    organizations: { resource: "organizations", plan: "plan" },
    log: { tenant: { resource: "organizations", action: "delete" } },
    limits: { default: wide, search: wide },
  }),
  accounts: accountRules({ serviceAccounts: { owner: "organizations", role: "admin" } }),
}

/** Numbers of the moment: nothing is committed here, so nothing has to last. */
const protoLock = extended(emptyLock, describe(registryOf(declared, { development: false })))

/** The application. */
export const application: Application = { ...declared, protoLock }
