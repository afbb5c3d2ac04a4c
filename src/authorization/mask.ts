/**
 * Field masks: what a principal may read and write of a record beyond the resource's policy. What is not readable for every row cannot be
 * filtered, sorted, searched or grouped by: its value would leak through the order or the number of rows.
 */
import type { Model, Models } from "../core/model.ts"
import { type Condition, walk } from "../core/policy.ts"
import type { Principal } from "../core/principal.ts"
import { fieldReadable } from "./sql.ts"
import { parameters } from "./statement.ts"

export { fieldReadable, fieldWritable } from "./sql.ts"

/** Readable in every row that the principal may read, in none, or in those that the rule lets through. */
export type Readability = "always" | "never" | "row"

/**
 * What a principal may read of a model's columns, folded before any row is known. Principals of one `principalShape` get the same.
 * @param models for rules that inherit (`can`); without them, such a rule depends on the row
 */
export function foldedReadable(model: Model, principal: Principal, models?: Models): ReadonlyMap<string, Readability> {
  const scope = { models: models ?? new Map<string, Model>(), model, alias: "t", parameters: parameters(), principal }
  const fold = (key: string): Readability => {
    const rule = model.fields[key]?.read
    if (principal.kind !== "system" && rule && !models && needsModels(rule)) return "row"
    const readable = fieldReadable(key, scope)
    return readable === true ? "always" : readable === false ? "never" : "row"
  }
  return new Map([...model.columns.keys()].map((key) => [key, fold(key)]))
}

function needsModels(rule: Condition): boolean {
  return [...walk(rule)].some((node) => node.kind === "can" || node.kind === "member" || node.kind === "shared")
}
