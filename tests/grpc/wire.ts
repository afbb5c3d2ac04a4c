/** Connect and gRPC-Web in JSON, written and read by hand: what a client would hide, these tests look at. */
import { exports } from "cloudflare:workers"

export type Fetch = (request: Request) => Promise<Response>

/** The Worker under test. */
const worker: Fetch = (request) => exports.default.fetch(request as never) as unknown as Promise<Response>

export const connect = "application/json"
export const grpcWeb = "application/grpc-web+json"
export const streamed = "application/connect+json"

/** A frame: flags, the length, the message. */
export function frame(message: Uint8Array, length = message.byteLength): Uint8Array<ArrayBuffer> {
  const framed = new Uint8Array(5 + message.byteLength)
  new DataView(framed.buffer).setUint32(1, length)
  framed.set(message, 5)
  return framed
}

/** How a call is made. */
export interface Said {
  readonly type?: string
  readonly token?: string | null
  readonly headers?: Readonly<Record<string, string>>
  readonly fetch?: Fetch
  readonly signal?: AbortSignal
}

/** The answer to a call of a method of the workspace. A body that is no text or bytes goes out as JSON. */
export function ask(method: string, body: unknown, said: Said = {}): Promise<Response> {
  const { type = connect, token = null, headers = {}, fetch = worker, signal } = said
  const all = new Headers({ "Content-Type": type, "CF-Connecting-IP": "203.0.113.9", ...headers })
  if (token !== null) all.set("Authorization", `Bearer ${token}`)
  const bytes =
    body instanceof Uint8Array
      ? (body as Uint8Array<ArrayBuffer>)
      : new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body))
  const whole = type === connect || body instanceof Uint8Array ? bytes : frame(bytes)
  const init = { method: "POST", headers: all, body: whole, ...(signal === undefined ? {} : { signal }) }
  return fetch(new Request(`https://selvage.test/workspace.v1.${method}`, init))
}

/** What came back. */
export interface Answered {
  readonly status: number
  readonly headers: Headers
  /** As Connect names it; null for an answer. */
  readonly code: string | null
  // biome-ignore lint/suspicious/noExplicitAny: messages of every shape
  readonly message: any
  readonly text: string
}

const names = ["", "canceled", "unknown", "invalid_argument", "deadline_exceeded", "not_found", "already_exists"]
const more = ["permission_denied", "resource_exhausted", "failed_precondition", "aborted", "out_of_range"]
const last = ["unimplemented", "internal", "unavailable", "data_loss", "unauthenticated"]
const codeNames = [...names, ...more, ...last]

/** Frames of a body, as text, with their flags. */
export function framesIn(bytes: Uint8Array): { readonly flags: number; readonly text: string }[] {
  const found: { flags: number; text: string }[] = []
  for (let at = 0; at + 5 <= bytes.byteLength; ) {
    const length = new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(1)
    const text = new TextDecoder().decode(bytes.subarray(at + 5, at + 5 + length))
    found.push({ flags: bytes[at] ?? 0, text })
    at += 5 + length
  }
  return found
}

/** A unary answer, in either protocol. */
export async function answered(response: Response, type = connect): Promise<Answered> {
  const { status, headers } = response
  const bytes = new Uint8Array(await response.arrayBuffer())
  const text = new TextDecoder().decode(bytes)
  if (type === connect) {
    const message = text === "" ? null : JSON.parse(text)
    return { status, headers, code: status === 200 ? null : (message?.code ?? null), message, text }
  }
  const frames = framesIn(bytes)
  const trailers = frames.find(({ flags }) => flags === 0x80)?.text ?? ""
  const code = Number(/grpc-status: ?(\d+)/.exec(trailers)?.[1] ?? headers.get("grpc-status"))
  const body = frames.find(({ flags }) => flags === 0)?.text
  return { status, headers, code: code === 0 ? null : (codeNames[code] ?? ""), message: body && JSON.parse(body), text }
}

/** Calls a unary method, and reads its answer. */
export async function call(method: string, body: unknown, said: Said = {}): Promise<Answered> {
  return answered(await ask(method, body, said), said.type)
}

/** The reason in ErrorInfo, and the id that it names. */
export function infoIn({ message }: Answered): { readonly reason?: string; readonly requestId?: string } {
  const found = message?.details?.find((one: { type: string }) => one.type === "google.rpc.ErrorInfo")?.debug
  return found === undefined ? {} : { reason: found.reason, requestId: found.metadata?.requestId }
}

/** A stream of Connect, read as it comes. */
export function streamOf(response: Response) {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  let rest = new Uint8Array()
  // biome-ignore lint/suspicious/noExplicitAny: messages of every shape
  const told: any[] = []
  // biome-ignore lint/suspicious/noExplicitAny: the end of a stream
  let end: any = null
  const take = async (): Promise<boolean> => {
    const { value, done } = await reader.read()
    if (done) return false
    rest = new Uint8Array([...rest, ...value])
    for (const { flags, text } of framesIn(rest)) {
      if (rest.byteLength < 5 + new DataView(rest.buffer).getUint32(1)) break
      rest = rest.slice(5 + new DataView(rest.buffer).getUint32(1))
      if ((flags & 2) !== 0) end = JSON.parse(text)
      else told.push(JSON.parse(text))
    }
    return true
  }
  return {
    told,
    cancel: () => reader.cancel(),
    /** @throws Error when the stream ends first */
    async until(isMet: () => boolean): Promise<void> {
      while (!isMet()) if (!(await take())) throw new Error(`It ended: ${JSON.stringify({ told, end })}`)
    },
    /** What its last frame says: `{}` for an end that is an end. */
    async ending(): Promise<{ readonly error?: { readonly code: string; readonly message: string } }> {
      while (await take());
      return end
    },
  }
}
