/** What a change of api.wsdl breaks. Its types are read as JSON Schemas, so that they are judged as the other documents' are. */
import { type Element, parseXml } from "../../src/api/soap/xml.ts"
import { type Follow, type Node, schemaBreaks } from "./schema.ts"

const childrenOf = (element: Element, local: string) => element.children.filter((child) => child.local === local)
const firstOf = (element: Element, local: string) => childrenOf(element, local)[0]
const read = (element: Element, name: string) => element.attributes.get(name)

/** `tns:Task` as a reference, `xs:string` as the name of a type. */
function typeNode(type: string): Node {
  return type.startsWith("tns:") ? { $ref: type.slice(4) } : { type }
}

function elementNode(element: Element): Node {
  const inner = firstOf(element, "complexType")
  const one = inner ? contentNode(inner) : typeNode(read(element, "type") ?? "")
  const value = read(element, "nillable") === "true" ? { anyOf: [one, { type: "null" }] } : one
  return read(element, "maxOccurs") === "unbounded" ? { type: "array", items: value } : value
}

function contentNode(type: Element): Node {
  const choice = firstOf(type, "choice")
  if (choice)
    return {
      oneOf: childrenOf(choice, "element").map((one) => ({
        type: "object",
        properties: { [read(one, "name") ?? ""]: { ...elementNode(one) }, tag: { const: read(one, "name") } },
      })),
    }
  const elements = childrenOf(firstOf(type, "sequence") ?? type, "element")
  const required = elements.filter((one) => read(one, "minOccurs") !== "0").map((one) => read(one, "name") ?? "")
  return {
    type: "object",
    properties: Object.fromEntries(elements.map((one) => [read(one, "name") ?? "", elementNode(one)])),
    required,
  }
}

function simpleNode(type: Element): Node {
  const restriction = firstOf(type, "restriction")
  return { type: "string", enum: childrenOf(restriction ?? type, "enumeration").map((one) => read(one, "value")) }
}

/** What a document declares: types, elements of messages, operations. */
interface Declared {
  readonly follow: Follow
  readonly elements: ReadonlyMap<string, Node>
  readonly operations: readonly string[]
  readonly namespace: string
}

function declaredIn(text: string): Declared {
  const root = parseXml(text)
  const schema = firstOf(firstOf(root, "types") ?? root, "schema") ?? root
  const named = (local: string, nodeOf: (element: Element) => Node) =>
    childrenOf(schema, local).map((one) => [read(one, "name") ?? "", nodeOf(one)] as const)
  const types = new Map([...named("complexType", contentNode), ...named("simpleType", simpleNode)])
  const port = firstOf(root, "portType")
  return {
    follow: (name) => types.get(name) ?? {},
    elements: new Map(named("element", elementNode)),
    operations: (port ? childrenOf(port, "operation") : []).map((one) => read(one, "name") ?? ""),
    namespace: read(root, "targetNamespace") ?? "",
  }
}

/** What breaks between two descriptions, as text. */
export function wsdlBreaks(before: string, after: string): readonly string[] {
  const [old, now] = [declaredIn(before), declaredIn(after)]
  if (old.namespace !== now.namespace) return [`the namespace ${old.namespace}: is ${now.namespace}`]
  const between = (name: string, direction: "input" | "output", at: string) =>
    schemaBreaks(
      old.elements.get(name) ?? {},
      now.elements.get(name) ?? {},
      { direction, before: old.follow, after: now.follow },
      at,
    )
  return old.operations.flatMap((name) =>
    now.operations.includes(name)
      ? [...between(name, "input", name), ...between(`${name}Response`, "output", `${name}Response`)]
      : [`${name}: is gone`],
  )
}
