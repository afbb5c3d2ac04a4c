/** The methods of a live connection: watches by the names of their operations, and beside them what only a connection can do. */
import * as z from "zod"
import type { Heard } from "../core/frames.ts"
import type { Json, JsonObject } from "../core/json.ts"
import { asProblem, type Problem } from "../core/problem.ts"
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
}

const acknowledgement = z.strictObject({ frame: z.int().min(0) })
const stopping = z.strictObject({ subscription: z.string().max(20) })

/** What comes of a call; the answer of a watch goes out before the call ends. */
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

/** Answers a call. What fails is its problem; the operator hears of calls, but not of acknowledgements. */
export async function answerCall(calling: Calling, call: Extract<Heard, { kind: "call" }>): Promise<void> {
  const { seat, ports } = calling
  const { id, method, params } = call
  const started = ports.now()
  const tell = (problem: Problem | null) => {
    if (method === "watch.ack" && problem === null) return
    const known = ports.registry.operations.has(method)
    ports.observe({
      kind: "call",
      at: started.toISOString(),
      requestId: `${seat.kept.id}/${id ?? "-"}`,
      traceId: null,
      door: "websocket",
      operation: known ? method : null,
      actor: actorOf(seat.kept.principal),
      code: problem?.code ?? "OK",
      milliseconds: ports.now().getTime() - started.getTime(),
      cost: { trips: 0, rowsRead: 0, rowsWritten: 0 },
      ...(problem?.options.cause === undefined ? {} : { cause: problem.options.cause }),
    })
  }
  try {
    await perform(calling, method, params, (result) => {
      if (id !== null) say(seat, ports.frames.answer(id, result))
      tell(null)
    })
  } catch (thrown) {
    const problem = asProblem(thrown)
    tell(problem)
    if (id !== null) say(seat, ports.frames.refuse(id, problem))
  }
  save(seat)
}
