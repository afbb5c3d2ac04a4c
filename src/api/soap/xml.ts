/**
 * XML as a small tree: namespace-aware and strict (XML 1.0 5th ed., Namespaces in XML 1.0). Refuses a DOCTYPE, and with it every entity of a
 * document's own, processing instructions, and documents that are deep, wide or long beyond what a call can be.
 */
import { SaxesParser } from "saxes"
import { invalid } from "../../core/problem.ts"

/** One element. Text is all character data directly inside it, joined. */
export interface Element {
  /** Namespace name; empty for none. */
  readonly namespace: string
  readonly local: string
  /** Values by `{namespace}local`; of no namespace by `local`. Namespace declarations are not among them. */
  readonly attributes: ReadonlyMap<string, string>
  readonly children: Element[]
  text: string
}

const depthMax = 32
const elementsMax = 20_000
const attributesMax = 32

function malformed(message: string): never {
  throw invalid("", "malformed_xml", message)
}

const xmlns = "http://www.w3.org/2000/xmlns/"

/**
 * Parses a document.
 * @throws Problem INVALID_ARGUMENT (malformed_xml) for what is not well-formed or beyond the bounds
 */
export function parseXml(text: string): Element {
  const parser = new SaxesParser({ xmlns: true, position: false })
  const open: Element[] = []
  let root: Element | null = null
  let count = 0
  const addText = (more: string) => {
    const top = open.at(-1)
    if (top) top.text += more
  }
  parser.on("error", (fault) => malformed(`The document is not well-formed: ${fault.message.slice(0, 200)}`))
  parser.on("doctype", () => malformed("A message has no DOCTYPE (SOAP 1.2 §5)"))
  parser.on("processinginstruction", () => malformed("A message has no processing instructions (SOAP 1.2 §5)"))
  parser.on("text", addText)
  parser.on("cdata", addText)
  parser.on("opentag", (tag) => {
    if (++count > elementsMax) malformed(`A message has at most ${elementsMax} elements`)
    if (open.length >= depthMax) malformed(`Elements nest at most ${depthMax} deep`)
    const found = Object.values(tag.attributes)
    if (found.length > attributesMax) malformed(`An element has at most ${attributesMax} attributes`)
    const attributes = new Map<string, string>()
    for (const { uri, local, value } of found)
      if (uri !== xmlns) attributes.set(uri === "" ? local : `{${uri}}${local}`, value)
    const element: Element = { namespace: tag.uri, local: tag.local, attributes, children: [], text: "" }
    const parent = open.at(-1)
    if (parent) parent.children.push(element)
    else root = element
    open.push(element)
  })
  parser.on("closetag", () => void open.pop())
  parser.write(text).close()
  if (root === null) malformed("The document is empty")
  return root
}

/** What XML 1.0 §2.2 has no character for: most control characters, lone surrogates and two others. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const unspeakable = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  // A parser turns these into a line feed or a space unless they are written as references (XML 1.0 §2.11, §3.3.3).
  "\r": "&#13;",
}

/** Text for an element or an attribute. What XML cannot carry becomes U+FFFD. */
export function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(unspeakable, "\ufffd")
    .replaceAll(/[&<>"\r]/g, (one) => escapes[one] as string)
}
