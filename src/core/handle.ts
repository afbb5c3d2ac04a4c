/** The stage that does the work: a standard verb, an operation of the engine, or the application's own handler. */
import { unless } from "./deadline.ts"
import type { JsonObject } from "./json.ts"
import type { EngineWork } from "./operation.ts"
import { type Message, mailJob, type OutboxRow } from "./outbox.ts"
import { principalId } from "./principal.ts"
import { denied, notFound, Problem } from "./problem.ts"
import { recorder } from "./recorder.ts"
import { checkRehearsal, unrehearsable } from "./rehearsal.ts"
import { matched, openStore, type Run } from "./run.ts"
import { runRead, runWrite } from "./verbs.ts"

/** Runs the operation. Writes are recorded, not made; run again, it starts from a clean record. */
export async function handle(run: Run): Promise<void> {
  const { operation, rehearsal } = matched(run)
  checkRehearsal(run)
  const store = openStore(run)
  const { registry, ports, principal, now, arrival } = run
  const { models } = registry
  const reading = { principal, now }
  const { expectedVersion } = matched(run)
  if (operation.model && operation.kind === "query") {
    run.output = await runRead(operation, run.input, { models, store, reading })
    return
  }
  if (operation.kind === "subscription") {
    run.output = await ports.watch(run)
    return
  }
  run.recorder = recorder({ models, store, ids: ports.ids, principal, now, requestId: arrival.requestId })
  if (operation.model) {
    run.output = await runWrite(operation, run.input, {
      models,
      store,
      reading,
      recorder: run.recorder,
      expectedVersion,
    })
    return
  }
  if (operation.engine) {
    run.output = await operation.engine(run.input as never, engineWork(run))
    return
  }
  const { job } = matched(run)
  const context = Object.freeze({
    ...job?.context,
    requestId: arrival.requestId,
    door: run.door.name,
    principal,
    now,
    signal: arrival.signal,
    idempotencyKey: matched(run).idempotencyKey,
    expectedVersion,
    read: run.recorder.read,
    changes: run.recorder.changes,
    // Made when it is asked for: most handlers never do.
    get accounts() {
      if (rehearsal === true) throw unrehearsable(operation.name)
      return ports.accounts(engineWork(run), operation.confidential === true)
    },
    ids: run.recorder.ids,
    secrets: ports.secrets,
    link: ports.link,
    input: run.input as never,
  })
  const work = operation.handle?.(context)
  // A job that hangs ends with its time, whether its handler listens or not.
  run.output = await (job ? unless(arrival.signal, Promise.resolve(work)) : work)
  const letters = run.recorder.messages.filter((one) => one.topic === "job" && one.job === mailJob).length
  // Whoever may have letters sent must not have any number of them sent. Jobs are enqueued by calls that were limited.
  if (letters > 0 && !job && rehearsal !== true) await ports.limitLetters(senderOf(run), letters, now)
}

function senderOf({ principal, door, wire }: Run): string {
  return principalId(principal) ?? door.credentials(wire).address ?? principal.kind
}

/** What an operation of the engine works with. It commits by itself, so nothing is left for the commit stage. */
function engineWork(run: Run): EngineWork {
  const { registry, ports, principal, now, arrival } = run
  const store = openStore(run)
  const credentials = run.door.credentials(run.wire)
  return {
    store,
    reading: { principal, now },
    caller: {
      ...credentials,
      requestId: arrival.requestId,
      door: run.door.name,
      keepsCookies: credentials.cookies?.sameOrigin === true,
      behind: ports.behind,
    },
    async write(say) {
      const { changes, writes, messages, decidedOn } = recorder({
        models: registry.models,
        store,
        ids: ports.ids,
        principal,
        now,
        requestId: arrival.requestId,
      })
      const decided = [...decidedOn]
      const sent: Message[] = []
      const again: OutboxRow[] = []
      say({
        changes,
        decidedOn: (resource, id, version) => void decided.push({ resource, id, version }),
        send: (message) => void sent.push(message),
        resend: (row) => void again.push(row),
      })
      const outbox = [...(await ports.outbox.prepare([...messages, ...sent], now)), ...again]
      const operation = matched(run).operation.name
      const { requestId } = arrival
      const parts = {
        operation,
        requestId,
        principal,
        now,
        writes,
        decidedOn: decided,
        reads: [],
        required: [],
        idempotency: null,
      }
      const committed = await store.commit({ ...parts, outbox })
      if (committed.kind !== "committed") throw new Problem("ABORTED", "The account changed meanwhile; try again")
      ports.poke()
      if (outbox.length > 0) await ports.outbox.dispatch(outbox)
      return committed.rows
    },
    get recorder() {
      if (run.recorder === null) throw new Error("A query records nothing")
      return run.recorder
    },
    session: (effect) => {
      run.session = effect
    },
  }
}

/** A query of our own making still needs the right that it declares; the standard ones have it in their statement. */
export async function requireRight(run: Run): Promise<void> {
  const { operation } = matched(run)
  if (operation.model || operation.policy.kind !== "on") return
  const { resource, action, idFrom } = operation.policy
  const id = String((run.input as JsonObject)[idFrom])
  const reading = { principal: run.principal, now: run.now }
  if (await openStore(run).permits(resource, id, action, reading)) return
  if (action !== "read" && (await openStore(run).permits(resource, id, "read", reading)))
    throw denied(`${action} this record of ${resource}`)
  throw notFound(resource)
}
