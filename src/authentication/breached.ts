/**
 * Whether a password is known from breaches, by Have I Been Pwned's range search: five characters of a SHA-1 leave the Worker, the answer is
 * padded, and the rest is compared here. Unreachable, slow, oversized or malformed is null, not known: it neither accepts nor refuses for us.
 */
import { hexOf } from "./token.ts"

/** The outbound port: a bounded fetch. Leaves no trace of the address in a log, since the prefix stands in it. */
export type RangeFetch = (
  url: string,
  init: { readonly headers: Readonly<Record<string, string>>; readonly signal: AbortSignal },
) => Promise<Response>

const rangeUrl = "https://api.pwnedpasswords.com/range/"
const patienceMs = 2000
/** A padded answer has 800 to 1,000 lines of at most 46 bytes; the real ones grow slowly. */
const answerBytesMax = 256 * 1024
const lineForm = /^([0-9A-F]{35}):(\d{1,12})$/

async function readBounded(response: Response): Promise<string | null> {
  if (response.body === null) return null
  const reader = response.body.getReader()
  const decoder = new TextDecoder()
  let text = ""
  let size = 0
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    size += part.value.length
    if (size > answerBytesMax) {
      await reader.cancel()
      return null
    }
    text += decoder.decode(part.value, { stream: true })
  }
  return text
}

function countIn(text: string, suffix: string): number | null {
  let count = 0
  let lines = 0
  for (const line of text.split(/\r?\n/)) {
    if (line === "") continue
    const [, rest, times] = lineForm.exec(line) ?? []
    if (rest === undefined) return null
    lines++
    if (rest === suffix) count = Number(times)
  }
  return lines === 0 ? null : count
}

/**
 * How often a password was seen in breaches.
 * @param text the password as it is hashed, see `normalisePassword`
 * @returns 0 when never; null when it could not be found out within two seconds
 */
export async function countBreaches(text: string, fetchRange: RangeFetch): Promise<number | null> {
  const digest = hexOf(
    new Uint8Array(await crypto.subtle.digest("SHA-1", new TextEncoder().encode(text))),
  ).toUpperCase()
  try {
    const response = await fetchRange(`${rangeUrl}${digest.slice(0, 5)}`, {
      headers: { "Add-Padding": "true", "User-Agent": "selvage" },
      signal: AbortSignal.timeout(patienceMs),
    })
    if (response.status !== 200) {
      await response.body?.cancel()
      return null
    }
    const answer = await readBounded(response)
    return answer === null ? null : countIn(answer, digest.slice(5))
  } catch {
    return null
  }
}
