/** What breaks clients is found in every document that tells it; what only adds is let through; what is declared must be true. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { anyone, get, lifecycle, operation, post, signedIn, text } from "selvage"
import { describe, expect, test } from "vitest"
import * as z from "zod"
import { asyncApiBreaks } from "../../scripts/breaking/asyncapi.ts"
import { type Artefact, breaksBetween, declarations, judge } from "../../scripts/breaking/compare.ts"
import { openApiBreaks } from "../../scripts/breaking/openapi.ts"
import { emptyLock } from "../../src/api/grpc/lock.ts"
import { how, library, type Variant, via, where } from "./library.ts"

const first = library({})

/** What breaks from the first library to a variant: `artefact: change`. */
function told(variant: Variant): readonly string[] {
  const { documents } = library(variant, variant.anew ? emptyLock : first.lock)
  return breaksBetween(first.documents, documents).map(({ artefact, change }) => `${artefact}: ${change}`)
}
const artefactsOf = (lines: readonly string[]) => [...new Set(lines.map((line) => line.slice(0, line.indexOf(":"))))]
const all: readonly Artefact[] = [
  "openapi.json",
  "schema.graphql",
  "api.proto",
  "api.wsdl",
  "tools.json",
  "asyncapi.json",
]
/** Those that tell what each operation takes and gives. */
const telling = all.slice(0, 5)

/** Formats of ours are not told to models. */
const inTools = (change: string) => change.replace(" (int32)", "")

test("nothing breaks between a library and itself", () => {
  expect([...first.documents.keys()]).toEqual(all)
  expect(told({})).toEqual([])
})

describe("what breaks is found, where and in which documents", () => {
  test("an operation that is gone, in all", () => {
    const lines = told({ without: ["books.find"] })
    expect(artefactsOf(lines)).toEqual(all)
    expect(lines).toContain("openapi.json: GET /v1/books/find: is gone")
    expect(lines).toContain("schema.graphql: Field Query.booksFind was removed")
    expect(lines).toContain("api.proto: BooksService/Find: is gone")
    expect(lines).toContain("api.wsdl: BooksFind: is gone")
    expect(lines).toContain("tools.json: books_find: is gone")
    expect(lines).toContain("asyncapi.json: CallOperation OperationCall/method: takes books.find no longer")
  })

  test("an input that is required now, in all that can say so", () => {
    const lines = told({ input: { why: z.string() } })
    expect(artefactsOf(lines)).toEqual(["openapi.json", "schema.graphql", "api.wsdl", "tools.json"])
    expect(lines).toContain("openapi.json: POST /v1/books/{id}/loan body/why: is required now")
    expect(lines).toContain("api.wsdl: BooksLend/why: is required now")
    expect(lines).toContain("tools.json: books_lend input/why: is required now")
  })

  test("an input that was optional and is required, also inside of another", () => {
    const lines = told({ input: { note: z.string().max(100).nullable(), to: where({ city: z.string() }).optional() } })
    expect(lines).toContain("openapi.json: POST /v1/books/{id}/loan body/note: is required now")
    expect(lines).toContain("tools.json: books_lend input/to/city: is required now")
  })

  test("an input that is gone", () => {
    const lines = told({ without: ["note"] })
    expect(artefactsOf(lines)).toEqual(telling)
    expect(lines).toContain("api.proto: BooksLendRequest.note: is gone")
    expect(lines).toContain("openapi.json: POST /v1/books/{id}/loan body/note: is gone")
  })

  test.each<[string, z.ZodRawShape, string]>([
    ["another type", { days: z.string() }, "is string instead of integer (int32)"],
    ["a bound that is lower", { days: z.int32().max(10) }, "maximum is 10 instead of 30"],
    ["a text that is shorter", { note: z.string().max(50).nullable().optional() }, "maxLength is 50 instead of 100"],
    ["no null any more", { note: z.string().max(100).optional() }, "takes no null any more"],
    [
      "another pattern",
      {
        code: z
          .string()
          .regex(/^[A-Z]+$/)
          .optional(),
      },
      "has another pattern",
    ],
    ["a value less", { how: how(["hand"]) }, "takes post no longer"],
  ])("an input with %s", (_, input, change) => {
    const [name] = Object.keys(input)
    expect(told({ input, anew: true })).toContain(`openapi.json: POST /v1/books/{id}/loan body/${name}: ${change}`)
    expect(told({ input, anew: true })).toContain(`tools.json: books_lend input/${name}: ${inTools(change)}`)
  })

  test("a way of a union that is taken no longer; one more is let through", () => {
    expect(told({ input: { via: via("air", "road").optional() } })).toContain(
      "openapi.json: POST /v1/books/{id}/loan body/via: takes kind = sea no longer",
    )
    expect(told({ input: { via: via("air", "sea", "road").optional() } })).toEqual([])
  })

  test("a type that changed, in all that tell it", () => {
    expect(artefactsOf(told({ input: { days: z.string() }, anew: true }))).toEqual(telling)
    expect(artefactsOf(told({ output: { count: z.string() }, anew: true }))).toEqual(telling)
  })

  test("an output that is gone, in all", () => {
    const lines = told({ without: ["count"] })
    expect(artefactsOf(lines)).toEqual(telling)
    expect(lines).toContain("openapi.json: POST /v1/books/{id}/loan 200/count: is gone")
    expect(lines).toContain("tools.json: books_lend output/count: is gone")
    expect(lines).toContain("api.wsdl: BooksLendResponse/result/count: is gone")
  })

  test.each<[string, z.ZodRawShape, string]>([
    ["may be absent", { ok: z.boolean().optional() }, "may be absent now"],
    ["may be null", { ok: z.boolean().nullable() }, "may be null now"],
    ["has a value more", { state: z.enum(["out", "in", "lost"]).meta({ id: "State" }) }, "may be lost now"],
    ["may be any text", { state: z.string() }, "may be any text now"],
    ["may be a fraction", { count: z.number() }, "is number instead of integer (int32)"],
  ])("an output that %s", (_, output, change) => {
    const [name] = Object.keys(output)
    expect(told({ output, anew: true })).toContain(`openapi.json: POST /v1/books/{id}/loan 200/${name}: ${change}`)
    expect(told({ output, anew: true })).toContain(`tools.json: books_lend output/${name}: ${inTools(change)}`)
  })

  test("a value of a column less for those who write it, one more for those who read it", () => {
    expect(told({ values: ["here"] })).toContain("openapi.json: POST /v1/books body/state: takes lent no longer")
    expect(told({ values: ["lent", "here", "lost"] })).toContain(
      "openapi.json: GET /v1/books/{id} 200/state: may be lost now",
    )
    expect(told({ values: ["here"] })).toContain("api.proto: BookState.BOOK_STATE_LENT: is gone")
  })

  test("a filter that is gone, in the query string and in GraphQL", () => {
    const lines = told({ filter: [] })
    expect(lines).toContain("openapi.json: GET /v1/books query parameter state: is gone")
    expect(lines).toContain("schema.graphql: Field BookFilter.state was removed")
  })

  test("another place, method or status, and a name in generated clients", () => {
    expect(told({ lend: { rest: post("/loans/{id}") } })).toEqual(["openapi.json: POST /v1/books/{id}/loan: is gone"])
    expect(told({ lend: { rest: post("/books/{id}/loan", 202) } })).toEqual([
      "openapi.json: POST /v1/books/{id}/loan: 200 is answered no longer",
    ])
    expect(told({ lend: { name: "books.borrow" } })).toContain(
      "openapi.json: POST /v1/books/{id}/loan: operationId is books.borrow instead of books.lend",
    )
  })

  test("a credential that is asked for", () => {
    expect(told({ lend: { policy: signedIn() } })).toEqual([
      "openapi.json: POST /v1/books/{id}/loan: asks for a credential now",
    ])
  })

  test("a document that is no longer there", () => {
    const after = new Map([...first.documents].filter(([name]) => name !== "api.proto"))
    expect(breaksBetween(first.documents, after)).toEqual([{ artefact: "api.proto", change: "is gone" }])
  })

  test("an address, a message and what is told at the live side", () => {
    const text = readFileSync(join(import.meta.dirname, "../../src/api/websocket/asyncapi.json"), "utf8")
    const document = JSON.parse(text)
    document.channels.live.address = "/live"
    delete document.operations.WatchStop
    document.operations.TellTaskChanged.messages = []
    delete document.components.messages.WatchEnd.payload.properties.params.properties.message
    const asked = document.components.messages.TasksWatchCall.payload.properties.params
    asked.required = ["filter"]
    expect(asyncApiBreaks(text, JSON.stringify(document))).toEqual([
      "live: is at /live instead of /ws",
      "WatchStop: is gone",
      "TasksWatch TasksWatchCall/params/filter: is required now",
      "TellTaskChanged TaskChanged: is told no longer",
      "TellWatchEnd WatchEnd/params/message: is gone",
    ])
  })

  test("a header, a type of content and a required body of openapi.json", () => {
    const document = (answer: object, body: object) =>
      JSON.stringify({ paths: { "/a": { post: { requestBody: body, responses: { 200: answer } } } } })
    const content = { "application/json": { schema: {} } }
    const before = document({ headers: { Link: {} }, content }, { content })
    expect(openApiBreaks(before, document({ headers: {}, content: {} }, { required: true, content: {} }))).toEqual([
      "POST /a body: is required now",
      "POST /a body: application/json is gone",
      "POST /a 200: the header Link is gone",
      "POST /a 200: application/json is gone",
    ])
  })
})

describe("what only adds is let through", () => {
  const extra = operation("books.count", {
    kind: "query",
    input: z.strictObject({}),
    output: z.object({ count: z.int() }).meta({ id: "BookCount" }),
    policy: anyone(),
    rest: get("/books/count"),
    handle: () => ({ count: 0 }),
  })
  test.each<[string, Variant]>([
    ["an operation", { more: [extra] }],
    ["an optional input", { input: { why: z.string().optional() } }],
    ["an output", { output: { note: z.string() } }],
    ["a value that is taken", { input: { how: how(["post", "hand", "car"]) } }],
    ["an input that need not be given any more", { input: { days: z.int32().max(30).optional() } }],
    ["a wider bound", { input: { days: z.int32().max(60) } }],
    ["a longer text", { input: { note: z.string().max(200).nullable().optional() } }],
    ["no pattern any more", { input: { code: z.string().optional() } }],
    ["an output that always comes", { output: { until: z.iso.date() } }],
    ["a column", { columns: { shelf: text() } }],
    ["a deprecation", { lend: { deprecated: { since: "2026-11-01", sunset: "2027-11-01" } } }],
    [
      "a deprecated property",
      {
        input: {
          code: z
            .string()
            .regex(/^[a-z]+$/)
            .optional()
            .meta(lifecycle({ deprecated: { since: "2026-11-01" } })),
        },
      },
    ],
    ["another sentence", { lend: { summary: "Lend a book" } }],
  ])("%s", (_, variant) => {
    expect(told(variant)).toEqual([])
  })
})

describe("a declaration", () => {
  const gone = { artefact: "tools.json", change: "books_find: is gone" } as const
  const meant = { ...gone, since: "2.0", reason: "Search is better" }

  test("lets exactly its change through", () => {
    const { documents } = library({ without: ["books.find"] }, first.lock)
    const breaks = breaksBetween(first.documents, documents)
    const { undeclared, stale } = judge(breaks, [meant])
    expect(stale).toEqual([])
    expect(undeclared).toHaveLength(breaks.length - 1)
    expect(undeclared).not.toContainEqual(gone)
  })

  test("that breaks nothing is told, also when it is another document's", () => {
    expect(judge([], [meant]).stale).toEqual([meant])
    expect(judge([{ ...gone, artefact: "api.wsdl" }], [meant])).toEqual({
      undeclared: [{ ...gone, artefact: "api.wsdl" }],
      stale: [meant],
    })
  })

  test("has a reason, a version and a document that is compared", () => {
    expect(declarations.safeParse([meant]).success).toBe(true)
    for (const wrong of [{ reason: "" }, { since: "soon" }, { artefact: "readme" }, { extra: 1 }])
      expect(declarations.safeParse([{ ...meant, ...wrong }]).success).toBe(false)
  })
})
