/** The bytes of a request's body, read once and within a bound. Refuses a body before reading it where its length suffices. */
import { limits } from "./limits.ts"
import { Problem } from "./problem.ts"

/** What a body beyond the bound is refused with. */
export function tooLarge(): Problem {
  return new Problem("INVALID_ARGUMENT", `A body has at most ${limits.bodyBytes} bytes`, { type: "payload-too-large" })
}

/** Chunks as one. */
export function joined(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(chunks.reduce((sum, { byteLength }) => sum + byteLength, 0))
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.byteLength
  }
  return whole
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
  return chunks.length === 1 && first ? first : joined(chunks)
}

/**
 * The body as it came.
 * @throws Problem INVALID_ARGUMENT (payload-too-large) beyond `limits.bodyBytes`
 */
export async function readBytes(request: Request): Promise<Uint8Array> {
  const told = request.headers.get("content-length")
  if (told !== null && Number(told) > limits.bodyBytes) throw tooLarge()
  if (request.body === null) return new Uint8Array()
  // A told length within the bound is kept by the transport, so the cheaper way of reading serves.
  if (told === null) return readStream(request.body as ReadableStream<Uint8Array>)
  const bytes = new Uint8Array(await request.arrayBuffer())
  if (bytes.byteLength > limits.bodyBytes) throw tooLarge()
  return bytes
}
