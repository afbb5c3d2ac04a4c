/** The eight operations that a resource has without a handler being written: list, get, create, update, delete, aggregate, batch, watch. */
import * as z from "zod"
import type { JsonObject } from "./json.ts"
import type { Lifecycle } from "./lifecycle.ts"
import { limits } from "./limits.ts"
import type { Model } from "./model.ts"
import type { Operation, RestBinding } from "./operation.ts"
import type { StandardVerb } from "./resource.ts"
import { schemasOf } from "./schema.ts"
import { typeName } from "./type-name.ts"

const names = z.array(z.string().max(100)).max(100)
const tree = z.record(z.string().max(100), z.unknown())
const version = z.int().min(1).describe("The version that the record must have")

const reading = { fields: names.optional(), expand: tree.optional() }

/** Input of a list, the same for every resource; fields and filters are checked against the resource by `core/selection.ts`. */
export const listInput = z.strictObject({
  ...reading,
  filter: tree.optional(),
  sort: names.optional(),
  limit: z.int().min(1).max(limits.pageSizeMax).optional(),
  cursor: z.string().max(4096).optional(),
  count: z.boolean().optional(),
  q: z.string().min(1).max(200).optional(),
})

/** Input of an aggregate. */
export const aggregateInput = z.strictObject({
  filter: tree.optional(),
  q: z.string().min(1).max(200).optional(),
  count: z.boolean().optional(),
  sum: names.optional(),
  avg: names.optional(),
  min: names.optional(),
  max: names.optional(),
  groupBy: names.max(3).optional(),
  limit: z.int().min(1).max(limits.groupsMax).optional(),
})

/** Input of a watch; `after` is the sequence of the last event that the caller knows of. */
export const watchInput = z.strictObject({
  fields: names.optional(),
  filter: tree.optional(),
  id: z.string().max(100).optional().describe("The one record to watch"),
  after: z
    .int()
    .min(0)
    .optional()
    .describe("Resumes behind this sequence, which an earlier watch told; from the start when it is too old"),
})

/** One group of an aggregate's answer: the group's fields, and a figure a field under each function. */
const figures = z.record(z.string(), z.unknown())
const aggregateGroup = z
  .object({
    group: figures.optional(),
    count: z.int().optional(),
    sum: figures.optional(),
    avg: figures.optional(),
    min: figures.optional(),
    max: figures.optional(),
  })
  .meta({ id: "AggregateGroup" })
const aggregateOutput = z.object({ groups: z.array(aggregateGroup) }).meta({ id: "Aggregate" })

/** What `delete` answers. */
const deletedOutput = z.object({ id: z.string() }).meta({ id: "Deleted" })

function batchRecord(model: Model) {
  const { create, update } = schemasOf(model)
  const name = typeName(model)
  const id = schemasOf(model).column("id")
  return z
    .discriminatedUnion("op", [
      z.strictObject({ op: z.literal("create"), values: create }).meta({ id: `${name}BatchCreate` }),
      z
        .strictObject({ op: z.literal("update"), id, patch: update, version: version.optional() })
        .meta({ id: `${name}BatchUpdate` }),
      z.strictObject({ op: z.literal("delete"), id, version: version.optional() }).meta({ id: `${name}BatchDelete` }),
    ])
    .meta({ id: `${name}BatchRecord` })
}

type Parts = Pick<Operation, "kind" | "input" | "output" | "summary"> & {
  readonly action: "read" | "create" | "update" | "delete"
  readonly rest: RestBinding
}

function watchParts(model: Model): Parts {
  return {
    kind: "subscription",
    action: "read",
    summary: `Follow ${model.name}: what there is, and then every change`,
    input: watchInput,
    output: schemasOf(model).record,
    rest: { method: "GET", path: `/${model.name}/watch` },
  }
}

function parts(model: Model, verb: StandardVerb): Parts {
  const { record, create, update } = schemasOf(model)
  const id = schemasOf(model).column("id")
  const name = typeName(model)
  const path = `/${model.name}`
  const own = `${path}/{id}`
  const page = z.object({
    items: z.array(record),
    nextCursor: z.string().nullable(),
    count: z.int().optional(),
    countCapped: z.boolean().optional(),
  })
  switch (verb) {
    case "list":
      return {
        kind: "query",
        action: "read",
        summary: `List ${model.name}`,
        input: listInput,
        output: page.meta({ id: `${name}Page` }),
        rest: { method: "GET", path },
      }
    case "get":
      return {
        kind: "query",
        action: "read",
        summary: `Get one of ${model.name}`,
        input: z.strictObject({ id, ...reading }),
        output: record,
        rest: { method: "GET", path: own },
      }
    case "create":
      return {
        kind: "mutation",
        action: "create",
        summary: `Create one of ${model.name}`,
        input: create,
        output: record,
        rest: { method: "POST", path, status: 201 },
      }
    case "update":
      return {
        kind: "mutation",
        action: "update",
        summary: `Change one of ${model.name}`,
        input: z.strictObject({ id, patch: update, version: version.optional() }),
        output: record,
        rest: { method: "PATCH", path: own, body: "patch" },
      }
    case "delete":
      return {
        kind: "mutation",
        action: "delete",
        summary: `Delete one of ${model.name}`,
        input: z.strictObject({ id, version: version.optional() }),
        output: deletedOutput,
        rest: { method: "DELETE", path: own, status: 204 },
      }
    case "aggregate":
      return {
        kind: "query",
        action: "read",
        summary: `Figures over ${model.name}`,
        input: aggregateInput,
        output: aggregateOutput,
        rest: { method: "GET", path: `${path}/aggregate` },
      }
    case "batch":
      return {
        kind: "mutation",
        action: "update",
        summary: `Create, change and delete up to ${limits.batchRecordsMax} of ${model.name}, all or none`,
        input: z.strictObject({ records: z.array(batchRecord(model)).min(1).max(limits.batchRecordsMax) }),
        output: z.object({ records: z.array(record.nullable()) }).meta({ id: `${name}Batch` }),
        rest: { method: "POST", path: `${path}/batch` },
      }
    case "watch":
      return watchParts(model)
  }
}

/** The life of a resource is that of its operations; what replaces one is the same verb of the other resource. */
function lifeOf({ since, deprecated }: Lifecycle, verb: StandardVerb): Lifecycle {
  const replacement = deprecated?.replacement
  return {
    ...(since === undefined ? {} : { since }),
    ...(deprecated === undefined
      ? {}
      : { deprecated: replacement ? { ...deprecated, replacement: `${replacement}.${verb}` } : deprecated }),
  }
}

/** The operation that the engine writes for one verb of a resource. */
export function standardOperation(model: Model, verb: StandardVerb): Operation {
  const { action, ...rest } = parts(model, verb)
  return {
    name: `${model.name}.${verb}`,
    ...lifeOf(model.resource, verb),
    ...rest,
    policy: { kind: "on", resource: model.name, action, idFrom: "id" },
    standard: { verb, resource: model.name },
  }
}

/** Rights that a batch asks for: those of the kinds of records in it. */
export function batchActions(input: JsonObject): ReadonlySet<"create" | "update" | "delete"> {
  const records = (input.records ?? []) as readonly { readonly op: "create" | "update" | "delete" }[]
  return new Set(records.map((record) => record.op))
}
