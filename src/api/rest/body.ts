/** The body of a request: read within its bound, decoded as UTF-8, parsed as JSON. Refuses a body before reading it where its headers suffice. */
import { readBytes } from "../../core/body.ts"
import type { Json } from "../../core/json.ts"
import { parseJson } from "../../core/json-text.ts"
import type { Method } from "../../core/operation.ts"
import { invalid } from "../../core/problem.ts"
import { refuseUnsupported } from "./negotiation.ts"

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** True when the request brings content (RFC 9112 §6: a length, or a transfer coding). */
export function hasContent(request: Request): boolean {
  const length = request.headers.get("content-length")
  return length === null ? request.body !== null : length !== "0"
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
