/**
 * The bound of a message, kept before the library's own: that one says resource_exhausted, which clients read as "come back later", and every other
 * door says INVALID_ARGUMENT. Refuses by the length that is told, by that of the frame, and while reading.
 */
import { limits } from "../../core/limits.ts"

/** A flag and the length of the message stand before it in gRPC-Web and in the streams of Connect. */
const frameHeadBytes = 5

function isFramed(headers: Headers): boolean {
  return /^application\/(grpc-web|connect\+)/i.test(headers.get("content-type") ?? "")
}

/** Longest body that a message within the bound can have. */
function bodyMax(headers: Headers): number {
  return limits.bodyBytes + (isFramed(headers) ? frameHeadBytes : 0)
}

/** Whether the length that is told suffices to refuse. */
export function isTooLong(headers: Headers): boolean {
  return Number(headers.get("content-length") ?? 0) > bodyMax(headers)
}

/**
 * The body, for as long as it is within the bound.
 * @param refusal what is thrown beyond it
 */
export async function* bounded({ headers, body }: Request, refusal: () => Error): AsyncGenerator<Uint8Array> {
  const framed = isFramed(headers)
  const head: number[] = []
  let total = 0
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    total += chunk.byteLength
    if (framed && head.length < frameHeadBytes) head.push(...chunk.subarray(0, frameHeadBytes - head.length))
    // Read here, since the library makes room for as many bytes as a frame says that it has.
    const told = head.length < frameHeadBytes ? 0 : new DataView(Uint8Array.from(head).buffer).getUint32(1)
    if (total > bodyMax(headers) || told > limits.bodyBytes) throw refusal()
    yield chunk
  }
}
