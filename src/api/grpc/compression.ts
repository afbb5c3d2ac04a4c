/** gzip for messages, by the web's own streams. What unpacks beyond its bound is refused before it is whole. */
import { Code, ConnectError } from "@connectrpc/connect"
import type { Compression } from "@connectrpc/connect/protocol"
import { joined } from "../../core/body.ts"

async function collect(
  stream: ReadableStream<Uint8Array>,
  max: number,
  refusal: () => Error,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  let total = 0
  for await (const chunk of stream) {
    total += chunk.byteLength
    if (total > max) throw refusal()
    chunks.push(chunk)
  }
  return joined(chunks)
}

const through = (bytes: Uint8Array, transform: CompressionStream | DecompressionStream) =>
  new Response(bytes as BodyInit).body?.pipeThrough(transform as never) as ReadableStream<Uint8Array>

/**
 * gzip of a door.
 * @param max bytes of a message that is unpacked
 * @param refusal what one beyond it is refused with
 */
export function gzipWithin(max: number, refusal: () => ConnectError): Compression {
  return {
    name: "gzip",
    compress: async (bytes) =>
      new Uint8Array(await new Response(through(bytes, new CompressionStream("gzip"))).arrayBuffer()),
    async decompress(bytes) {
      if (bytes.byteLength === 0) return new Uint8Array()
      try {
        return await collect(through(bytes, new DecompressionStream("gzip")), max, refusal)
      } catch (thrown) {
        if (thrown instanceof ConnectError) throw thrown
        throw new ConnectError("The message is not gzip", Code.InvalidArgument)
      }
    },
  }
}
