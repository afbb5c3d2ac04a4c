/** One's own second factors: seen, named, removed; and the recovery codes. A change of any of them is told by letter. */
import * as z from "zod"
import type { EngineWork, Operation } from "../../core/operation.ts"
import { signedIn as whoIsSignedIn } from "../../core/policy.ts"
import { principalId } from "../../core/principal.ts"
import { notFound, Problem } from "../../core/problem.ts"
import { idSchema } from "../../core/schema.ts"
import type { UserObject } from "../../core/user-object.ts"
import { callerPerson, causeOf, commandTo, type Flow } from "../account.ts"
import { changedMail } from "../mails.ts"
import { ask } from "../objects.ts"
import { mintRecoveryCodes } from "../recovery-codes.ts"
import { sessionOf } from "./password.ts"

/** Prefix of the TypeIDs of factors. */
export const factorPrefix = "factor"

/** How long ago one must have proved who one is to change one's factors. */
export const factorFreshness = "10m"

export const factorNameInput = z.string().trim().min(1).max(100).describe("What its owner calls it")

const instant = z.iso.datetime()

export const factor = z
  .object({
    id: z.string(),
    kind: z.enum(["totp", "passkey"]),
    name: z.string(),
    createdAt: instant,
    lastUsedAt: instant.nullable(),
    synced: z.boolean().nullable().describe("Of a passkey: whether it may be on several devices"),
  })
  .meta({ id: "Factor", description: "Something that proves who one is, beside the password" })

export const recoveryCodes = z
  .array(z.string())
  .describe("Each completes one sign-in where no factor is at hand. Keep them: they are not shown again")

const iso = (at: number) => new Date(at).toISOString()

/** The caller's object. */
export function ownObject(flow: Flow, { reading }: EngineWork): UserObject {
  return flow.ports().objects.user(principalId(reading.principal) ?? "")
}

/** `factors.list`. One call of the object. */
export function listFactors(flow: Flow): Operation {
  return {
    name: "factors.list",
    kind: "query",
    summary: "One's second factors",
    input: z.strictObject({}),
    output: z.object({ items: z.array(factor), recoveryCodesLeft: z.int() }).meta({ id: "FactorList" }),
    policy: whoIsSignedIn(),
    credential: "session",
    rest: { method: "GET", path: "/factors" },
    engine: async (_: unknown, work) => {
      const found = await ask(() => ownObject(flow, work).listFactors())
      const items = (found?.factors ?? []).map(({ id, kind, name, createdAt, lastUsedAt, isSynced }) => ({
        id,
        kind,
        name,
        createdAt: iso(createdAt),
        lastUsedAt: lastUsedAt === null ? null : iso(lastUsedAt),
        synced: isSynced,
      }))
      return { items, recoveryCodesLeft: found?.recoveryCodesLeft ?? 0 }
    },
  }
}

const renameInput = z.strictObject({ id: idSchema(factorPrefix), name: factorNameInput }).meta({ id: "FactorRename" })

/** `factors.rename`. */
export function renameFactor(flow: Flow): Operation {
  return {
    name: "factors.rename",
    kind: "mutation",
    summary: "Give a factor another name",
    input: renameInput,
    output: z.object({ id: z.string(), name: z.string() }).meta({ id: "FactorRenamed" }),
    policy: whoIsSignedIn(),
    credential: "session",
    rest: { method: "PATCH", path: "/factors/{id}" },
    engine: async ({ id, name }: z.output<typeof renameInput>, work) => {
      const done = await ask(() => ownObject(flow, work).renameFactor(id, name))
      if (!done?.renamed) throw notFound("factors")
      return { id, name }
    },
  }
}

const removeInput = z.strictObject({ id: idSchema(factorPrefix), endOtherSessions: z.boolean().default(true) })

/** `factors.remove`. The letter and the command are one batch: none goes without the other. */
export function removeFactor(flow: Flow): Operation {
  return {
    name: "factors.remove",
    kind: "mutation",
    summary: "Remove a factor; other sessions end unless one says otherwise. With the last one the recovery codes go",
    input: removeInput,
    output: z.object({ id: z.string() }).meta({ id: "FactorRemoved" }),
    policy: whoIsSignedIn(),
    credential: "session",
    fresh: factorFreshness,
    rest: { method: "DELETE", path: "/factors/{id}" },
    engine: async ({ id, endOtherSessions }: z.output<typeof removeInput>, work) => {
      const found = await ask(() => ownObject(flow, work).listFactors())
      if (!found?.factors.some((one) => one.id === id)) throw notFound("factors")
      const person = await callerPerson(work)
      const isNeeded = flow.rules.mfa.administrators === "required" && person.roles.includes("admin")
      if (isNeeded && found.factors.length === 1)
        throw new Problem("FAILED_PRECONDITION", "An administrator must have a second factor: add another one first")
      const createdBefore = work.reading.now.getTime() + 1
      await work.write(({ changes, send }) => {
        send(commandTo(work, person.id, { kind: "removeFactors", ids: [id] }))
        if (endOtherSessions)
          send(commandTo(work, person.id, { kind: "revokeOthers", keep: sessionOf(work), createdBefore }))
        changes.mail(changedMail(person.email, flow.ports().title, "A second factor was removed"))
      })
      return { id }
    },
  }
}

/** `factors.makeRecoveryCodes`. */
export function makeRecoveryCodes(flow: Flow): Operation {
  return {
    name: "factors.makeRecoveryCodes",
    kind: "mutation",
    summary: "Make ten new recovery codes; the old ones end",
    input: z.strictObject({}),
    output: z.object({ recoveryCodes }).meta({ id: "RecoveryCodes" }),
    policy: whoIsSignedIn(),
    credential: "session",
    fresh: factorFreshness,
    confidential: true,
    rest: { method: "POST", path: "/factors/recovery-codes" },
    engine: async (_: unknown, work) => {
      const ports = flow.ports()
      const person = await callerPerson(work)
      const { codes, hashes } = await mintRecoveryCodes(ports.random)
      const done = await ask(() => ownObject(flow, work).replaceRecoveryCodes(hashes, causeOf(work)))
      if (done === null)
        throw new Problem("FAILED_PRECONDITION", "There is no second factor yet: its recovery codes come with it")
      await work.write(
        ({ changes }) => void changes.mail(changedMail(person.email, ports.title, "New recovery codes were made")),
      )
      return { recoveryCodes: [...codes] }
    },
  }
}
