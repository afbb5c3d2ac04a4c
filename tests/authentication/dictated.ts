/** An application whose sign-up, sign-in and profile somebody else dictated: its handlers call the account flows, beside a table of its own. */
import { env } from "cloudflare:workers"
import {
  anyone,
  app,
  get,
  is,
  me,
  mount,
  nobody,
  operation,
  patch,
  post,
  record,
  reference,
  resource,
  signedIn,
  sqliteTable,
  text,
  uniqueIndex,
} from "selvage"
import * as z from "zod"
import type { AccountOptions } from "../../src/core/accounts.ts"
import { createTable } from "../database/reads-fixture.ts"
import { type Answer, callVia } from "../support/calls.ts"
import { type Counted, counted } from "../support/counting.ts"
import { type Newcomer, newAddress, newNetwork } from "../support/people.ts"

const handleTable = sqliteTable(
  "reads_handles",
  { ...record("handle"), userId: reference("user").notNull(), handle: text({ length: 40 }).notNull() },
  (table) => [uniqueIndex("handles_by_user").on(table.userId), uniqueIndex("handles_by_handle").on(table.handle)],
)

const handles = resource("handles", {
  table: handleTable,
  tenant: "none",
  policy: { read: anyone(), create: is("userId", me), update: is("userId", me), delete: nobody() },
  operations: [],
})

/** Makes the application's own table. */
export async function makeHandles(): Promise<void> {
  const statements = createTable(handleTable).map((sql) => sql.replace("create index", "create unique index"))
  await env.DB.batch(statements.map((sql) => env.DB.prepare(sql)))
}

const opened = z
  .object({ userId: z.string(), email: z.string(), token: z.string(), refresh: z.string() })
  .meta({ id: "Opened" })
const pair = z.strictObject({ email: z.string(), password: z.string() })
const changed = pair.extend({ name: z.string(), handle: z.string() }).partial()

function operationsOf(isConfidential: boolean) {
  const said = isConfidential ? ({ confidential: true } as const) : {}
  return [
    operation("door.signUp", {
      kind: "mutation",
      input: pair.extend({ handle: z.string().max(40) }),
      output: opened,
      policy: anyone(),
      ...said,
      rest: post("/people", 201),
      async handle({ input: { handle, ...given }, accounts }) {
        const made = await accounts.signUp({ ...given, name: handle }, (changes, userId) =>
          changes.create(handles, { userId, handle }),
        )
        return { userId: made.userId, email: made.email, token: made.accessToken, refresh: made.refreshToken }
      },
    }),
    operation("door.signIn", {
      kind: "mutation",
      input: pair,
      output: opened,
      policy: anyone(),
      ...said,
      rest: post("/sessions"),
      async handle({ input, accounts }) {
        const made = await accounts.signIn(input)
        return { userId: made.userId, email: made.email, token: made.accessToken, refresh: made.refreshToken }
      },
    }),
    operation("door.change", {
      kind: "mutation",
      input: changed,
      output: z.object({ email: z.string() }).meta({ id: "Changed" }),
      policy: signedIn(),
      ...said,
      rest: patch("/me"),
      async handle({ input: { handle, ...given }, principal, accounts, read }) {
        const mine = principal.kind === "user" ? await read.find(handles, { userId: principal.id }) : null
        return accounts.change(given, (changes) => {
          if (handle !== undefined && mine !== null) changes.update(handles, mine.id, { handle })
        })
      },
    }),
    operation("door.presented", {
      kind: "query",
      input: z.strictObject({}),
      output: z.object({ token: z.string() }).meta({ id: "Presented" }),
      policy: anyone(),
      ...said,
      rest: get("/me"),
      handle: ({ accounts }) => ({ token: accounts.presented() }),
    }),
  ]
}

const dictated: AccountOptions = { emailVerification: "optional", takenAddress: "told", password: { minimum: 8 } }

/** A Worker that serves it. */
export function open(accounts: AccountOptions = dictated, isConfidential = true): Counted {
  const mounts = [mount("/door", { operations: operationsOf(isConfidential) })]
  const application = app({ title: "Dictated", resources: [handles], mounts, accounts })
  return counted({ application })
}

/** Somebody with a handle, before sign-up. */
export function newcomer(): Newcomer & { readonly handle: string } {
  return { ...newAddress(), handle: `h${crypto.randomUUID().slice(0, 20)}` }
}

/** Calls the application as somebody who is not signed in. */
export const asking = (world: Counted, line: string, who: Pick<Newcomer, "headers">, body: unknown): Promise<Answer> =>
  callVia(world.fetch, null, line, { body, headers: who.headers })

/** Somebody who signed up there. */
export async function arrival(world: Counted) {
  const who = newcomer()
  const { email, password, handle } = who
  const answer = await asking(world, "POST /door/people", who, { email, password, handle })
  if (answer.status !== 201) throw new Error(`Signing up answered ${answer.status}: ${JSON.stringify(answer.body)}`)
  const { userId: id, token, refresh } = answer.body as { userId: string; token: string; refresh: string }
  await world.settled()
  return { ...who, id, token, refresh }
}

/** Signs in from an address of its own, by the application or by the engine. */
export const signIn = (
  world: Counted,
  { email, password }: { email: string; password: string },
  line = "POST /door/sessions",
) => asking(world, line, { headers: { "CF-Connecting-IP": newNetwork() } }, { email, password })

/** Signs up. */
export const signUp = (world: Counted, who: ReturnType<typeof newcomer>, more: object = {}) => {
  const { email, password, handle } = who
  return asking(world, "POST /door/people", who, { email, password, handle, ...more })
}

/** A row of the people, and of what the application keeps beside them. */
export const personOf = (email: string) => env.DB.prepare('select * from "users" where "email" = ?').bind(email).first()
export const handleOf = (handle: string) =>
  env.DB.prepare('select * from "reads_handles" where "handle" = ?').bind(handle).first()
