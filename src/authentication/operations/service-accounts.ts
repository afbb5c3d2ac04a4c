/** Service accounts: programs that an organization owns. They have no password; they come in with API keys. */
import * as z from "zod"
import type { Operation } from "../../core/operation.ts"
import { signedIn } from "../../core/policy.ts"
import { principalId, system } from "../../core/principal.ts"
import { notFound } from "../../core/problem.ts"
import type { Resource } from "../../core/resource.ts"
import { idSchema } from "../../core/schema.ts"
import { accountOf, commandTo, type Flow, findPerson } from "../account.ts"
import { users } from "../resources.ts"

const createInput = z
  .strictObject({ ownerId: z.string().max(100).describe("Who owns it"), name: z.string().trim().min(1).max(100) })
  .meta({ id: "ServiceAccountCreate" })

function create(flow: Flow, accounts: Resource): Operation {
  return {
    name: "service_accounts.create",
    kind: "mutation",
    summary: "Make a service account; give its userId a place where it is to act",
    input: createInput,
    output: accounts.schema,
    policy: signedIn(),
    credential: "session",
    rest: { method: "POST", path: "/service_accounts", status: 201 },
    engine: async ({ ownerId, name }: z.output<typeof createInput>, work) => {
      const caller = principalId(work.reading.principal) ?? ""
      const userId = flow.ports().ids.mint("user")
      const rows = await work.write(({ changes }) => {
        changes
          .as(system("a service account's user", caller))
          .create(users, { id: userId, name, roles: [], kind: "service", email: null })
        // As the caller: the policy of the resource says who may own one.
        changes.create(accounts, { ownerId, userId, name } as never)
      })
      return rows[1]
    },
  }
}

const deleteInput = z.strictObject({ id: idSchema("service") })

function remove(flow: Flow, accounts: Resource): Operation {
  return {
    name: "service_accounts.delete",
    kind: "mutation",
    summary: "Remove a service account; its keys end",
    input: deleteInput,
    output: z.object({ id: z.string() }).meta({ id: "Deleted" }),
    policy: signedIn(),
    credential: "session",
    rest: { method: "DELETE", path: "/service_accounts/{id}", status: 204 },
    engine: async ({ id }: z.output<typeof deleteInput>, work) => {
      const row = await work.store.get(
        { kind: "get", resource: accounts.name, id, fields: ["userId"], expand: {} },
        work.reading,
      )
      const user = row && (await findPerson(work.store, "id", String(row.userId)))
      if (!user) throw notFound(accounts.name)
      await work.write(({ changes, decidedOn, send }) => {
        changes.delete(accounts, id)
        changes
          .as(system("its service account was removed", principalId(work.reading.principal)))
          .update(users, user.id, { status: "deleted" })
        decidedOn(users.name, user.id, user.version)
        send(
          commandTo(work, user.id, {
            kind: "setAccount",
            account: accountOf({ ...user, status: "deleted" }, flow.rules, 1),
          }),
        )
      })
      return { id }
    },
  }
}

/** `service_accounts.create` and `.delete`; list and get are the resource's own. */
export function serviceAccountOperations(flow: Flow, accounts: Resource): readonly Operation[] {
  return [create(flow, accounts), remove(flow, accounts)]
}
