/**
 * From what D1 throws to what a caller may know. Unique violations name fields that the caller gave and may read, never the other row;
 * everything else is a sentence without SQL, names of tables or parameters. The cause stays for the operator's log.
 */
import { fieldReadable } from "../authorization/sql.ts"
import { parameters } from "../authorization/statement.ts"
import type { Model, Models } from "../core/model.ts"
import type { Rehearsed } from "../core/ports.ts"
import type { Principal } from "../core/principal.ts"
import { Problem, type Violation } from "../core/problem.ts"

/** What a failed statement says, in our words. */
export type Fault =
  | { readonly kind: "guard"; readonly name: string }
  | { readonly kind: "unique" | "notNull"; readonly table: string; readonly columns: readonly string[] }
  | { readonly kind: "check" | "foreignKey" | "tooBig" | "unavailable" | "unknown" }

const unavailable =
  /network connection lost|object to be reset|reset because its code|overloaded|too many requests queued|internal error; reference|storage operation exceeded|timed? ?out/i

/** Reads the text of what D1 threw. */
export function faultOf(thrown: unknown): Fault {
  const text = thrown instanceof Error ? thrown.message : String(thrown)
  const guard = /\bguard:[a-z]+(?::[\w.-]+)?/.exec(text)
  if (guard && text.includes("SQLITE_CONSTRAINT_TRIGGER")) return { kind: "guard", name: guard[0] }
  const named = /(UNIQUE|NOT NULL) constraint failed: (.*?)(?:: SQLITE_|$)/.exec(text)
  if (named) {
    const names = (named[2] ?? "").split(", ").map((name) => name.split("."))
    const table = names[0]?.length === 2 ? (names[0][0] as string) : ""
    const columns = table === "" ? [] : names.map((name) => name[1] ?? "")
    return { kind: named[1] === "UNIQUE" ? "unique" : "notNull", table, columns }
  }
  if (text.includes("FOREIGN KEY constraint failed")) return { kind: "foreignKey" }
  if (text.includes("CHECK constraint failed") || text.includes("SQLITE_MISMATCH")) return { kind: "check" }
  if (text.includes("SQLITE_TOOBIG") || text.includes("string or blob too big")) return { kind: "tooBig" }
  return { kind: unavailable.test(text) ? "unavailable" : "unknown" }
}

/** What a rehearsal would have written, from the guard at its end; null when something else has ended the batch. */
export function rehearsedIn(thrown: unknown): Rehearsed["records"] | null {
  const fault = faultOf(thrown)
  const [, kind, list = ""] = fault.kind === "guard" ? fault.name.split(":") : []
  if (kind !== "rehearsed") return null
  return list.split("-").flatMap((one) => {
    const [resource, change, count] = one.split(".")
    return resource && change ? [{ resource, change, count: Number(count) }] : []
  })
}

/** What the caller gave, for naming its own fields in a conflict. */
export interface Given {
  readonly principal: Principal
  /** JSON pointer of a field that a write of this table gave; null when none did, or when more than one could be meant. */
  pathOf(model: Model, key: string): string | null
}

function modelOfTable(models: Models, table: string): Model | undefined {
  for (const model of models.values()) if (model.table === table) return model
  return undefined
}

/** The columns of a fault that may be named to the caller, with their paths. */
function nameable(
  models: Models,
  model: Model,
  columns: readonly string[],
  given: Given,
): { key: string; path: string }[] {
  const named: { key: string; path: string }[] = []
  for (const column of model.columns.values()) {
    if (!columns.includes(column.name)) continue
    const scope = { models, model, alias: model.table, parameters: parameters(), principal: given.principal }
    const path = fieldReadable(column.key, scope) === true ? given.pathOf(model, column.key) : null
    if (path !== null) named.push({ key: column.key, path })
  }
  // The tenant is where the record is, not what collides there.
  const others = named.filter(({ key }) => key !== model.tenant)
  return others.length > 0 ? others : named
}

function unique(
  fault: Extract<Fault, { table: string }>,
  models: Models,
  given: Given | undefined,
  cause: unknown,
): Problem {
  const model = modelOfTable(models, fault.table)
  if (!model && fault.table !== "") return new Problem("INTERNAL", "Something went wrong on our side", { cause })
  const fields = model && given ? nameable(models, model, fault.columns, given) : []
  const violations = fields.map(
    ({ key, path }): Violation => ({ path, code: "already_exists", message: `This ${key} is taken` }),
  )
  return new Problem(
    "ALREADY_EXISTS",
    "A record with these values exists already",
    violations.length > 0 ? { violations, cause } : { cause },
  )
}

function missing(
  fault: Extract<Fault, { table: string }>,
  models: Models,
  given: Given | undefined,
  cause: unknown,
): Problem {
  const model = modelOfTable(models, fault.table)
  const column = model && [...model.columns.values()].find((candidate) => fault.columns.includes(candidate.name))
  if (!model || !column) return new Problem("INTERNAL", "Something went wrong on our side", { cause })
  const stamp = model.fields[column.key]?.stamp
  if (stamp?.from === "parent") {
    const path = given?.pathOf(model, stamp.column)
    const violations = path ? [{ path, code: "unknown_reference", message: `${stamp.column} names no record` }] : []
    return new Problem("FAILED_PRECONDITION", "A record that this one refers to does not exist", { violations, cause })
  }
  if (stamp) return new Problem("FAILED_PRECONDITION", "The caller has no such fact to record", { cause })
  const scope = {
    models,
    model,
    alias: model.table,
    parameters: parameters(),
    principal: given?.principal ?? { kind: "anonymous" as const },
  }
  if (fieldReadable(column.key, scope) !== true)
    return new Problem("INVALID_ARGUMENT", "A required value is missing", { cause })
  const path = given?.pathOf(model, column.key) ?? `/${column.key}`
  return new Problem("INVALID_ARGUMENT", `${column.key} is required`, {
    violations: [{ path, code: "required", message: `${column.key} is required` }],
    cause,
  })
}

/**
 * A thrown value of D1 as a problem: unique -> ALREADY_EXISTS, NOT NULL and CHECK -> INVALID_ARGUMENT, foreign key -> FAILED_PRECONDITION,
 * a lost connection or an overload -> UNAVAILABLE, the rest INTERNAL. A `Problem` passes unchanged.
 * @param given what the caller wrote; without it no field is named
 */
export function databaseProblem(thrown: unknown, models: Models, given?: Given): Problem {
  if (thrown instanceof Problem) return thrown
  const fault = faultOf(thrown)
  const cause = thrown
  switch (fault.kind) {
    case "unique":
      return unique(fault, models, given, cause)
    case "notNull":
      return missing(fault, models, given, cause)
    case "check":
      return new Problem("INVALID_ARGUMENT", "A value is not one that the record may hold", { cause })
    case "foreignKey":
      return new Problem(
        "FAILED_PRECONDITION",
        "A record that this one refers to does not exist, or others still refer to it",
        { cause },
      )
    case "tooBig":
      return new Problem("INVALID_ARGUMENT", "The record is too large to store", { cause })
    case "unavailable":
      return new Problem("UNAVAILABLE", "The database does not answer; try again", { retryAfterSeconds: 1, cause })
    default:
      return new Problem("INTERNAL", "Something went wrong on our side", { cause })
  }
}
