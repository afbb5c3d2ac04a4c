/** The body of a form that a page sent: read within its bound, each field once. Refuses other types, and text that is not UTF-8. */
import { invalid, Problem } from "../../core/problem.ts"

/** What was typed, by the name of the field. */
export type Form = ReadonlyMap<string, string>

/** Far above what the fields of a page may hold: a password of 256 characters in percent-encoding has 3 KiB. */
const bytesMax = 16 * 1024

const type = /^application\/x-www-form-urlencoded *(;|$)/i

function tooLarge(): Problem {
  return new Problem("INVALID_ARGUMENT", `A form has at most ${bytesMax} bytes`, { type: "payload-too-large" })
}

function malformed(): Problem {
  return invalid("", "malformed_form", "The form is not UTF-8")
}

async function readBytes(request: Request): Promise<Uint8Array> {
  if (Number(request.headers.get("content-length") ?? 0) > bytesMax) throw tooLarge()
  const bytes = new Uint8Array(bytesMax)
  let total = 0
  // Leaving the loop cancels the stream.
  for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    if (total + chunk.byteLength > bytesMax) throw tooLarge()
    bytes.set(chunk, total)
    total += chunk.byteLength
  }
  return bytes.subarray(0, total)
}

/** Strict: a broken sequence is refused, not replaced, or two passwords could become one. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "))
  } catch {
    throw malformed()
  }
}

/**
 * Reads the form.
 * @throws INVALID_ARGUMENT (payload-too-large, unsupported-media-type, malformed_form, duplicate_field)
 */
export async function readForm(request: Request): Promise<Form> {
  const bytes = await readBytes(request)
  if (bytes.byteLength > 0 && !type.test(request.headers.get("content-type") ?? ""))
    throw new Problem("INVALID_ARGUMENT", "A page takes a form, application/x-www-form-urlencoded", {
      type: "unsupported-media-type",
    })
  let text: string
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw malformed()
  }
  const form = new Map<string, string>()
  for (const part of text.split("&")) {
    if (part === "") continue
    const at = part.includes("=") ? part.indexOf("=") : part.length
    const name = decode(part.slice(0, at))
    if (form.has(name)) throw invalid("", "duplicate_field", "The form has a field twice")
    form.set(name, decode(part.slice(at + 1)))
  }
  return form
}
