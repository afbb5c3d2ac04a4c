/** The envelope: its version, what its header asks for, and the one element of its body (SOAP 1.1 §4, SOAP 1.2 part 1 §5). */
import { invalid, Problem } from "../../core/problem.ts"
import { typesNamespace } from "./names.ts"
import { type Element, escapeXml, parseXml } from "./xml.ts"

/** What differs between the two versions. */
export interface Version {
  readonly name: "1.1" | "1.2"
  readonly namespace: string
  readonly contentType: string
}

export const soap11: Version = {
  name: "1.1",
  namespace: "http://schemas.xmlsoap.org/soap/envelope/",
  contentType: "text/xml",
}
export const soap12: Version = {
  name: "1.2",
  namespace: "http://www.w3.org/2003/05/soap-envelope",
  contentType: "application/soap+xml",
}

/** A fault of the envelope itself, which has a code of its own in SOAP. */
export class EnvelopeProblem extends Problem {
  readonly fault: "VersionMismatch" | "MustUnderstand"

  constructor(fault: EnvelopeProblem["fault"], message: string) {
    super("INVALID_ARGUMENT", message)
    this.fault = fault
  }
}

/** A call as it stands in an envelope. */
export interface Envelope {
  readonly version: Version
  /** The element of the body: the call. */
  readonly call: Element
  /** Of our own header elements, by local name. */
  readonly header: ReadonlyMap<string, string>
}

/** The header elements that are ours: for clients that cannot set the headers of HTTP. */
const understood: ReadonlySet<string> = new Set(["IdempotencyKey", "Bookmark"])

function headerOf(header: Element | undefined, version: Version): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const block of header?.children ?? []) {
    if (block.namespace === typesNamespace && understood.has(block.local)) {
      found.set(block.local, block.text.trim())
      continue
    }
    const must = block.attributes.get(`{${version.namespace}}mustUnderstand`)?.trim()
    if (must === "1" || must === "true")
      throw new EnvelopeProblem("MustUnderstand", `The header ${block.local.slice(0, 100)} is not understood here`)
  }
  return found
}

/**
 * Reads an envelope.
 * @param spoken the version that the content type says
 * @throws Problem INVALID_ARGUMENT; EnvelopeProblem
 */
export function readEnvelope(text: string, spoken: Version): Envelope {
  const root = parseXml(text)
  if (root.local !== "Envelope" || root.namespace !== spoken.namespace) {
    const other = root.local === "Envelope" && root.namespace !== ""
    if (other)
      throw new EnvelopeProblem("VersionMismatch", `With ${spoken.contentType} an envelope is of SOAP ${spoken.name}`)
    throw invalid("", "malformed_xml", `The root of a message is an Envelope of ${spoken.namespace}`)
  }
  const parts = root.children.filter(({ namespace }) => namespace === spoken.namespace)
  const body = parts.find(({ local }) => local === "Body")
  const [call, ...others] = body?.children ?? []
  if (!call || others.length > 0) throw invalid("", "malformed_xml", "The body of a message has one element: the call")
  return {
    version: spoken,
    call,
    header: headerOf(
      parts.find(({ local }) => local === "Header"),
      spoken,
    ),
  }
}

/** The version that a content type says; null for another type. */
export function versionOf(contentType: string | null): Version | null {
  const type = contentType?.split(";")[0]?.trim().toLowerCase()
  return [soap11, soap12].find((one) => one.contentType === type) ?? null
}

/** An envelope around what is XML already. */
export function enveloped(version: Version, body: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<soap:Envelope xmlns:soap="${escapeXml(version.namespace)}"><soap:Body>${body}</soap:Body></soap:Envelope>`
}
