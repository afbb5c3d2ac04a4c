/**
 * Resolves names over HTTPS (RFC 8484's JSON form, as Cloudflare and Google serve it): a Worker has no resolver of its own that it could ask
 * before it calls. Refuses answers that it cannot read.
 */
import * as z from "zod"
import { Problem } from "../core/problem.ts"

/** Every address that a name has, IPv4 and IPv6; none when it does not exist. */
export type Resolve = (name: string, signal: AbortSignal) => Promise<readonly string[]>

const resolverUrl = "https://cloudflare-dns.com/dns-query"
/** Types of records (RFC 1035 §3.2.2, RFC 3596 §2.1): what else stands in an answer are the names on the way. */
const types = { A: 1, AAAA: 28 } as const
/** RFC 1035 §4.1.1. */
const noError = 0
const noSuchName = 3

const answer = z.object({
  Status: z.int(),
  Answer: z.array(z.object({ type: z.int(), data: z.string() })).optional(),
})

/**
 * Makes a resolver.
 * @throws Problem UNAVAILABLE when it cannot tell
 */
export function dnsOverHttps(fetch: (url: string, init: RequestInit) => Promise<Response>): Resolve {
  const ask = async (name: string, type: keyof typeof types, signal: AbortSignal): Promise<readonly string[]> => {
    const url = `${resolverUrl}?name=${encodeURIComponent(name)}&type=${type}`
    const response = await fetch(url, { headers: { Accept: "application/dns-json" }, redirect: "manual", signal })
    const parsed = response.ok ? answer.safeParse(await response.json()) : null
    const status = parsed?.data?.Status
    if (!parsed?.success || (status !== noError && status !== noSuchName))
      throw new Problem("UNAVAILABLE", `The name ${name} could not be resolved`, {
        cause: `${response.status} ${status}`,
      })
    return (parsed.data.Answer ?? []).filter((record) => record.type === types[type]).map((record) => record.data)
  }
  return async (name, signal) => (await Promise.all([ask(name, "A", signal), ask(name, "AAAA", signal)])).flat()
}
