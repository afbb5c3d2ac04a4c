/** Messages as a client of SOAP writes them, and what it reads of the answers. */
import { type Element, parseXml } from "../../src/api/soap/xml.ts"
import type { Actor } from "../support/actors.ts"
import { call } from "../support/calls.ts"

export const soap11 = { type: "text/xml; charset=utf-8", namespace: "http://schemas.xmlsoap.org/soap/envelope/" }
export const soap12 = {
  type: "application/soap+xml; charset=utf-8",
  namespace: "http://www.w3.org/2003/05/soap-envelope",
}

/** An answer, parsed. */
export interface Told {
  readonly status: number
  readonly text: string
  readonly headers: Headers
  /** The element in the body. */
  readonly body: Element
}

/** The children of that name, in order. */
export function all(element: Element, local: string): readonly Element[] {
  return element.children.filter((child) => child.local === local)
}

/** The element at a path of local names, the first of each; throws when there is none. */
export function at(element: Element, path: string): Element {
  return path.split("/").reduce((found, local) => {
    const next = all(found, local)[0]
    if (!next) throw new Error(`No ${path} in ${element.local}`)
    return next
  }, element)
}

/** Sends text as it is. */
export async function send(
  actor: Pick<Actor, "token"> | null,
  body: string | Uint8Array,
  { type }: { readonly type: string } = soap11,
  headers: Readonly<Record<string, string>> = {},
): Promise<Told> {
  const answer = await call(actor, "POST /soap", { body, headers: { "Content-Type": type, ...headers } })
  const root = parseXml(answer.body)
  const body0 = at(root, "Body").children[0]
  if (!body0) throw new Error("The body of the answer is empty")
  return { status: answer.status, text: answer.body, headers: answer.headers, body: body0 }
}

/** An envelope around a call. */
export function envelope(call: string, version = soap11, header = ""): string {
  const head = header === "" ? "" : `<e:Header>${header}</e:Header>`
  return `<e:Envelope xmlns:e="${version.namespace}" xmlns:t="urn:selvage:v1" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">${head}<e:Body>${call}</e:Body></e:Envelope>`
}

/** The code of the problem in a fault, in either version. */
export function codeOf(told: Told): string {
  const detail = all(told.body, "detail")[0] ?? at(told.body, "Detail")
  return at(detail, "Problem/code").text
}

/** The faults that it names: `/title too_long`. */
export function violationsOf(told: Told): string[] {
  const detail = all(told.body, "detail")[0] ?? at(told.body, "Detail")
  return all(at(detail, "Problem"), "violations").map((one) => `${at(one, "path").text} ${at(one, "code").text}`)
}
