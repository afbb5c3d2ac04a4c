/** Oneself: what is known of me, a copy of all of it, and the way out. */
import * as z from "zod"
import type { Json } from "../../core/json.ts"
import { limits } from "../../core/limits.ts"
import type { Model, Models } from "../../core/model.ts"
import type { EngineWork, Operation } from "../../core/operation.ts"
import { signedIn } from "../../core/policy.ts"
import type { Row } from "../../core/ports.ts"
import { principalId, system } from "../../core/principal.ts"
import { notFound } from "../../core/problem.ts"
import { accountOf, admit, callerPerson, commandTo, type Flow } from "../account.ts"
import { deletionMail } from "../mails.ts"
import { ask } from "../objects.ts"
import { readUser, users } from "../resources.ts"
import { provePassword } from "./password.ts"
import { passwordInput } from "./sign-up.ts"

/** `me.get`. One read. */
export function getMe(): Operation {
  return {
    name: "me.get",
    kind: "query",
    summary: "Oneself",
    input: z.strictObject({}),
    output: users.schema,
    policy: signedIn(),
    rest: { method: "GET", path: "/me" },
    engine: (_: unknown, work) => readMe(work),
  }
}

async function readMe({ store, reading }: EngineWork): Promise<Row> {
  const row = await readUser(store, principalId(reading.principal) ?? "", reading)
  if (row === null) throw notFound(users.name)
  return row
}

const updateInput = z.strictObject({ name: z.string().trim().min(1).max(100) }).meta({ id: "MeUpdate" })

/** `me.update`. */
export function updateMe(): Operation {
  return {
    name: "me.update",
    kind: "mutation",
    summary: "Change one's own name",
    input: updateInput,
    output: users.schema,
    policy: signedIn(),
    rest: { method: "PATCH", path: "/me" },
    engine: async ({ name }: z.output<typeof updateInput>, work) => {
      const id = principalId(work.reading.principal) ?? ""
      const [row] = await work.write(
        ({ changes }) => void changes.as(system("one's own name", id)).update(users, id, { name }),
      )
      return row ?? readMe(work)
    },
  }
}

const rowsMax = 1000

/** Columns by which a person's records are found without reading others'. */
function ownColumns(model: Model): string[] {
  return [...model.columns.values()]
    .filter(
      ({ key, kind }) =>
        kind.type === "id" && kind.prefix === "user" && model.indexes.some(({ columns }) => columns[0] === key),
    )
    .map(({ key }) => key)
}

async function recordsOf(
  work: EngineWork,
  model: Model,
  column: string,
  id: string,
): Promise<{ items: Row[]; complete: boolean }> {
  const items: Row[] = []
  let cursor: string | null = null
  do {
    const page = await work.store.list(
      {
        kind: "list",
        resource: model.name,
        fields: [...model.columns.keys()],
        expand: {},
        filter: { op: "eq", field: column, value: id } as never,
        sort: [{ field: "createdAt", descending: true }],
        limit: limits.pageSizeMax,
        cursor,
        count: false,
        q: null,
      },
      work.reading,
    )
    items.push(...(page.items as Row[]))
    cursor = page.nextCursor
  } while (cursor !== null && items.length < rowsMax)
  return { items, complete: cursor === null }
}

/** `me.export`: the account, what the object holds, and the records that name the person and that the person may see. */
export function exportMe(flow: Flow, models: () => Models): Operation {
  return {
    name: "me.export",
    kind: "query",
    summary: "Everything that is kept about oneself, as one document",
    input: z.strictObject({}),
    output: z
      .object({
        account: users.schema,
        object: z.unknown().describe("Sessions, devices, keys, preferences and recent events"),
        records: z.record(z.string(), z.object({ complete: z.boolean(), items: z.array(z.unknown()) })),
      })
      .meta({ id: "MeExport" }),
    policy: signedIn(),
    credential: "session",
    rest: { method: "GET", path: "/me/export" },
    engine: async (_: unknown, work) => {
      const id = principalId(work.reading.principal) ?? ""
      const ports = flow.ports()
      await admit(ports, "export", work, id)
      const [account, object] = await Promise.all([readMe(work), ask(() => ports.objects.user(id).exportAll())])
      const records: Record<string, { complete: boolean; items: Json[] }> = {}
      for (const model of models().values()) {
        for (const column of ownColumns(model)) {
          const found = await recordsOf(work, model, column, id)
          if (found.items.length > 0) records[`${model.name}.${column}`] = found
        }
      }
      return { account, object, records }
    },
  }
}

const deleteInput = z.strictObject({ password: passwordInput.describe("The current one") }).meta({ id: "MeDelete" })

/** `me.delete`. Ends all sessions at once; the rest goes when the time is over (see `server/accounts.ts`). */
export function deleteMe(flow: Flow): Operation {
  return {
    name: "me.delete",
    kind: "mutation",
    summary: "Delete one's own account; signing in within the time of grace brings it back",
    input: deleteInput,
    output: z.object({ deleteAfter: z.iso.datetime() }).meta({ id: "MeDeleted" }),
    policy: signedIn(),
    credential: "session",
    confidential: true,
    rest: { method: "POST", path: "/me/delete" },
    engine: async ({ password }: z.output<typeof deleteInput>, work) => {
      const ports = flow.ports()
      const person = await callerPerson(work)
      await provePassword(flow, work, person, password, "/password")
      const deleteAfter = new Date(work.reading.now.getTime() + flow.rules.deletionDays * 86_400_000).toISOString()
      await work.write(({ changes, decidedOn, send }) => {
        changes
          .as(system("asked for by its owner", person.id))
          .update(users, person.id, { status: "deleting", deleteAfter })
        decidedOn(users.name, person.id, person.version)
        send(
          commandTo(work, person.id, {
            kind: "setAccount",
            account: accountOf({ ...person, status: "deleting" }, flow.rules, 1),
          }),
        )
        changes.mail(deletionMail(person.email, ports.title, deleteAfter))
      })
      if (work.caller.cookies?.access != null) work.session({ kind: "clear" })
      return { deleteAfter }
    },
  }
}
