/**
 * What a method does: the gate, one call of the pipeline within the time that its caller gives it, and what a watch streams. A call whose time is over
 * goes on behind its answer, so that what it writes is written whole or not at all, and what follows a write is not cut off.
 */
import { type DescMessage, type FileRegistry, fromJson, type JsonValue, type Message, toJson } from "@bufbuild/protobuf"
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect"
import { tooLarge } from "../../core/body.ts"
import { type Called, calledDoor, type Ending } from "../../core/called.ts"
import { unless } from "../../core/deadline.ts"
import type { Call } from "../../core/door.ts"
import type { Json, JsonObject } from "../../core/json.ts"
import type { Credentials } from "../../core/ports.ts"
import type { Principal } from "../../core/principal.ts"
import { asProblem, Problem } from "../../core/problem.ts"
import type { Told, WatchStream } from "../../core/watch.ts"
import { isTooLong } from "./bounds.ts"
import { fromProto } from "./decode.ts"
import { toProto } from "./encode.ts"
import type { Method } from "./messages.ts"
import { visitIn } from "./visit.ts"

/** What the methods of an isolate share. */
export interface House {
  readonly call: Call
  readonly linked: FileRegistry
  admit(credentials: Credentials): Promise<Principal>
  /** Keeps work alive that goes on behind an answer. */
  behind(work: Promise<unknown>): void
}

const door = calledDoor("grpc")

const isPast = ({ reason }: AbortSignal): boolean => ConnectError.from(reason).code === Code.DeadlineExceeded

/** Why nobody waits any more. */
function overdue(signal: AbortSignal): Problem {
  return isPast(signal)
    ? new Problem("DEADLINE_EXCEEDED", "The deadline passed before the answer was there")
    : new Problem("CANCELLED", "The caller has gone")
}

/**
 * The work's result, unless its caller's time is over before.
 * @param abandon what becomes of work that is under way then
 */
async function inTime<T>(
  context: HandlerContext,
  work: () => Promise<T>,
  abandon: (work: Promise<T>) => void,
): Promise<T> {
  const { signal } = context
  if (signal.aborted) throw visitIn(context).refusal(overdue(signal))
  const pending = work()
  try {
    return await unless(signal, pending)
  } catch (thrown) {
    if (!signal.aborted || thrown !== signal.reason) throw thrown
    abandon(pending)
    throw visitIn(context).refusal(overdue(signal))
  }
}

/** Who is not let in is refused in the words of the protocol, before a message is read. */
export function gateOf({ admit }: House) {
  return async (context: HandlerContext): Promise<void> => {
    const visit = visitIn(context)
    try {
      visit.principal = await inTime(
        context,
        () => admit(visit.credentials),
        (late) => void late.catch(() => undefined),
      )
      if (isTooLong(context.requestHeader)) throw tooLarge()
    } catch (thrown) {
      throw thrown instanceof ConnectError ? thrown : visit.refusal(asProblem(thrown))
    }
  }
}

/** A watch that nobody waits for any more would be held open for nobody. */
function closeLate({ operation }: Method, ending: Ending): void {
  if (operation.kind === "subscription" && ending.problem === null) (ending.output as unknown as WatchStream).close()
}

async function called(house: House, method: Method, request: Message, desc: DescMessage, context: HandlerContext) {
  const visit = visitIn(context)
  const { credentials, principal, arrival } = visit
  if (!principal) throw new Error("A call came past the gate")
  const { requestHeader, signal } = context
  const { operation } = method
  const json = toJson(desc, request, { registry: house.linked }) as JsonObject
  const wire: Called = {
    credentials,
    principal,
    operation,
    input: fromProto(operation.inputType.shape, json as Json),
    idempotencyKey: requestHeader.get("idempotency-key"),
    bookmark: requestHeader.get("x-selvage-bookmark"),
  }
  const ending = await inTime(
    context,
    () => house.call(door, wire, { ...arrival, signal }),
    (late) => house.behind(late.then((made) => closeLate(method, made))),
  )
  visit.facts = ending.facts
  if (ending.problem) throw visit.refusal(ending.problem)
  return ending.output
}

function messageFrom(house: House, desc: DescMessage, json: Json): Message {
  return fromJson(desc, json as JsonValue, { registry: house.linked, ignoreUnknownFields: true })
}

/** A unary method. */
export function unary(house: House, method: Method, { input, output }: Record<"input" | "output", DescMessage>) {
  const { shape } = method.operation.outputType
  return async (request: Message, context: HandlerContext): Promise<Message> => {
    const made = toProto(shape, await called(house, method, request, input, context))
    return messageFrom(house, output, method.wrapped ? (made === undefined ? {} : { result: made }) : (made ?? {}))
  }
}

function toldFrom({ operation }: Method, told: Told): Json {
  const record = "record" in told ? toProto(operation.outputType.shape, told.record as Json) : undefined
  return {
    kind: told.kind,
    sequence: String(told.sequence),
    ...("id" in told ? { id: told.id } : {}),
    ...("reason" in told ? { reason: told.reason } : {}),
    ...(record === undefined ? {} : { record }),
  }
}

/** A method that streams what a watch tells. Only a stream whose caller has gone ends without an error: every other end has its reason. */
export function streaming(house: House, method: Method, { input, output }: Record<"input" | "output", DescMessage>) {
  return async function* (request: Message, context: HandlerContext): AsyncGenerator<Message> {
    const { signal } = context
    const stream = (await called(house, method, request, input, context)) as unknown as WatchStream
    const close = () => stream.close()
    signal.addEventListener("abort", close)
    if (signal.aborted) close()
    try {
      for (let told = await stream.next(); told !== null; told = await stream.next())
        yield messageFrom(house, output, toldFrom(method, told))
      const why = signal.aborted && isPast(signal) ? overdue(signal) : stream.why()
      if (why !== null) throw visitIn(context).refusal(why)
    } finally {
      signal.removeEventListener("abort", close)
      close()
    }
  }
}
