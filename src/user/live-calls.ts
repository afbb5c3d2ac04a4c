/**
 * The methods of a live connection: every operation by its name, watches among them, and beside them what only a connection can do. Params are the
 * input; the facts that other doors have in headers stand in `_meta`.
 */
import * as z from "zod"
import type { Heard, HeardCall } from "../core/frames.ts"
import type { Json, JsonObject } from "../core/json.ts"
import { deprecationJson } from "../core/lifecycle.ts"
import { limitsJson } from "../core/limit-fields.ts"
import type { Principal } from "../core/principal.ts"
import { asProblem, type Problem } from "../core/problem.ts"
import type { CompiledOperation } from "../core/registry.ts"
import { actorOf } from "../core/run.ts"
import { validate } from "../core/validation.ts"
import type { InboxTelling } from "./live-inbox.ts"
import type { LivePorts } from "./live-ports.ts"
import type { Presence } from "./live-presence.ts"
import type { Room } from "./live-room.ts"
import { acknowledge, type Seat, save, say } from "./live-seat.ts"

/** Who calls, and what may be done. */
interface Calling {
  readonly seat: Seat
  readonly room: Room
  readonly presence: Presence
  readonly inbox: InboxTelling
  readonly ports: LivePorts
  /** Whoever sits there, with the roles of this moment. */
  principal(): Principal
}

/** Takes the answer of a call; null for a call that wants none. */
type Reply = (frame: string) => void

const acknowledgement = z.strictObject({ frame: z.int().min(0) })
const stopping = z.strictObject({ subscription: z.string().max(20) })
const facts = z.strictObject({ idempotencyKey: z.string().optional(), bookmark: z.string().optional() })
const withFacts = z.strictObject({ _meta: facts })

/** What only a connection can do, and watches. The answer of a watch goes out before the call ends. */
async function perform(
  { seat, room, presence, inbox }: Calling,
  method: string,
  params: JsonObject,
  answer: (result: Json) => void,
): Promise<void> {
  switch (method) {
    case "watch.ack":
      acknowledge(seat, (validate(acknowledgement, params) as z.output<typeof acknowledgement>).frame)
      return answer({})
    case "watch.stop":
      await room.stop(seat, (validate(stopping, params) as z.output<typeof stopping>).subscription)
      return answer({})
    case "inbox.watch":
      return answer(inbox.watch(seat))
    case "inbox.stop":
      return answer(inbox.stop(seat))
    case "presence.join":
      return answer(await presence.join(seat, params))
    case "presence.leave":
      return answer(await presence.leave(seat, params))
    case "presence.list":
      return answer(await presence.list(seat, params))
    case "topic.broadcast":
      return answer(await presence.broadcast(seat, params))
    default:
      return room.watch(seat, method, params, answer)
  }
}

/** An operation runs through the pipeline, which tells the operator of it. */
async function callOperation(
  { seat, ports, principal }: Calling,
  operation: CompiledOperation,
  call: HeardCall,
  reply: Reply,
) {
  const { id, params } = call
  const { _meta = {}, ...input } = params
  const { frames } = ports
  try {
    const told = validate(withFacts, { _meta }) as z.output<typeof withFacts>
    const { idempotencyKey = null, bookmark = null } = told._meta
    const credentials = { address: seat.kept.address ?? null, bearer: null, userAgent: null, cookies: null }
    const ending = await ports.call({ credentials, principal: principal(), operation, input, idempotencyKey, bookmark })
    if (id === null) return
    const { requestId, bookmark: reached, limits, replayed } = ending.facts
    if (ending.problem) return reply(frames.refuse(id, ending.problem, ending.facts))
    const meta = {
      requestId,
      ...(reached === null ? {} : { bookmark: reached }),
      ...(limits.length === 0 ? {} : { limits: limitsJson(limits) }),
      ...(replayed ? { replayed: true } : {}),
      ...(operation.deprecated === undefined ? {} : { deprecation: deprecationJson(operation.deprecated) }),
    }
    reply(frames.answer(id, ending.output, meta))
  } catch (thrown) {
    if (id !== null) reply(frames.refuse(id, asProblem(thrown)))
  }
}

async function answerOne(calling: Calling, call: HeardCall, reply: Reply): Promise<void> {
  const { seat, ports } = calling
  const { id, method, params } = call
  const operation = ports.registry.operations.get(method)
  if (operation && operation.kind !== "subscription") return callOperation(calling, operation, call, reply)
  const started = ports.now()
  const tell = (problem: Problem | null) => {
    if (method === "watch.ack" && problem === null) return
    ports.observe({
      kind: "call",
      at: started.toISOString(),
      requestId: `${seat.kept.id}/${id ?? "-"}`,
      traceId: null,
      door: "websocket",
      operation: operation ? method : null,
      actor: actorOf(seat.kept.principal),
      code: problem?.code ?? "OK",
      milliseconds: ports.now().getTime() - started.getTime(),
      cost: { trips: 0, rowsRead: 0, rowsWritten: 0 },
      ...(problem?.options.cause === undefined ? {} : { cause: problem.options.cause }),
    })
  }
  try {
    await perform(calling, method, params, (result) => {
      if (id !== null) reply(ports.frames.answer(id, result))
      tell(null)
    })
  } catch (thrown) {
    const problem = asProblem(thrown)
    tell(problem)
    if (id !== null) reply(ports.frames.refuse(id, problem))
  }
}

/** Answers a call. What fails is its problem; the operator hears of calls, but not of acknowledgements. */
export async function answerCall(calling: Calling, call: HeardCall): Promise<void> {
  await answerOne(calling, call, (frame) => say(calling.seat, frame))
  save(calling.seat)
}

/** Answers a batch, one call after another, with one frame; with none when nobody wants an answer. */
export async function answerBatch(calling: Calling, parts: Extract<Heard, { kind: "batch" }>["parts"]): Promise<void> {
  const answers: string[] = []
  for (const part of parts) {
    if (part.kind === "garbage") answers.push(part.answer)
    else await answerOne(calling, part, (frame) => void answers.push(frame))
  }
  if (answers.length > 0) say(calling.seat, calling.ports.frames.together(answers))
  save(calling.seat)
}
