/** Fields, arguments and values that are deprecated, in every document that is generated: each in the words of its protocol, and nothing else marked. */

import { printSchema, validateSchema } from "graphql"
import {
  anyone,
  app,
  enumeration,
  index,
  lifecycle,
  operation,
  type Policy,
  post,
  record,
  resource,
  sqliteTable,
  text,
} from "selvage"
import { describe, expect, test } from "vitest"
import * as z from "zod"
import { schemaOf } from "../../src/api/graphql/schema.ts"
import { descriptorSetOf, fileOf } from "../../src/api/grpc/descriptors.ts"
import { emptyLock, extended } from "../../src/api/grpc/lock.ts"
import { describe as described } from "../../src/api/grpc/messages.ts"
import { protoText } from "../../src/api/grpc/proto.ts"
import { toolOf } from "../../src/api/mcp/tools.ts"
import { openApiDocument } from "../../src/api/rest/openapi.ts"
import { wsdlText } from "../../src/api/soap/wsdl.ts"
import { buildRegistry } from "../../src/core/registry.ts"

const since = "2026-11-01"
const policy: Policy = { read: anyone(), create: anyone(), update: anyone(), delete: anyone() }
const table = sqliteTable(
  "ver_books",
  { ...record("book"), name: text().notNull(), title: text(), state: enumeration(["lent", "lost", "here"]) },
  (t) => [index("ver_b").on(t.createdAt), index("ver_c").on(t.name)],
)
const books = resource("books", {
  table,
  tenant: "none",
  policy,
  filter: ["name"],
  fields: {
    name: { deprecated: { since, sunset: "2027-06-30", replacement: "title" } },
    title: { since: "1.2" },
    state: { values: { lost: { deprecated: { since, reason: "It is found." } } } },
  },
})
const lend = operation("books.lend", {
  kind: "mutation",
  input: z.strictObject({
    id: z.string().meta(lifecycle({ deprecated: { since } })),
    until: z
      .string()
      .optional()
      .meta(lifecycle({ deprecated: { since, replacement: "due" } })),
    due: z.string().optional(),
  }),
  output: z.object({ ok: z.boolean().meta({ deprecated: true }) }).meta({ id: "Lent" }),
  policy: anyone(),
  rest: post("/books/{id}/loan"),
  handle: () => ({ ok: true }),
})

const registry = buildRegistry(app({ title: "Library", resources: [books], operations: [lend] }), { eager: true })
const nameText = "Deprecated since 2026-11-01, goes away on 2027-06-30: use title."
const lostText = "Deprecated since 2026-11-01. It is found."

describe("openapi.json", () => {
  // biome-ignore lint/suspicious/noExplicitAny: a document
  const { components, paths } = openApiDocument(registry) as any

  test("marks properties, with the days as extensions", () => {
    const { name, title, state } = components.schemas.Book.properties
    expect(name).toMatchObject({
      deprecated: true,
      "x-sunset": "2027-06-30",
      "x-replacement": "title",
      "x-deprecation": nameText,
    })
    expect(title).toMatchObject({ "x-since": "1.2" })
    expect(title).not.toHaveProperty("deprecated")
    expect(state).not.toHaveProperty("deprecated")
    expect(components.schemas.BookState["x-enum-deprecated"]).toEqual({ lost: lostText })
    expect(components.schemas.BookCreate.properties.name).toMatchObject({ deprecated: true })
  })

  test("marks parameters and filters", () => {
    expect(paths["/v1/books/{id}/loan"].post.parameters[0]).toMatchObject({ name: "id", deprecated: true })
    expect(components.parameters["Book.name.contains"]).toMatchObject({ deprecated: true })
  })
})

describe("schema.graphql", () => {
  const schema = schemaOf(registry)
  const text = printSchema(schema)

  test("is valid, and marks fields, arguments, input fields and values", () => {
    expect(validateSchema(schema)).toEqual([])
    const reason = (said: string) => `@deprecated(reason: "${said}")`
    expect(text).toContain(`name: String ${reason(nameText)}`)
    expect(text).toContain(`LOST ${reason(lostText)}`)
    expect(text).toContain(`until: String ${reason("Deprecated since 2026-11-01: use due.")}`)
    expect(text).toContain(`ok: Boolean! ${reason("Deprecated.")}`)
    expect(text).toContain(`name: StringFilter ${reason(nameText)}`)
    expect(text).toMatch(/input BookUpdateInput \{[^}]*name: String @deprecated/)
  })

  test("says of an argument that has to be given in its description, since such a one cannot be marked", () => {
    expect(text).toMatch(/"""Deprecated since 2026-11-01\."""\s+id: String!/)
    expect(text).not.toMatch(/id: String! @deprecated/)
  })
})

describe("api.proto and its descriptors", () => {
  const description = described(registry)
  const lock = extended(emptyLock, description)
  const file = fileOf(description, lock)
  const marked = (message: string) =>
    file.messageType
      .find(({ name }) => name === message)
      ?.field.flatMap(({ name, options }) => (options?.deprecated ? [name] : []))

  test("mark fields and values", () => {
    expect(protoText(description, lock)).toMatch(/optional string name = \d+ \[deprecated = true\];/)
    expect(protoText(description, lock)).toMatch(/BOOK_STATE_LOST = \d+ \[deprecated = true\];/)
    expect(marked("Book")).toEqual(["name"])
    expect(marked("BooksLendRequest")).toEqual(["id", "until"])
    expect(marked("Lent")).toEqual(["ok"])
    const values = file.enumType.find(({ name }) => name === "BookState")?.value ?? []
    expect(values.flatMap(({ name, options }) => (options?.deprecated ? [name] : []))).toEqual(["BOOK_STATE_LOST"])
    expect(descriptorSetOf(file).file.at(-1)).toBe(file)
  })
})

test("api.wsdl says it in annotations", () => {
  const text = wsdlText(registry, "https://x.test/soap")
  expect(text).toContain(
    `<xs:element name="name" type="xs:string" minOccurs="0"><xs:annotation><xs:documentation>${nameText}<`,
  )
  expect(text).toContain(`<xs:enumeration value="lost"><xs:annotation><xs:documentation>${lostText}<`)
  expect(text).toContain('<xs:enumeration value="lent"/>')
})

test("tools.json says it in descriptions, with no key that JSON Schema does not know", () => {
  const operation = registry.operations.get("books.create")
  if (!operation) throw new Error("no such operation")
  const tool = toolOf("books_create", operation)
  expect((tool.inputSchema.properties as Record<string, unknown>).name).toMatchObject({
    deprecated: true,
    description: nameText,
  })
  expect(JSON.stringify(tool)).not.toMatch(/"x-(since|sunset|deprecation|replacement|enum-deprecated)"/)
})
