/**
 * Client ID metadata documents (draft-ietf-oauth-client-id-metadata-document): a client is named by the https address at which it describes itself,
 * so nobody has to register it. The address comes from whoever opened the page, so it is called as any other that strangers name: public hosts
 * alone, bounded, no redirects. Refuses what is no such document, in words that its author can act on.
 */
import * as z from "zod"
import type { Outbound } from "../../core/job.ts"
import { Problem } from "../../core/problem.ts"

/** A document that was found good, as the OAuth provider keeps clients. */
export interface ClientDocument {
  readonly record: {
    readonly clientId: string
    readonly clientName: string
    readonly redirectUris: readonly string[]
    readonly grantTypes: readonly string[]
    readonly responseTypes: readonly string[]
    readonly tokenEndpointAuthMethod: "none"
  }
  /** How long it may be kept. */
  readonly keepSeconds: number
}

const bytesMax = 5 * 1024
const timeoutMs = 5000
const keepLeast = 300
const keepMost = 86_400
const json = /^application\/([\w.-]+\+)?json *(;|$)/i

const form = z.looseObject({
  client_id: z.string(),
  client_name: z.string().trim().min(1).max(100),
  redirect_uris: z.array(z.string().min(1).max(500)).min(1).max(20),
  grant_types: z.array(z.string()).optional(),
  response_types: z.array(z.string()).optional(),
  token_endpoint_auth_method: z.string().optional(),
  token_endpoint_auth_methods_supported: z.array(z.string()).optional(),
  client_secret: z.undefined().optional(),
})

/** True for a `client_id` that is the address of a document; another is the id of a registered client. */
export function isDocumentAddress(clientId: string): boolean {
  return /^https?:/i.test(clientId)
}

function refuse(why: string, cause?: unknown): never {
  throw new Problem("INVALID_ARGUMENT", `The program's description cannot be used: ${why}`, {
    violations: [{ path: "/client_id", code: "invalid_client", message: why }],
    ...(cause === undefined ? {} : { cause }),
  })
}

/** §3 of the draft: https, a path, no fragment, no user name, no dot segments; written as a URL is written, so that it is compared as text. */
function checkAddress(clientId: string): void {
  const url = URL.parse(clientId)
  const isGood =
    url !== null &&
    clientId.length <= 500 &&
    url.protocol === "https:" &&
    url.pathname !== "/" &&
    url.username === "" &&
    url.password === "" &&
    !clientId.includes("#") &&
    url.href === clientId
  if (!isGood) refuse("its address is https, with a path, and without user name, fragment or dot segments")
}

function keepSecondsOf(headers: Headers): number {
  const control = headers.get("cache-control") ?? ""
  if (/\b(no-store|no-cache)\b/i.test(control)) return 0
  const age = /\bmax-age=(\d{1,9})/i.exec(control)?.[1]
  return Math.min(keepMost, Math.max(keepLeast, Number(age ?? 0)))
}

function parsed(clientId: string, text: string): ClientDocument["record"] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return refuse("it is not JSON")
  }
  const found = form.safeParse(value)
  if (!found.success) {
    const [issue] = found.error.issues
    return refuse(`${issue?.path.join(".") || "the document"}: ${issue?.message ?? "is not as it must be"}`)
  }
  const { data } = found
  if (data.client_id !== clientId) refuse("its client_id is not the address at which it stands")
  const methods = data.token_endpoint_auth_methods_supported ?? [data.token_endpoint_auth_method ?? "none"]
  if (!methods.includes("none")) refuse('it must be able to do without a secret (token_endpoint_auth_method "none")')
  if (!(data.grant_types ?? ["authorization_code"]).includes("authorization_code"))
    refuse("its grant_types lack authorization_code")
  if (!(data.response_types ?? ["code"]).includes("code")) refuse("its response_types lack code")
  return {
    clientId,
    clientName: data.client_name,
    redirectUris: data.redirect_uris,
    grantTypes: ["authorization_code", "refresh_token"],
    responseTypes: ["code"],
    tokenEndpointAuthMethod: "none",
  }
}

/**
 * Fetches and checks a document.
 * @throws Problem INVALID_ARGUMENT with what is wrong with it; the cause for the operator where it could not be had at all
 */
export async function fetchDocument(fetch: Outbound["fetch"], clientId: string): Promise<ClientDocument> {
  checkAddress(clientId)
  let answer: Response
  try {
    answer = await fetch(clientId, { headers: { Accept: "application/json" }, timeoutMs, cutAt: bytesMax + 1 })
  } catch (cause) {
    return refuse("it could not be fetched", cause)
  }
  if (answer.status !== 200) refuse(`its address answers ${answer.status}`)
  if (!json.test(answer.headers.get("content-type") ?? "")) refuse("its address does not answer with JSON")
  const bytes = await answer.arrayBuffer()
  if (bytes.byteLength > bytesMax) refuse(`it is larger than ${bytesMax} bytes`)
  let text: string
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return refuse("it is not UTF-8")
  }
  return { record: parsed(clientId, text), keepSeconds: keepSecondsOf(answer.headers) }
}
