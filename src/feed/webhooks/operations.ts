/** What owners do with their endpoints: make, change, enable and disable, rotate the secret, try out. A secret is shown when it is made and never again. */
import * as z from "zod"
import type { Models } from "../../core/model.ts"
import type { EngineWork, Operation } from "../../core/operation.ts"
import { signedIn } from "../../core/policy.ts"
import type { Row } from "../../core/ports.ts"
import { callerId, principalId, system } from "../../core/principal.ts"
import { denied, invalid, invalidAll, notFound, Problem } from "../../core/problem.ts"
import { idSchema } from "../../core/schema.ts"
import { countEndpoints } from "../../database/webhooks.ts"
import { checkUrl } from "./address.ts"
import { orderMessage } from "./order.ts"
import { bounds, type WebhookPorts } from "./ports.ts"
import { webhookDeliveries, webhookEndpoints } from "./resources.ts"
import { mintSecret, sealSecret } from "./secret.ts"
import { checkReach, faultsOf, pingType, type Tellable } from "./subscription.ts"
import { seesTenant } from "./tenant.ts"

/** What the operations are made with. */
export interface OperationParts {
  ports(): WebhookPorts
  /** Of the finished registry. */
  models(): Models
  tellable(): Tellable
}

const id = idSchema("endpoint")
const one = z.strictObject({ id }).meta({ id: "WebhookEndpointInput" })
const url = z.string().min(1).max(2000).describe("https; http in development alone")
const description = z.string().max(200).nullable()
const events = z
  .array(z.string().min(1).max(120))
  .min(1)
  .max(50)
  .describe('Types of events: "tasks.created", "tasks.updated", "tasks.deleted", or "tasks.*" for all three')
const tenantId = z.string().min(1).max(100).nullable().describe("Whose events; null for resources without a tenant")

const createInput = z
  .strictObject({ url, events, tenantId: tenantId.default(null), description: description.default(null) })
  .meta({ id: "WebhookEndpointCreate" })
const updateInput = z.strictObject({
  id,
  patch: z
    .strictObject({ url: url.optional(), events: events.optional(), description: description.optional() })
    .meta({ id: "WebhookEndpointUpdate" }),
})

const shown = z
  .object({
    id: z.string(),
    url: z.string(),
    events: z.array(z.string()),
    tenantId: z.string().nullable(),
    secret: z.string().describe("`whsec_…`, what signatures are verified with. Keep it: it is not shown again"),
  })
  .meta({ id: "WebhookEndpointSecret" })

function mutation<I extends z.ZodObject>(
  verb: string,
  input: I,
  engine: (given: z.output<I>, work: EngineWork) => Promise<unknown>,
  more: Pick<Operation, "summary" | "rest"> & Partial<Operation>,
): Operation {
  return {
    name: `${webhookEndpoints.name}.${verb}`,
    kind: "mutation",
    input,
    output: webhookEndpoints.schema,
    policy: signedIn(),
    engine: engine as never,
    ...more,
  }
}

/** The caller's own endpoint, as they may see it. Throws NOT_FOUND. */
async function endpointOf({ store, reading }: EngineWork, endpointId: string): Promise<Row> {
  const fields = ["id", "version", "ownerId", "tenantId", "url", "events", "status"]
  const row = await store.get(
    { kind: "get", resource: webhookEndpoints.name, id: endpointId, fields, expand: {} },
    reading,
  )
  if (row === null) throw notFound(webhookEndpoints.name)
  return row
}

/** The caller's own, to be changed by its own checks before the write's. Throws NOT_FOUND; PERMISSION_DENIED for who may only see it. */
async function ownEndpoint(work: EngineWork, endpointId: string): Promise<Row> {
  const row = await endpointOf(work, endpointId)
  if (row.ownerId !== principalId(work.reading.principal)) throw denied("change this record of webhook_endpoints")
  return row
}

function tooMany(): Problem {
  return new Problem("RESOURCE_EXHAUSTED", `There are ${bounds.endpointsPerOwner} endpoints already; delete one`)
}

/** Refuses what nobody may be told, with the path of each fault. */
async function checkChoice(
  { models, tellable }: OperationParts,
  { store, reading }: EngineWork,
  choice: { readonly events: readonly string[]; readonly tenantId: string | null },
): Promise<void> {
  const faults = faultsOf(tellable(), choice)
  if (faults.length > 0) throw invalidAll(faults)
  checkReach(reading.principal, choice.events)
  if (choice.tenantId === null) return
  const context = { models: models(), tellable: tellable() }
  if (!(await seesTenant(store, reading, context, choice.tenantId)))
    throw invalid("/tenantId", "not_found", "There is no such tenant, or nothing in it is visible to you")
}

function create(parts: OperationParts): Operation {
  const engine = async (given: z.output<typeof createInput>, work: EngineWork) => {
    const ports = parts.ports()
    const ownerId = callerId(work.reading.principal)
    const values = { ...given, url: checkUrl(ports, given.url), events: [...new Set(given.events)] }
    await checkChoice(parts, work, values)
    if ((await countEndpoints(ports.database, ownerId, null)) >= bounds.endpointsPerOwner) throw tooMany()
    const endpointId = ports.mint("endpoint")
    const secret = mintSecret(ports.random)
    const secretSealed = await sealSecret(ports.sealer, endpointId, secret)
    await work.write(({ changes }) => {
      changes
        .as(system("the owner's own endpoint", ownerId))
        .create(webhookEndpoints, { ...values, id: endpointId, ownerId, secretSealed })
    })
    // Of calls at the same moment each saw room: those that came too late take theirs back.
    if ((await countEndpoints(ports.database, ownerId, endpointId)) > bounds.endpointsPerOwner) {
      await work.write(({ changes }) => changes.delete(webhookEndpoints, endpointId))
      throw tooMany()
    }
    return { id: endpointId, url: values.url, events: values.events, tenantId: values.tenantId, secret }
  }
  return mutation("create", createInput, engine, {
    summary: "Be told of events at an address; its secret is shown this once",
    output: shown,
    confidential: true,
    rest: { method: "POST", path: "/webhook_endpoints", status: 201 },
  })
}

function update(parts: OperationParts): Operation {
  const engine = async ({ id: endpointId, patch }: z.output<typeof updateInput>, work: EngineWork) => {
    const before = await ownEndpoint(work, endpointId)
    const next = {
      ...patch,
      ...(patch.url === undefined ? {} : { url: checkUrl(parts.ports(), patch.url) }),
      ...(patch.events === undefined ? {} : { events: [...new Set(patch.events)] }),
    }
    const choice = { events: next.events ?? (before.events as string[]), tenantId: before.tenantId as string | null }
    // A new address gets what the old one did, so it asks for the same rights.
    await checkChoice(parts, work, choice)
    const [row] = await work.write(({ changes }) => {
      changes.update(webhookEndpoints, endpointId, next as never)
    })
    return row
  }
  return mutation("update", updateInput, engine, {
    summary: "Change an endpoint",
    rest: { method: "PATCH", path: "/webhook_endpoints/{id}", body: "patch" },
  })
}

const wellAgain = { status: "enabled", disabledReason: null, failures: 0, failingSince: null, openUntil: null } as const

function turn(verb: "enable" | "disable"): Operation {
  const engine = async ({ id: endpointId }: z.output<typeof one>, work: EngineWork) => {
    const [row] = await work.write(({ changes }) => {
      const values = verb === "enable" ? wellAgain : { status: "disabled" as const, disabledReason: "By its owner" }
      changes.update(webhookEndpoints, endpointId, values)
    })
    return row
  }
  return mutation(verb, one, engine, {
    summary: verb === "enable" ? "Be told again; what failed before is forgotten" : "Be told no more",
    rest: { method: "POST", path: `/webhook_endpoints/{id}/${verb}` },
  })
}

function rotateSecret(parts: OperationParts): Operation {
  const engine = async ({ id: endpointId }: z.output<typeof one>, work: EngineWork) => {
    const { sealer, random } = parts.ports()
    const row = await ownEndpoint(work, endpointId)
    checkReach(work.reading.principal, row.events as string[])
    const sealed = await work.store.withSecrets(webhookEndpoints.name, "id", endpointId)
    const secret = mintSecret(random)
    const secretSealed = await sealSecret(sealer, endpointId, secret)
    const previousUntil = new Date(work.reading.now.getTime() + bounds.previousSecretMs).toISOString()
    await work.write(({ changes, decidedOn }) => {
      const previousSealed = String(sealed?.secretSealed)
      changes.update(webhookEndpoints, endpointId, { secretSealed, previousSealed, previousUntil })
      decidedOn(webhookEndpoints.name, endpointId, Number(row.version))
    })
    return { id: endpointId, url: row.url, events: row.events, tenantId: row.tenantId, secret }
  }
  return mutation("rotateSecret", one, engine, {
    summary: "Make a new secret, shown this once; for a day the old one signs beside it",
    output: shown,
    confidential: true,
    rest: { method: "POST", path: "/webhook_endpoints/{id}/rotate-secret" },
  })
}

function test(parts: OperationParts): Operation {
  const engine = async ({ id: endpointId }: z.output<typeof one>, work: EngineWork) => {
    const { mint } = parts.ports()
    const row = await endpointOf(work, endpointId)
    if (row.status !== "enabled") throw new Problem("FAILED_PRECONDITION", "The endpoint is disabled; enable it first")
    const { now, principal } = work.reading
    const delivery = {
      id: mint("delivery"),
      endpointId,
      ownerId: String(row.ownerId),
      eventId: mint("event"),
      sequence: 0,
      type: pingType,
      resource: webhookEndpoints.name,
      recordId: endpointId,
    }
    await work.write(({ changes, send }) => {
      changes.as(system("an endpoint is tried out", callerId(principal))).create(webhookDeliveries, delivery)
      send(orderMessage(delivery, { now, requestId: work.caller.requestId, again: false }))
    })
    return { id: delivery.id, type: pingType }
  }
  return mutation("test", one, engine, {
    summary: `Send ${pingType}; what comes of it stands in the delivery with this id`,
    output: z.object({ id: z.string(), type: z.string() }).meta({ id: "WebhookPing" }),
    rest: { method: "POST", path: "/webhook_endpoints/{id}/test", status: 202 },
  })
}

const deliveryInput = z.strictObject({ id: idSchema("delivery") }).meta({ id: "WebhookDeliveryInput" })

function replay(): Operation {
  return {
    name: `${webhookDeliveries.name}.replay`,
    kind: "mutation",
    summary: "Send a delivery again, with the id that it had",
    input: deliveryInput,
    output: z.object({ id: z.string() }).meta({ id: "WebhookReplay" }),
    policy: signedIn(),
    rest: { method: "POST", path: "/webhook_deliveries/{id}/replay", status: 202 },
    engine: async (given: z.output<typeof deliveryInput>, work) => {
      const { store, reading } = work
      const fields = ["id", "endpointId", "recordId", "ownerId", "status"]
      const plan = { kind: "get", resource: webhookDeliveries.name, id: given.id, fields, expand: {} } as const
      const row = await store.get(plan, reading)
      if (row === null) throw notFound(webhookDeliveries.name)
      if (row.status === "pending") throw new Problem("FAILED_PRECONDITION", "The delivery is on its way already")
      const endpoint = await endpointOf(work, String(row.endpointId))
      if (endpoint.status !== "enabled")
        throw new Problem("FAILED_PRECONDITION", "The endpoint is disabled; enable it first")
      const { endpointId, recordId, ownerId } = row as Record<string, string>
      const delivery = { id: given.id, endpointId, recordId, ownerId } as never
      const call = { now: reading.now, requestId: work.caller.requestId, again: true }
      await work.write(({ send }) => send(orderMessage(delivery, call)))
      return { id: given.id }
    },
  }
}

/** `webhook_endpoints.*` and `webhook_deliveries.replay`; list, get and delete are the resources' own. */
export function webhookOperations(parts: OperationParts): readonly Operation[] {
  return [create(parts), update(parts), turn("enable"), turn("disable"), rotateSecret(parts), test(parts), replay()]
}
