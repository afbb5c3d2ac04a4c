/** The bounds that the pages of doors state are those of the source: each table of limits has these rows, in this order, and no others. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { closeCodes, messageBytes } from "../../src/api/graphql/socket-messages.ts"
import { batchMax, frameBytes } from "../../src/api/websocket/decode.ts"
import { limits } from "../../src/core/limits.ts"
import { liveLimits } from "../../src/user/live-ports.ts"

const textOf = (path: string) => readFileSync(join(import.meta.dirname, "../..", path), "utf8")

/** A number that a file keeps to itself, found by what stands before it. */
function numberIn(path: string, before: string): number {
  const [, digits] = new RegExp(`${before}\\s*([\\d_]+(?: \\* [\\d_]+)*)`).exec(textOf(path)) ?? []
  if (digits === undefined) throw new Error(`${path} has no number behind ${before}`)
  return digits.split(" * ").reduce((product, one) => product * Number(one.replaceAll("_", "")), 1)
}

const count = (number: number) => number.toLocaleString("en-US")
const bytes = (number: number) => (number >= 1024 ** 2 ? `${number / 1024 ** 2} MiB` : `${number / 1024} KiB`)
const seconds = (milliseconds: number) => `${milliseconds / 1000} s`

const documents = "src/api/graphql/documents.ts"
const socket = "src/api/graphql/socket.ts"
const xml = "src/api/soap/xml.ts"
const seat = "src/user/live-seat.ts"

const rows: Readonly<Record<string, readonly (readonly [what: string, figure: string])[]>> = {
  "docs/graphql.md": [
    ["body", bytes(limits.bodyBytes)],
    ["depth of JSON", count(limits.jsonDepth)],
    ["tokens of a document", count(numberIn(documents, "tokensMax ="))],
    ["fields that nest", count(numberIn(documents, "depthMax ="))],
    ["root fields, aliases included", count(numberIn(documents, "rootFieldsMax ="))],
    ["relations that nest", count(limits.expandDepthMax)],
    ["records of a page, and of a relation", count(limits.pageSizeMax)],
    ["the same when `first` is left out", count(limits.pageSizeDefault)],
    ["records that a field could touch at worst, page by relations", count(limits.planCostMax)],
    ["terms of a filter", count(limits.filterTermsMax)],
    ["filters that nest", count(numberIn("src/core/selection.ts", "at\\.depth >"))],
    ["values of `in`", count(limits.filterListMax)],
    ["fields of `sort`", count(limits.sortFieldsMax)],
    ["`totalCount`", count(limits.countMax)],
    ["records of a batch", count(limits.batchRecordsMax)],
    [
      "records of an answer whose relations are read behind it",
      count(numberIn("src/api/graphql/records.ts", "recordsMax =")),
    ],
    ["message over a WebSocket", bytes(messageBytes)],
    ["operations of a WebSocket at a time", count(numberIn("src/api/graphql/socket-operations.ts", "operationsMax ="))],
    ["until `connection_init`", seconds(numberIn(socket, "initialisationMs ="))],
    ["messages at once over a WebSocket", count(numberIn(socket, "const burst ="))],
    ["messages a second over a WebSocket, for long", count(numberIn(socket, "const perSecond ="))],
  ],
  "docs/grpc.md": [
    ["message, unpacked", bytes(limits.bodyBytes)],
    ["deadline", seconds(numberIn("src/api/grpc/index.ts", "maxTimeoutMs:"))],
    ["records of a page", count(limits.pageSizeMax)],
    ["message through the native bridge", bytes(numberIn("scripts/grpc-bridge.ts", "messageBytesMax ="))],
  ],
  "docs/soap.md": [
    ["message", bytes(limits.bodyBytes)],
    ["elements that nest, the envelope's among them", count(numberIn(xml, "depthMax ="))],
    ["elements", count(numberIn(xml, "elementsMax ="))],
    ["attributes of an element", count(numberIn(xml, "attributesMax ="))],
    ["records of a page", count(limits.pageSizeMax)],
  ],
  "docs/live.md": [
    ["frame", bytes(frameBytes)],
    ["depth of JSON", count(limits.jsonDepth)],
    ["calls of a batch", count(batchMax)],
    ["calls at once, those of batches and watches among them", count(numberIn(seat, "const burst = \\{ calls:"))],
    ["calls a second, for long", count(numberIn(seat, "const perSecond = \\{ calls:"))],
    ["frames that are no calls", count(liveLimits.garbageMax)],
  ],
}

test.each(Object.keys(rows))("%s", (page) => {
  const [, table = ""] = /^\| Bound \| Figure \|.*\n.*\n((?:\|.*\n)+)/m.exec(textOf(page)) ?? []
  const stated = [...table.matchAll(/^\| (.*?) \| (.*?) \|/gm)].map(([, what, figure]) => [what, figure])
  expect(stated).toEqual(rows[page])
})

test("the numbers that stand in sentences", () => {
  const graphql = textOf("docs/graphql.md")
  expect(graphql).toContain(`Behind ${numberIn(documents, "maxErrors:")} faults`)
  expect(graphql).toContain(`stays ${numberIn("src/server/queries.ts", "keepSeconds =") / 86_400} days`)
  expect(graphql).toContain(`closed with ${closeCodes.initialisationTimeout}`)
  expect(limits.idempotencySeconds).toBe(86_400)
  expect(textOf("docs/grpc.md")).toContain(`--port ${numberIn("scripts/grpc-bridge.ts", "values.port \\?\\?")}`)
})
