/** What administrators do to people: close and open accounts, give roles, end sessions, act in somebody's name with a reason. */
import * as z from "zod"
import { limits } from "../../core/limits.ts"
import type { EngineWork, Operation } from "../../core/operation.ts"
import type { Filter } from "../../core/plan.ts"
import { role } from "../../core/policy.ts"
import type { Row } from "../../core/ports.ts"
import { principalId, system } from "../../core/principal.ts"
import { notFound, Problem } from "../../core/problem.ts"
import { idSchema } from "../../core/schema.ts"
import { accountOf, causeOf, commandTo, type Flow, findPerson, type Person } from "../account.ts"
import { impersonationMail } from "../mails.ts"
import { ask } from "../objects.ts"
import { sessionPrefix } from "../refresh-token.ts"
import { impersonations, users } from "../resources.ts"
import { mintAccessToken } from "../token-access.ts"

const id = idSchema("user")
const one = z.strictObject({ id }).meta({ id: "UserInput" })

async function personOf(work: EngineWork, userId: string): Promise<Person> {
  const person = await findPerson(work.store, "id", userId)
  if (person === null || person.status === "deleted") throw notFound(users.name)
  return person
}

/** Writes a change of rights and answers when the person's object has taken it over. */
async function changePerson(
  flow: Flow,
  work: EngineWork,
  person: Person,
  change: Partial<Pick<Person, "status" | "roles">>,
) {
  const next = { ...person, ...change }
  if (person.id === principalId(work.reading.principal) && closesAdministrator(person, next))
    throw new Problem("FAILED_PRECONDITION", "Another administrator has to do this: the last one must not lock all out")
  const acting = closesAdministrator(person, next) ? await actingSessions(work, person.id) : []
  const [row] = await work.write(({ changes, decidedOn, send }) => {
    const values = {
      ...(change.status ? { status: change.status, deleteAfter: null } : {}),
      ...(change.roles ? { roles: [...change.roles] } : {}),
    }
    // The actor stays the administrator: the policy of the operation has let them in, the resource itself is closed.
    changes
      .as(system("an administrator's decision", principalId(work.reading.principal)))
      .update(users, person.id, values as never)
    decidedOn(users.name, person.id, person.version)
    send(commandTo(work, person.id, { kind: "setAccount", account: accountOf(next, flow.rules, 1) }))
    for (const { userId, sessionId } of acting)
      send(commandTo(work, String(userId), { kind: "revokeSession", sid: String(sessionId) }))
  })
  return row ?? { id: person.id }
}

/** True when somebody stops being an administrator. */
function closesAdministrator(before: Person, after: Person): boolean {
  const is = ({ status, roles }: Person) => status === "active" && roles.includes("admin")
  return is(before) && !is(after)
}

/** Where an administrator acts in another's name right now: that ends with their own rights. */
async function actingSessions({ store, reading }: EngineWork, administratorId: string): Promise<readonly Row[]> {
  const filter: Filter = {
    op: "and",
    of: [
      { op: "eq", field: "administratorId", value: administratorId },
      { op: "gt", field: "expiresAt", value: reading.now.toISOString() },
    ],
  }
  const page = await store.list(
    {
      kind: "list",
      resource: impersonations.name,
      fields: ["id", "userId", "sessionId"],
      expand: {},
      filter,
      sort: [{ field: "createdAt", descending: true }],
      limit: limits.pageSizeMax,
      cursor: null,
      count: false,
      q: null,
    },
    reading,
  )
  return page.items
}

function administration<I extends z.ZodObject>(
  verb: string,
  rest: Operation["rest"],
  summary: string,
  input: I,
  engine: (given: z.output<I>, work: EngineWork) => Promise<unknown>,
  output: z.ZodType = users.schema,
): Operation {
  return {
    name: `users.${verb}`,
    kind: "mutation",
    summary,
    input,
    output,
    policy: role("admin"),
    credential: "session",
    ...(rest ? { rest } : {}),
    engine: engine as never,
  }
}

const rolesInput = z
  .strictObject({ id, roles: z.array(z.string().regex(/^[a-z][a-z0-9_-]{0,63}$/)).max(20) })
  .meta({ id: "UserRoles" })

const impersonateInput = z
  .strictObject({
    id,
    reason: z.string().trim().min(10).max(500).describe("Stands in the log, and in the letter to the user"),
  })
  .meta({ id: "Impersonate" })

const impersonation = z
  .object({ id: z.string(), userId: z.string(), accessToken: z.string(), accessExpiresAt: z.iso.datetime() })
  .meta({ id: "ImpersonationToken" })

const impersonationSeconds = 900

function impersonate(flow: Flow): Operation {
  const operation = administration(
    "impersonate",
    { method: "POST", path: "/users/{id}/impersonate", status: 201 },
    "Act in somebody's name for 15 minutes; both names stand in every event",
    impersonateInput,
    async (given, work) => {
      const ports = flow.ports()
      const administrator = principalId(work.reading.principal) ?? ""
      const person = await personOf(work, given.id)
      if (person.status !== "active" || person.kind !== "person")
        throw new Problem("FAILED_PRECONDITION", "The account is not open")
      if (person.id === administrator || person.roles.includes("admin"))
        throw new Problem("PERMISSION_DENIED", "Nobody acts in the name of an administrator")
      const { now } = work.reading
      const impersonationId = ports.ids.mint("impersonation")
      const sessionId = ports.ids.mint(sessionPrefix)
      const expiresAt = new Date(now.getTime() + impersonationSeconds * 1000).toISOString()
      await work.write(({ changes }) => {
        const row = {
          id: impersonationId,
          userId: person.id,
          administratorId: administrator,
          sessionId,
          reason: given.reason,
          expiresAt,
        }
        changes.as(system(given.reason, administrator)).create(impersonations, row)
        changes.mail(impersonationMail(person.email, ports.title, given.reason))
      })
      return {
        id: impersonationId,
        userId: person.id,
        ...(await actingToken(flow, work, person, administrator, { sid: sessionId, reason: given.reason })),
      }
    },
    impersonation,
  )
  return { ...operation, fresh: "10m", confidential: true }
}

/** A session of its own, so that it is seen and can be ended; its refresh token is thrown away. */
async function actingToken(
  flow: Flow,
  work: EngineWork,
  person: Person,
  administrator: string,
  { sid, reason }: { readonly sid: string; readonly reason: string },
) {
  const ports = flow.ports()
  const lifetime = { idleSeconds: impersonationSeconds, hardSeconds: impersonationSeconds }
  const key = await ports.refreshTokens.sessionKey(person.id, sid)
  const account = accountOf(person, flow.rules)
  const label = `Administrator: ${reason}`.slice(0, 100)
  const session = {
    sid,
    key,
    lifetime,
    accessSeconds: impersonationSeconds,
    label,
    amr: ["user"],
    account,
    isWhole: true as const,
  }
  const cause = { ...causeOf(work), actor: person.id, impersonator: administrator }
  const grant = await ask(() => ports.objects.user(person.id).createSession(session, cause))
  if (grant === null) throw new Problem("FAILED_PRECONDITION", "The account is not open")
  const { epoch, amr, authTime, expiresAt: notAfter } = grant
  const claims = {
    subject: person.id,
    session: sid,
    epoch,
    roles: person.roles,
    amr,
    authTime,
    notAfter,
    impersonator: administrator,
  }
  const settings = { ...ports.access, lifetimeSeconds: impersonationSeconds }
  const { token, expiresAt } = await mintAccessToken(ports.signing, settings, claims, work.reading.now)
  return { accessToken: token, accessExpiresAt: new Date(expiresAt).toISOString() }
}

/** `users.*`; list and get are the resource's own. */
export function userOperations(flow: Flow): readonly Operation[] {
  const post = (verb: string) => ({ method: "POST" as const, path: `/users/{id}/${verb}` })
  return [
    administration(
      "disable",
      post("disable"),
      "Close an account: all sessions and keys end",
      one,
      async ({ id: userId }, work) => changePerson(flow, work, await personOf(work, userId), { status: "disabled" }),
    ),
    administration("enable", post("enable"), "Open an account again", one, async ({ id: userId }, work) =>
      changePerson(flow, work, await personOf(work, userId), { status: "active" }),
    ),
    {
      ...administration(
        "setRoles",
        { method: "PUT", path: "/users/{id}/roles" },
        "Give the roles in the whole application; access tokens with the old ones end",
        rolesInput,
        async ({ id: userId, roles }, work) => changePerson(flow, work, await personOf(work, userId), { roles }),
      ),
      fresh: "10m",
    },
    administration(
      "endSessions",
      post("end-sessions"),
      "End all sessions of a user",
      one,
      async ({ id: userId }, work) => {
        const person = await personOf(work, userId)
        const done = await ask(() => flow.ports().objects.user(person.id).revokeAll(causeOf(work)))
        return { ended: done?.revoked ?? 0 }
      },
      z.object({ ended: z.int() }).meta({ id: "SessionsEnded" }),
    ),
    impersonate(flow),
  ]
}
