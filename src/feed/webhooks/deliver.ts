/**
 * The job that makes one delivery: judges what the owner may see now, signs, calls, keeps what came back. Its order within an endpoint and record,
 * its repetitions and their pace are those of every job. Refuses to call an endpoint whose circuit is open: then the job waits without a call.
 */
import { type Job, type JobContext, job } from "../../core/job.ts"
import type { Models } from "../../core/model.ts"
import { system } from "../../core/principal.ts"
import { Problem } from "../../core/problem.ts"
import {
  type Attempt,
  claimProbe,
  type DueDelivery,
  endDelivery,
  keepArrival,
  keepFailure,
  readDelivery,
} from "../../database/webhooks.ts"
import { judge, opensUntil, reasonToDisable } from "./circuit.ts"
import { bodyOf, isPing } from "./message.ts"
import { deliverJob, keyOf, type Order, orderInput } from "./order.ts"
import { bounds, type WebhookPorts } from "./ports.ts"
import { webhookEndpoints } from "./resources.ts"
import { openSecrets, signedHeaders } from "./secret.ts"
import { principalOf, type Sight, see } from "./sight.ts"

/** Attempts are bounded by time: a day holds some fifty of them, those included that found the circuit open. */
const retry = { attempts: 100, firstSeconds: 10, maxSeconds: 3600 }

type Call = JobContext & { readonly input: Order }
type Endpoint = NonNullable<DueDelivery["endpoint"]>

/** What the job is made with. */
export interface DeliverParts {
  ports(): WebhookPorts
  /** Of the finished registry. */
  models(): Models
}

/** `webhooks.deliver`. */
export function deliverWebhook(parts: DeliverParts): Job {
  return job(deliverJob, {
    summary: "Tell an endpoint of an event",
    input: orderInput,
    retry,
    key: keyOf,
    timeoutSeconds: 30,
    handle: (call) => deliver(parts, call),
  }) as unknown as Job
}

async function deliver(parts: DeliverParts, call: Call): Promise<void> {
  const { input, now } = call
  const { database } = parts.ports()
  const delivery = await readDelivery(database, input.deliveryId)
  // An attempt that was kept before its job was removed has done it all.
  if (delivery === null || (delivery.status !== "pending" && !input.again)) return
  const end = (status: "failed" | "skipped", fault: string) =>
    endDelivery(database, delivery.id, { status, fault, now })
  const { endpoint } = delivery
  if (endpoint === null) return end("skipped", "The endpoint was deleted")
  if (endpoint.status === "enabled") await refuseOpen(call, delivery, endpoint)
  const sight = isPing(delivery) ? null : await sightOf(parts, delivery, endpoint, now)
  if (sight === null && !isPing(delivery)) return end("skipped", "The owner may not see the record")
  if (endpoint.status === "disabled") return end("failed", "The endpoint is disabled")
  const isProbe = await passCircuit(database, call, delivery, endpoint)
  await send(parts.ports(), call, { delivery, endpoint, isProbe, body: bodyOf(delivery, sight) })
}

function sightOf(
  { ports, models }: DeliverParts,
  delivery: DueDelivery,
  endpoint: Endpoint,
  now: Date,
): Promise<Sight | null> {
  const principal = principalOf(delivery.ownerId, delivery.owner)
  if (principal === null) return Promise.resolve(null)
  return see({ ...ports(), models: models() }, delivery, endpoint, { principal, now })
}

/** Makes the job wait, without a call. */
function postponed(until: Date, now: Date): Problem {
  const retryAfterSeconds = Math.ceil((until.getTime() - now.getTime()) / 1000)
  return new Problem("UNAVAILABLE", "The endpoint fails, so it is left alone for a while", { retryAfterSeconds })
}

/** Whoever sends a ping wants to know now. */
async function refuseOpen({ now }: Call, delivery: DueDelivery, endpoint: Endpoint): Promise<void> {
  const verdict = judge(endpoint, now)
  if (verdict.kind === "open" && !isPing(delivery)) throw postponed(verdict.until, now)
}

/** Gives whether this call is the one that tries an open circuit out. */
async function passCircuit(
  database: D1Database,
  { now }: Call,
  delivery: DueDelivery,
  endpoint: Endpoint,
): Promise<boolean> {
  if (isPing(delivery)) return endpoint.openUntil !== null
  if (judge(endpoint, now).kind === "closed") return false
  const until = new Date(now.getTime() + bounds.probeMs)
  if (await claimProbe(database, delivery.endpointId, now, until)) return true
  throw postponed(until, now)
}

interface Sending {
  readonly delivery: DueDelivery
  readonly endpoint: Endpoint
  readonly body: string
  readonly isProbe: boolean
}

/** What came back: an answer, or why there was none. */
interface Outcome {
  readonly status: number | null
  readonly text: string | null
  readonly fault: string | null
  readonly cause: unknown
}

async function answerOf(ports: WebhookPorts, call: Call, { delivery, endpoint, body }: Sending): Promise<Outcome> {
  try {
    const secrets = await openSecrets(ports.sealer, delivery.endpointId, endpoint, call.now)
    const signed = await signedHeaders(secrets, { id: delivery.eventId, now: call.now, body })
    const headers = { "Content-Type": "application/json", "User-Agent": "Selvage-Webhooks/1", ...signed }
    const { callMs: timeoutMs, keptBytes: cutAt } = bounds
    const response = await call.outbound.fetch(endpoint.url, { method: "POST", headers, body, timeoutMs, cutAt })
    const text = (await response.text()).slice(0, bounds.keptBytes).replaceAll("\0", "\uFFFD")
    return { status: response.status, text, fault: null, cause: null }
  } catch (cause) {
    // The text of a problem is made to be shown; that of any other fault is not.
    const fault = cause instanceof Problem ? cause.message : "The message could not be sent"
    return { status: null, text: null, fault: fault.slice(0, 300), cause }
  }
}

async function send(ports: WebhookPorts, call: Call, sending: Sending): Promise<void> {
  const { now, input } = call
  const { delivery, endpoint, body, isProbe } = sending
  const started = ports.now().getTime()
  const { status, text, fault, cause } = await answerOf(ports, call, sending)
  const kept = {
    id: delivery.id,
    endpointId: delivery.endpointId,
    now,
    request: body.slice(0, bounds.keptLength),
    responseStatus: status,
    response: text,
    fault,
    milliseconds: ports.now().getTime() - started,
  } satisfies Omit<Attempt, "status">
  if (status !== null && status >= 200 && status < 300)
    return keepArrival(ports.database, { ...kept, status: "delivered" })
  const isLast = now.getTime() - Date.parse(input.since) >= bounds.givenUpAfterMs || call.attempt >= retry.attempts
  const isGone = status === 410
  const opening = { after: bounds.opensAfter, until: opensUntil(endpoint, now), isProbe }
  const attempt: Attempt = { ...kept, status: isLast || isGone ? "failed" : "pending" }
  const condition = await keepFailure(ports.database, attempt, opening)
  const reason = isGone ? "It answered 410 Gone" : condition && reasonToDisable(condition, now)
  if (reason !== null) {
    if (attempt.status === "pending")
      await endDelivery(ports.database, delivery.id, { status: "failed", fault: fault ?? `It answered ${status}`, now })
    return disable(ports, call, sending, reason)
  }
  if (!isLast) throw new Problem("UNAVAILABLE", fault ?? `The endpoint answered ${status}`, { cause })
}

/** Gives an endpoint up and tells its owner, once. The place where an owner is told: a letter now. */
async function disable(
  ports: WebhookPorts,
  { changes, read }: Call,
  { delivery, endpoint }: Sending,
  reason: string,
): Promise<void> {
  const principal = system("the endpoint does not take what it is sent", delivery.ownerId)
  // Of several that fail at the same moment one disables it: the version that is read here guards the batch.
  const current = await read.as(principal).find(webhookEndpoints, delivery.endpointId)
  if (current?.status !== "enabled") return
  changes.as(principal).update(webhookEndpoints, delivery.endpointId, { status: "disabled", disabledReason: reason })
  const email = delivery.owner?.email ?? null
  if (email === null) return
  changes.mail({
    to: email,
    subject: `A webhook of yours at ${ports.title} was disabled`,
    paragraphs: [
      `The endpoint at ${new URL(endpoint.url).host} is not told of changes any more. ${reason}.`,
      "What it missed stands in the log of its deliveries. When it is well again, enable it and have sent again what you need.",
    ],
  })
}
