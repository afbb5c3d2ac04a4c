/** Documents that are the same for everybody (OpenAPI, key sets, later SDL and WSDL): their text with a tag of its content, and the answer to whoever asks. */
import { isUnchanged } from "./entity-tag.ts"
import { securityHeaders } from "./security-headers.ts"

/** A document. */
export interface StaticDocument {
  readonly text: string
  /** Its entity tag: of the content, so that every isolate has the same. */
  readonly tag: string
}

/**
 * Keeps a document in an isolate.
 * @param write its text; asked for each time, so that one that changes (a key set) is seen to
 * @param hash SHA-256 of text, hex
 */
export function documentKeeper(
  write: () => string | Promise<string>,
  hash: (text: string) => Promise<string>,
): () => Promise<StaticDocument> {
  let kept: StaticDocument | null = null
  return async () => {
    const text = await write()
    if (kept?.text === text) return kept
    const made = { text, tag: `"${(await hash(text)).slice(0, 32)}"` }
    kept = made
    return made
  }
}

/** What `write` gives, written when it is first asked for. */
export function writtenOnce(write: () => string): () => string {
  let text: string | null = null
  return () => (text ??= write())
}

/**
 * The answer to GET and HEAD.
 * @param options.cacheControl how long whoever is on the way may keep it (RFC 9111 §5.2)
 */
export function documentAnswer(
  request: Request,
  { text, tag }: StaticDocument,
  options: { readonly type: string; readonly cacheControl: string },
): Response {
  const headers = new Headers({ ...securityHeaders, "Cache-Control": options.cacheControl, ETag: tag })
  if (isUnchanged(request.headers.get("if-none-match"), tag)) return new Response(null, { status: 304, headers })
  headers.set("Content-Type", options.type)
  return new Response(request.method === "HEAD" ? null : text, { headers })
}

/**
 * A document that stands at an address of its own beside a door: made when it is first asked for, asked for again each time it is used.
 * @param hash SHA-256 of text, hex
 * @returns the answer; to methods other than GET and HEAD 405 (RFC 9110 §15.5.6)
 */
export function documentAt(
  type: string,
  write: () => string,
  hash: (text: string) => Promise<string>,
): (request: Request) => Promise<Response> {
  const document = documentKeeper(writtenOnce(write), hash)
  return async (request) => {
    if (request.method === "GET" || request.method === "HEAD")
      return documentAnswer(request, await document(), { type, cacheControl: "no-cache" })
    return new Response(null, { status: 405, headers: { ...securityHeaders, Allow: "GET, HEAD" } })
  }
}
