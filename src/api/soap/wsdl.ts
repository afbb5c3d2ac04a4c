/**
 * The WSDL 1.1 of a registry: document/literal, wrapped; one port type, a binding a version of SOAP, types in XML Schema from the shapes. What
 * validates a message by it accepts what decode.ts reads, in the order of the schema.
 */
import { deprecationText } from "../../core/lifecycle.ts"
import type { CompiledOperation, Registry } from "../../core/registry.ts"
import type { Field, Shape } from "../../core/shape.ts"
import { elementName, ncName, typesNamespace } from "./names.ts"
import { escapeXml } from "./xml.ts"

const simple: Readonly<Record<string, string>> = {
  string: "xs:string",
  int32: "xs:int",
  safeint: "xs:long",
  int64: "xs:long",
  double: "xs:double",
  bool: "xs:boolean",
  instant: "xs:dateTime",
  date: "xs:date",
  bytes: "xs:base64Binary",
  json: "xs:string",
}

/** Named types by name, as they are found. */
type Types = Map<string, string>

const documentation = (text: string | undefined) =>
  text === undefined ? "" : `<xs:annotation><xs:documentation>${escapeXml(text)}</xs:documentation></xs:annotation>`

/** An element that was opened, with its documentation inside when there is one. */
function noted(opened: string, name: string, text: string | undefined): string {
  const note = documentation(text)
  return note === "" ? `${opened}/>` : `${opened}>${note}</${name}>`
}

/** What is text here and more elsewhere says so. */
function noteOf(shape: Shape): string | undefined {
  if (shape.type === "json") return [shape.description, "JSON text"].filter(Boolean).join(": ")
  if (shape.type === "instant") return [shape.description, "UTC where it has no zone"].filter(Boolean).join(": ")
  return shape.description
}

/** The name of a shape's type; declares it when it is met first. */
function typeOf(shape: Shape, types: Types): string {
  switch (shape.type) {
    case "object":
      return declared(shape.name, types, () => complex(sequence(shape.fields, types), shape.description))
    case "enum":
      return declared(shape.name, types, (name) => {
        const values = shape.values
          .map((value) =>
            noted(`<xs:enumeration value="${escapeXml(value)}"`, "xs:enumeration", shape.deprecated?.[value]),
          )
          .join("")
        return `<xs:simpleType name="${name}"><xs:restriction base="xs:string">${values}</xs:restriction></xs:simpleType>`
      })
    case "union":
      return declared(shape.name, types, () => {
        const variants = shape.variants.map(
          ({ name, shape: variant }) => `<xs:element name="${ncName0(name)}" type="${typeOf(variant, types)}"/>`,
        )
        return complex(`<xs:choice>${variants.join("")}</xs:choice>`, shape.description)
      })
    case "map": {
      const value = typeOf(shape.value, types)
      return declared(`MapOf ${value.replace(/^\w+:/, "")}`, types, () => {
        const entry = `<xs:element name="key" type="xs:string"/><xs:element name="value" type="${value}" nillable="true"/>`
        const one = `<xs:complexType><xs:sequence>${entry}</xs:sequence></xs:complexType>`
        return complex(
          `<xs:sequence><xs:element name="entry" minOccurs="0" maxOccurs="unbounded">${one}</xs:element></xs:sequence>`,
          undefined,
        )
      })
    }
    case "list": {
      const item = typeOf(shape.item, types)
      return declared(`ListOf ${item.replace(/^\w+:/, "")}`, types, () =>
        complex(
          `<xs:sequence><xs:element name="item" type="${item}" nillable="true" minOccurs="0" maxOccurs="unbounded"/></xs:sequence>`,
          undefined,
        ),
      )
    }
    default:
      return simple[shape.type] as string
  }
}

/** A variant is named by its tag, which is a word already. */
const ncName0 = (name: string) => (/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(name) ? name : ncName(name))

const complex = (content: string, description: string | undefined) =>
  `<xs:complexType name="{}">${documentation(description)}${content}</xs:complexType>`

function declared(label: string, types: Types, write: (name: string) => string): string {
  const name = ncName(label)
  if (!types.has(name)) {
    types.set(name, "")
    types.set(name, write(name).replace('name="{}"', `name="${name}"`))
  }
  return `tns:${name}`
}

function element({ name, shape, required, nullable, deprecated }: Field, types: Types): string {
  const isList = shape.type === "list"
  const type = typeOf(isList ? shape.item : shape, types)
  const times = isList ? ' minOccurs="0" maxOccurs="unbounded"' : required ? "" : ' minOccurs="0"'
  const nil = nullable || (isList && shape.itemNullable) ? ' nillable="true"' : ""
  const notes = [noteOf(isList ? shape.item : shape), deprecated].filter((text) => text !== undefined)
  const note = notes.length === 0 ? undefined : notes.join(". ")
  return noted(`<xs:element name="${name}" type="${type}"${times}${nil}`, "xs:element", note)
}

const sequence = (fields: readonly Field[], types: Types) =>
  `<xs:sequence>${fields.map((field) => element(field, types)).join("")}</xs:sequence>`

const global = (name: string, content: string) =>
  `<xs:element name="${name}"><xs:complexType>${content}</xs:complexType></xs:element>`

function elementsOf(operation: CompiledOperation, types: Types): string {
  const name = elementName(operation.name)
  const input = operation.inputType.shape
  const output = operation.outputType.shape
  const fields = input.type === "object" ? input.fields : []
  const result: Field = { name: "result", shape: output, required: false, nullable: true }
  return (
    global(name, sequence(fields, types)) +
    global(`${name}Response`, `<xs:sequence>${element(result, types)}</xs:sequence>`)
  )
}

const problemElement = global(
  "Problem",
  `<xs:sequence><xs:element name="code" type="xs:string"/><xs:element name="title" type="xs:string"/><xs:element name="detail" type="xs:string"/><xs:element name="requestId" type="xs:string"/><xs:element name="type" type="xs:string" minOccurs="0"/><xs:element name="retryAfter" type="xs:int" minOccurs="0"/><xs:element name="maxAge" type="xs:int" minOccurs="0"/><xs:element name="approval" minOccurs="0"><xs:complexType><xs:sequence><xs:element name="id" type="xs:string"/><xs:element name="page" type="xs:string"/></xs:sequence></xs:complexType></xs:element><xs:element name="violations" minOccurs="0" maxOccurs="unbounded"><xs:complexType><xs:sequence><xs:element name="path" type="xs:string"/><xs:element name="code" type="xs:string"/><xs:element name="message" type="xs:string"/></xs:sequence></xs:complexType></xs:element></xs:sequence>`,
)

/** The operations that SOAP serves: all but subscriptions, for which it has no form. */
export function servedOperations(registry: Registry): readonly CompiledOperation[] {
  return [...registry.operations.values()].filter(({ kind }) => kind !== "subscription")
}

/** The schema of the messages alone, as validators want it. */
export function schemaText(registry: Registry): string {
  const types: Types = new Map()
  const elements = servedOperations(registry).map((operation) => elementsOf(operation, types))
  const headers = '<xs:element name="IdempotencyKey" type="xs:string"/><xs:element name="Bookmark" type="xs:string"/>'
  return `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:tns="${typesNamespace}" targetNamespace="${typesNamespace}" elementFormDefault="qualified">\n${[...types.values(), ...elements, problemElement, headers].join("\n")}\n</xs:schema>`
}

function messageText(name: string): string {
  return `<wsdl:message name="${name}"><wsdl:part name="parameters" element="tns:${name}"/></wsdl:message>`
}

function bindingText(version: "1.1" | "1.2", operations: readonly CompiledOperation[]): string {
  const prefix = version === "1.1" ? "soap" : "soap12"
  const body = `<${prefix}:body use="literal"/>`
  const fault = `<wsdl:fault name="Problem"><${prefix}:fault name="Problem" use="literal"/></wsdl:fault>`
  const served = operations.map(({ name }) => {
    const own = elementName(name)
    return `<wsdl:operation name="${own}"><${prefix}:operation soapAction="${typesNamespace}/${own}" style="document"/><wsdl:input>${body}</wsdl:input><wsdl:output>${body}</wsdl:output>${fault}</wsdl:operation>`
  })
  const name = version === "1.1" ? "Soap11" : "Soap12"
  return `<wsdl:binding name="${name}" type="tns:Api"><${prefix}:binding transport="http://schemas.xmlsoap.org/soap/http" style="document"/>\n${served.join("\n")}\n</wsdl:binding>`
}

/**
 * The document.
 * @param address where the service stands
 */
export function wsdlText(registry: Registry, address: string): string {
  const operations = servedOperations(registry)
  const names = operations.map(({ name }) => elementName(name))
  const port = operations.map(({ summary, deprecated }, n) => {
    const own = names[n] as string
    const life = deprecated && deprecationText(deprecated, elementName)
    const text = [summary, life].filter((one) => one !== undefined).join(". ")
    const note = text === "" ? "" : `<wsdl:documentation>${escapeXml(text)}</wsdl:documentation>`
    return `<wsdl:operation name="${own}">${note}<wsdl:input message="tns:${own}"/><wsdl:output message="tns:${own}Response"/><wsdl:fault name="Problem" message="tns:Problem"/></wsdl:operation>`
  })
  const where = escapeXml(address)
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<wsdl:definitions name="Api" targetNamespace="${typesNamespace}" xmlns:tns="${typesNamespace}" xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:soap12="http://schemas.xmlsoap.org/wsdl/soap12/" xmlns:xs="http://www.w3.org/2001/XMLSchema">`,
    `<wsdl:documentation>${escapeXml(`${registry.title} ${registry.version}`)}</wsdl:documentation>`,
    `<wsdl:types>${schemaText(registry)}</wsdl:types>`,
    ...names.flatMap((name) => [messageText(name), messageText(`${name}Response`)]),
    messageText("Problem"),
    `<wsdl:portType name="Api">\n${port.join("\n")}\n</wsdl:portType>`,
    bindingText("1.1", operations),
    bindingText("1.2", operations),
    `<wsdl:service name="Api"><wsdl:port name="Soap11" binding="tns:Soap11"><soap:address location="${where}"/></wsdl:port><wsdl:port name="Soap12" binding="tns:Soap12"><soap12:address location="${where}"/></wsdl:port></wsdl:service>`,
    "</wsdl:definitions>\n",
  ].join("\n")
}
