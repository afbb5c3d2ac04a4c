/**
 * The door of jobs: the one pipeline, entered from inside. Its principal is the system on behalf of whoever caused the job, said aloud; nobody is
 * authenticated or limited, everything else is the same. What the job writes and the removal of its message are one batch.
 */
import * as z from "zod"
import { codes } from "../core/code.ts"
import type { Door, JobCall } from "../core/door.ts"
import type { Job, JobContext } from "../core/job.ts"
import type { JobOrder, Mail } from "../core/outbox.ts"
import { run } from "../core/pipeline.ts"
import { nobody } from "../core/policy.ts"
import type { Lease } from "../core/ports.ts"
import { system } from "../core/principal.ts"
import { Problem } from "../core/problem.ts"
import { type CompiledOperation, internalOperation, type Registry } from "../core/registry.ts"
import type { LeasedRow } from "../database/leases.ts"
import type { JobPorts } from "./ports.ts"
import { beginRun, endRun, type Tracked, tellProgress } from "./runs.ts"

/** One attempt of a job. */
export interface Attempt {
  readonly job: Job
  readonly order: JobOrder
  readonly row: LeasedRow
}

interface Wire extends Attempt {
  readonly operation: CompiledOperation
  readonly call: JobCall
}

const door: Door<Wire, Problem | null> = {
  name: "jobs",
  principal: ({ job, order }) => system(`job ${job.name}`, order.onBehalfOf ?? undefined),
  credentials: () => ({ address: null, bearer: null, userAgent: null, cookies: null }),
  resolve: ({ operation, order, call }) => ({
    operation,
    decode: () => order.input,
    idempotencyKey: null,
    expectedVersion: null,
    bookmark: null,
    job: call,
  }),
  encode: () => null,
  encodeProblem: (_wire, problem) => problem,
}

/** The job as an operation that no other door can find. What a schedule names is the operation itself. */
function operationOf({ operations }: Registry, { job, order }: Attempt): CompiledOperation {
  if (job.operation !== undefined) {
    const found = operations.get(job.operation)
    if (found === undefined) throw new Error(`${job.name} runs ${job.operation}, which is no operation`)
    return found
  }
  return internalOperation({
    name: job.name,
    kind: "mutation",
    input: job.input,
    // Nobody is answered.
    output: z.unknown().transform(() => null),
    errors: codes,
    policy: nobody(),
    handle: async (context) => {
      await job.handle(context as unknown as JobContext & { readonly input: never })
      if (order.run !== null) endRun(context.changes, order.run, context.now)
    },
  })
}

function callOf(ports: JobPorts, attempt: Attempt, lease: Lease, signal: AbortSignal): JobCall {
  const { order, row } = attempt
  const tracked = trackedOf(attempt, lease)
  let letters = 0
  return {
    lease,
    context: {
      id: row.id,
      attempt: row.attempts,
      outbound: {
        fetch: (url, init = {}) => {
          const over = init.signal ? AbortSignal.any([signal, init.signal]) : signal
          return ports.outbound(url, { ...init, signal: over })
        },
      },
      send: async (mail: Mail) => {
        signal.throwIfAborted()
        const n = letters++
        await ports.sendMail(n === 0 ? row.id : `${row.id}-${n}`, mail)
      },
      progress: async (percent, note) => {
        signal.throwIfAborted()
        if (order.run !== null && tracked !== null) await tellProgress(ports, tracked, percent, note)
      },
    },
  }
}

function trackedOf({ job, order }: Attempt, lease: Lease): Tracked | null {
  return order.run === null ? null : { job: job.name, requestId: order.requestId, run: order.run, lease }
}

/**
 * Makes one attempt. When it succeeds, its message is gone with what it wrote.
 * @returns what it failed with; null when it is done
 */
export async function attemptJob(ports: JobPorts, attempt: Attempt): Promise<Problem | null> {
  const { job, order, row } = attempt
  const lease: Lease = { message: row.id, attempt: row.attempts, ends: true }
  const clock = new AbortController()
  const timer = setTimeout(() => {
    clock.abort(new Problem("DEADLINE_EXCEEDED", `The job was not done within ${job.timeoutSeconds} seconds`))
  }, job.timeoutSeconds * 1000)
  try {
    const tracked = trackedOf(attempt, lease)
    if (tracked !== null) await beginRun(ports, tracked)
    const wire: Wire = {
      ...attempt,
      operation: operationOf(ports.registry, attempt),
      call: callOf(ports, attempt, lease, clock.signal),
    }
    const arrival = { requestId: order.requestId, traceId: null, signal: clock.signal }
    return await run(ports.registry, ports.pipeline, door, wire, arrival)
  } finally {
    clearTimeout(timer)
  }
}
