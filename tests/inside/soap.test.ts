/** The values of the parity suite through SOAP, with the door's own writer and reader at the other end: what goes out is what comes in. */
import { describe, expect, test } from "vitest"
import { decodeCall } from "../../src/api/soap/decode.ts"
import { elementText } from "../../src/api/soap/encode.ts"
import { elementName, typesNamespace } from "../../src/api/soap/names.ts"
import { type Element, parseXml } from "../../src/api/soap/xml.ts"
import type { Json } from "../../src/core/json.ts"
import type { CompiledOperation } from "../../src/core/registry.ts"
import { application } from "../parity/application.ts"
import { normal } from "../parity/doors/normal.ts"
import { valueRows } from "../parity/rows-values.ts"
import { newActor } from "../support/actors.ts"
import { serving } from "../support/serving.ts"

const isolate = serving({}, application)
const rows = valueRows.filter(({ operation }) => operation === "echo.values" || operation === "echo.fail")

const inner = (element: Element, ...path: readonly string[]): Element | undefined =>
  path.reduce<Element | undefined>((at, name) => at?.children.find(({ local }) => local === name), element)

describe.each(["text/xml", "application/soap+xml"])("%s", (type) => {
  test.each(rows.map((row) => [row.name, row] as const))("%s", async (_, row) => {
    const operation = isolate.registry.operations.get(row.operation) as CompiledOperation
    const ada = await newActor("Ada")
    const name = elementName(operation.name)
    const called = elementText(name, operation.inputType.shape, row.input as Json)
    const space =
      type === "text/xml" ? "http://schemas.xmlsoap.org/soap/envelope/" : "http://www.w3.org/2003/05/soap-envelope"
    const nil = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    const body = `<e:Envelope xmlns:e="${space}"><e:Body>${called.replace(`<${name}`, `<${name} xmlns="${typesNamespace}" ${nil}`)}</e:Body></e:Envelope>`
    const headers = { "Content-Type": type, Authorization: `Bearer ${ada.token}` }
    const answer = await isolate.fetch(new Request("http://selvage.test/soap", { method: "POST", headers, body }))
    const told = parseXml(await answer.text())
    const response = inner(told, "Body", `${name}Response`, "result")
    if (response) {
      const { shape } = operation.outputType
      expect(normal(shape, decodeCall(shape, response))).toEqual(normal(shape, row.value as Json))
    } else {
      const problem =
        inner(told, "Body", "Fault", "detail", "Problem") ?? inner(told, "Body", "Fault", "Detail", "Problem")
      expect(problem && inner(problem, "code")?.text).toBe(row.code)
    }
  })
})
