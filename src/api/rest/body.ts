/** The body of a request: read within its bound, decoded as UTF-8, parsed as JSON. Refuses a body before reading it where its headers suffice. */
import type { Json } from "../../core/json.ts"
import { limits } from "../../core/limits.ts"
import type { Method } from "../../core/operation.ts"
import { invalid, Problem } from "../../core/problem.ts"
import { parseJson } from "./json-text.ts"
import { refuseUnsupported } from "./negotiation.ts"

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

function tooLarge(): Problem {
  return new Problem("INVALID_ARGUMENT", `A body has at most ${limits.bodyBytes} bytes`, { type: "payload-too-large" })
}

/** True when the request brings content (RFC 9112 §6: a length, or a transfer coding). */
export function hasContent(request: Request): boolean {
  const length = request.headers.get("content-length")
  return length === null ? request.body !== null : length !== "0"
}

/** Counts while it reads, and stops reading at the bound. */
async function readStream(body: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let total = 0
  const reader = body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    total += value.byteLength
    if (total > limits.bodyBytes) {
      await reader.cancel().catch(() => undefined)
      throw tooLarge()
    }
    chunks.push(value)
  }
  const [first] = chunks
  if (chunks.length === 1 && first) return first
  const whole = new Uint8Array(total)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.byteLength
  }
  return whole
}

async function readBytes(request: Request): Promise<Uint8Array> {
  const told = request.headers.get("content-length")
  if (told !== null && Number(told) > limits.bodyBytes) throw tooLarge()
  if (request.body === null) return new Uint8Array()
  // A told length within the bound is kept by the transport, so the cheaper way of reading serves.
  if (told === null) return readStream(request.body as ReadableStream<Uint8Array>)
  const bytes = new Uint8Array(await request.arrayBuffer())
  if (bytes.byteLength > limits.bodyBytes) throw tooLarge()
  return bytes
}

function decodeText(bytes: Uint8Array, base: string): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw invalid(base, "malformed_json", "The body is not UTF-8")
  }
}

/**
 * Reads the JSON body.
 * @param base JSON pointer of the place in the input that the body fills
 * @returns undefined when there is no body
 * @throws INVALID_ARGUMENT (payload-too-large, unsupported-media-type, malformed_json, too_deep, duplicate_key)
 */
export async function readBody(request: Request, method: Method, base: string): Promise<Json | undefined> {
  if (!hasContent(request)) return undefined
  refuseUnsupported(request.headers, method)
  const text = decodeText(await readBytes(request), base)
  if (text === "") return undefined
  if (text.charCodeAt(0) === 0xfeff)
    throw invalid(base, "malformed_json", "The body starts with a byte order mark; leave it out")
  return parseJson(text, base)
}
