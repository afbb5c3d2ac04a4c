/**
 * Calls to somebody else's HTTP interface: for jobs and webhooks, which are given addresses by people who may mean harm. Bounded in time and in
 * the size of the answer; refuses redirects, other protocols, and whatever leads to this machine or a private network.
 *
 * A name is resolved here and again by the runtime when it calls, so a name whose answers change in between is not caught by this alone; on
 * Cloudflare the runtime itself reaches public addresses only.
 */
import { unless } from "../core/deadline.ts"
import { Problem } from "../core/problem.ts"
import { type Reach, reachOf, reachOfName } from "./address.ts"
import type { Resolve } from "./resolve.ts"

/** The world of outbound calls. */
export interface OutboundPorts {
  fetch(url: string, init: RequestInit): Promise<Response>
  readonly resolve: Resolve
  /** Addresses of this machine may be called: local trials alone. */
  readonly loopback: boolean
}

/** What may be said of a call beside what `fetch` takes. `redirect` is ours. */
export interface OutboundInit extends RequestInit {
  /** For the whole call, resolving and the body of the answer included; default 10,000. */
  readonly timeoutMs?: number
  /** Cuts the body of the answer there, bytes, for whom its beginning is enough. Left out: a body that is too large is refused. */
  readonly cutAt?: number
  /** From how many bytes on a body is too large; default 1 MiB. */
  readonly atMost?: number
}

const timeoutMsDefault = 10_000
const answerBytesMax = 1024 * 1024
/** Statuses whose answer has no body (Fetch, "null body status"). */
const bodiless = new Set([101, 204, 205, 304])

/**
 * Makes the one way out.
 * @returns calls an address; the answer's body is read already. Throws Problem INVALID_ARGUMENT for what is no address of the web,
 *   PERMISSION_DENIED for a private address or a redirect, OUT_OF_RANGE for an answer that is too large, DEADLINE_EXCEEDED, UNAVAILABLE
 */
export function outboundFetch(ports: OutboundPorts): (url: string, init?: OutboundInit) => Promise<Response> {
  return async (text, { timeoutMs = timeoutMsDefault, cutAt, atMost = answerBytesMax, signal, ...init } = {}) => {
    const url = addressOf(text)
    const deadline = AbortSignal.timeout(timeoutMs)
    const over = signal ? AbortSignal.any([deadline, signal]) : deadline
    try {
      await unless(over, refusePrivate(ports, url, over))
      const response = await unless(over, ports.fetch(url.href, { ...init, redirect: "manual", signal: over }))
      return await bounded(response, over, cutAt ?? atMost, cutAt !== undefined)
    } catch (fault) {
      throw told(fault, deadline, signal)
    }
  }
}

function addressOf(text: string): URL {
  const url = URL.parse(text)
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:"))
    throw new Problem("INVALID_ARGUMENT", "The address is none of the web (http, https)")
  if (url.username !== "" || url.password !== "")
    throw new Problem("INVALID_ARGUMENT", "The address holds a user name or password; send them in a header")
  return url
}

async function refusePrivate(
  { resolve, loopback }: OutboundPorts,
  { hostname }: URL,
  signal: AbortSignal,
): Promise<void> {
  const refuse = (reach: Reach) => {
    if (reach === "public" || (loopback && reach === "loopback")) return
    throw new Problem("PERMISSION_DENIED", "The address leads to a private network or to this machine")
  }
  const literal = reachOf(hostname)
  const reach = literal ?? reachOfName(hostname)
  refuse(reach)
  if (literal !== null || reach === "loopback") return
  const addresses = await resolve(hostname.replace(/\.$/, ""), signal)
  if (addresses.length === 0) throw new Problem("UNAVAILABLE", "The name of the address does not exist")
  // One private address among public ones is enough to be led there. A name in the place of an address is none of ours to trust.
  for (const address of addresses) refuse(reachOf(address) ?? "private")
}

async function bounded(response: Response, signal: AbortSignal, max: number, cut: boolean): Promise<Response> {
  const { status, statusText } = response
  if (status >= 300 && status < 400 && status !== 304) {
    await response.body?.cancel()
    throw new Problem("PERMISSION_DENIED", "The address answers with a redirect, and none is followed")
  }
  const body = await firstBytes(response, signal, max, cut)
  const headers = new Headers(response.headers)
  // Of the body as it travelled; it is unpacked now, and cut perhaps.
  for (const name of ["content-encoding", "content-length", "transfer-encoding"]) headers.delete(name)
  return new Response(bodiless.has(status) ? null : body, { status, statusText, headers })
}

async function firstBytes({ body }: Response, signal: AbortSignal, max: number, cut: boolean): Promise<Uint8Array> {
  if (body === null) return new Uint8Array()
  const reader = body.getReader()
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for (;;) {
      const { done, value } = await unless(signal, reader.read())
      if (done) break
      chunks.push(size + value.length > max ? value.subarray(0, max - size) : value)
      size += value.length
      if (size <= max) continue
      if (!cut) throw new Problem("OUT_OF_RANGE", `The answer is larger than ${max} bytes`)
      break
    }
  } finally {
    // Whoever sends more than was read is told so; that he is gone already is no fault of ours.
    reader.cancel().catch(() => undefined)
  }
  const whole = new Uint8Array(Math.min(size, max))
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}

function told(fault: unknown, deadline: AbortSignal, signal: AbortSignal | null | undefined): unknown {
  if (fault instanceof Problem) return fault
  if (signal?.aborted)
    return signal.reason instanceof Problem
      ? signal.reason
      : new Problem("CANCELLED", "The call was given up", { cause: fault })
  if (deadline.aborted) return new Problem("DEADLINE_EXCEEDED", "The address did not answer in time", { cause: fault })
  return new Problem("UNAVAILABLE", "The address did not answer", { cause: fault })
}
