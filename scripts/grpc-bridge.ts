/**
 * `npm run grpc:bridge`: native gRPC on this machine, spoken to the Worker as gRPC-Web. Workers see no trailers of HTTP/2, so native clients need
 * something between; the frames are the same, so nothing is read but their lengths. `--target http://localhost:8787`, `--port 50051` (a free one
 * with 0). Unary calls and server streams; a client that streams is heard to its end first. For development: it listens on 127.0.0.1, without TLS.
 */
import {
  createServer,
  type Http2Server,
  constants as h2,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2"
import type { AddressInfo } from "node:net"
import { parseArgs } from "node:util"
import { run } from "./local.ts"

/** How to bridge. */
export interface Bridging {
  /** Origin of the Worker. */
  readonly target: string
  /** 0: a free one. */
  readonly port: number
}

/** What gRPC's own transport says, or what the next hop says anew. */
const hopByHop = /^(:.*|te|connection|host|content-length|transfer-encoding|user-agent|grpc-accept-encoding)$/

const messageBytesMax = 4 * 1024 * 1024
const trailerFlag = 0x80

/** gRPC's code for an HTTP status that gRPC did not send (grpc.io, "HTTP to gRPC Status Code Mapping"). */
const codeOfStatus: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
}

function sentHeaders(headers: IncomingHttpHeaders): [string, string][] {
  const kept = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    hopByHop.test(name) || value === undefined ? [] : [[name, String(value)]],
  )
  const type = String(headers["content-type"]).replace(/^application\/grpc(\+proto)?$/, "application/grpc-web+proto")
  return [
    ...kept.filter(([name]) => name !== "content-type"),
    ["content-type", type],
    ["x-grpc-web", "1"],
    ["x-user-agent", String(headers["user-agent"] ?? "grpc-bridge")],
  ]
}

async function bodyOf(stream: ServerHttp2Stream): Promise<Buffer | null> {
  const chunks: Buffer[] = []
  let total = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    total += chunk.length
    if (total > messageBytesMax) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** The trailers of gRPC-Web are the last frame, as lines of HTTP/1. */
function trailersIn(frame: Buffer): Record<string, string> {
  const lines = frame.toString("utf8").split("\r\n").filter(Boolean)
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  )
}

/** Ends a call with headers alone ("Trailers-Only"). */
function refuse(stream: ServerHttp2Stream, code: number, message: string): void {
  if (stream.headersSent || stream.destroyed) return void stream.close(h2.NGHTTP2_INTERNAL_ERROR)
  const status = { "grpc-status": String(code), "grpc-message": encodeURIComponent(message) }
  stream.respond({ ":status": 200, "content-type": "application/grpc+proto", ...status }, { endStream: true })
}

/** Passes frames on as they come; keeps the last one, which is the trailers. */
async function passFrames(answer: Response, stream: ServerHttp2Stream): Promise<Record<string, string>> {
  let rest = Buffer.alloc(0)
  let trailers: Record<string, string> = {}
  for await (const chunk of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
      const end = 5 + rest.readUInt32BE(1)
      const frame = rest.subarray(0, end)
      rest = rest.subarray(end)
      if ((frame[0] ?? 0) & trailerFlag) trailers = trailersIn(frame.subarray(5))
      else if (!stream.write(frame)) await new Promise((resolve) => stream.once("drain", resolve))
    }
  }
  return trailers
}

async function bridge(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, target: string): Promise<void> {
  if (!/^application\/grpc(\+proto|\+json)?$/.test(String(headers["content-type"])))
    return void stream.respond({ ":status": 415 }, { endStream: true })
  const body = await bodyOf(stream)
  if (body === null) return refuse(stream, 8, `A message has at most ${messageBytesMax} bytes here`)
  const leaving = new AbortController()
  stream.once("close", () => leaving.abort())
  const answer = await fetch(target + headers[":path"], {
    method: "POST",
    headers: sentHeaders(headers),
    body: body as BodyInit,
    signal: leaving.signal,
  })
  const told = Object.fromEntries(
    [...answer.headers].filter(([name]) => !hopByHop.test(name) && name !== "content-type"),
  )
  const early = answer.headers.get("grpc-status")
  if (early !== null || !answer.ok) {
    await answer.body?.cancel()
    const code = early ?? String(codeOfStatus[answer.status] ?? 2)
    const status = { "grpc-status": code, "grpc-message": told["grpc-message"] ?? `HTTP ${answer.status}` }
    return void stream.respond(
      { ...told, ":status": 200, "content-type": "application/grpc+proto", ...status },
      { endStream: true },
    )
  }
  stream.respond({ ...told, ":status": 200, "content-type": "application/grpc+proto" }, { waitForTrailers: true })
  let trailers: Record<string, string> = { "grpc-status": "14", "grpc-message": "The answer broke off" }
  stream.once("wantTrailers", () => stream.sendTrailers(trailers))
  const found = await passFrames(answer, stream)
  if (found["grpc-status"] !== undefined) trailers = found
  stream.end()
}

/**
 * Listens on 127.0.0.1.
 * @returns the server and its address, when it is there
 * @throws Error when the port is taken
 */
export async function startBridge({ target, port }: Bridging): Promise<{ server: Http2Server; url: string }> {
  const server = createServer()
  server.on("stream", (stream, headers) => {
    stream.on("error", () => undefined)
    bridge(stream, headers, target).catch((fault) => {
      if (!stream.destroyed)
        refuse(stream, 14, `${target} cannot be reached: ${fault instanceof Error ? fault.message : fault}`)
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject)
    server.listen(port, "127.0.0.1", resolve)
  })
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

/** The command. */
export async function bridgeGrpc(): Promise<void> {
  const { values } = parseArgs({
    options: { target: { type: "string" }, port: { type: "string" }, project: { type: "string" } },
  })
  const target = new URL(values.target ?? "http://localhost:8787").origin
  const { url } = await startBridge({ target, port: Number(values.port ?? 50_051) })
  console.log(`Native gRPC at ${new URL(url).host} (plaintext), spoken as gRPC-Web to ${target}. Ctrl-C ends it.`)
}

if (import.meta.main) await run(bridgeGrpc)
