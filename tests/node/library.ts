/** A small library in variants: what its documents say, and where they differ. */
import {
  type Application,
  anyone,
  app,
  enumeration,
  get,
  index,
  type Operation,
  operation,
  type Policy,
  post,
  record,
  resource,
  sqliteTable,
  text,
} from "selvage"
import * as z from "zod"
import { documentsOf } from "../../scripts/breaking/documents.ts"
import { emptyLock, extended } from "../../src/api/grpc/lock.ts"
import { describe as described } from "../../src/api/grpc/messages.ts"
import { buildRegistry } from "../../src/core/registry.ts"

const policy: Policy = { read: anyone(), create: anyone(), update: anyone(), delete: anyone() }

/** What a variant of the library has otherwise than the first. */
export interface Variant {
  readonly input?: z.ZodRawShape
  readonly output?: z.ZodRawShape
  readonly without?: readonly string[]
  readonly lend?: Partial<Operation>
  readonly more?: readonly Operation[]
  readonly values?: readonly [string, ...string[]]
  readonly columns?: object
  readonly filter?: readonly string[]
  readonly versions?: Application["versions"]
  /** With numbers of its own in Protocol Buffers: the lock of the first refuses another type under a number. */
  readonly anew?: true
}

export const how = (values: readonly [string, ...string[]]) =>
  z.enum(values as [string, ...string[]]).meta({ id: "How" })
export const where = (more: z.ZodRawShape = {}) => z.strictObject({ street: z.string(), ...more }).meta({ id: "Where" })

/** How a book travels, by the ways that there are. */
export const via = (...kinds: readonly string[]) =>
  z
    .discriminatedUnion(
      "kind",
      kinds.map((kind) =>
        z.strictObject({ kind: z.literal(kind), line: z.string() }).meta({ id: `Via${kind}` }),
      ) as never,
    )
    .meta({ id: "Via" })

const firstInput: z.ZodRawShape = {
  id: z.string(),
  days: z.int32().max(30),
  how: how(["post", "hand"]),
  note: z.string().max(100).nullable().optional(),
  to: where().optional(),
  via: via("air", "sea").optional(),
  code: z
    .string()
    .regex(/^[a-z]+$/)
    .optional(),
}
const firstOutput: z.ZodRawShape = {
  ok: z.boolean(),
  until: z.iso.date().optional(),
  state: z.enum(["out", "in"]).meta({ id: "State" }),
  count: z.int32(),
}

const without = (shape: z.ZodRawShape, names: readonly string[] = []) =>
  Object.fromEntries(Object.entries(shape).filter(([name]) => !names.includes(name)))

/** The documents of a library. Its numbers in Protocol Buffers go on from the first one's. */
export function library(variant: Variant, before = emptyLock) {
  const { input, output, lend, more = [], values = ["lent", "here"], columns = {}, filter = ["state"] } = variant
  const table = sqliteTable(
    "brk_books",
    { ...record("book"), title: text({ length: 100 }).notNull(), state: enumeration(values), ...columns },
    (t) => [index("brk_1").on(t.createdAt), index("brk_2").on(t.state, t.createdAt)],
  )
  const books = resource("books", {
    table,
    tenant: "none",
    policy,
    filter: filter as never,
    operations: ["get", "list", "create", "update"],
  })
  const lending = operation("books.lend", {
    kind: "mutation",
    input: z.strictObject(without({ ...firstInput, ...input }, variant.without)),
    output: z.object(without({ ...firstOutput, ...output }, variant.without)).meta({ id: "Lent" }),
    policy: anyone(),
    rest: post("/books/{id}/loan"),
    handle: () => ({}) as never,
  })
  const find = operation("books.find", {
    kind: "query",
    input: z.strictObject({ words: z.string() }),
    output: z.object({ title: z.string() }).meta({ id: "Hit" }),
    policy: anyone(),
    rest: get("/books/find"),
    handle: () => ({}) as never,
  })
  const operations = [{ ...lending, ...lend }, find, ...more].filter(({ name }) => !variant.without?.includes(name))
  const declared = app({
    title: "Library",
    resources: [books],
    operations,
    ...(variant.versions ? { versions: variant.versions } : {}),
  })
  const engine = { operations: [] }
  const lock = extended(before, described(buildRegistry(declared, { engine })))
  return { lock, documents: documentsOf(buildRegistry({ ...declared, protoLock: lock }, { engine, eager: true })) }
}
