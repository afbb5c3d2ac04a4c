/** What operations, fields and values are called in Protocol Buffers (developers.google.com, "Style guide"). */
import type { CompiledOperation } from "../../core/registry.ts"
import { pascal, typeName, wordsOf } from "../../core/type-name.ts"

/** `TaskStatus`, `in_progress` -> `TASK_STATUS_IN_PROGRESS`; without a value `TASK_STATUS_UNSPECIFIED`. */
export function enumValueName(type: string, value: string | null): string {
  return [...wordsOf(type), ...(value === null ? ["unspecified"] : wordsOf(value))].join("_").toUpperCase()
}

/** A message's name: shapes without one are named by where they stand, with spaces and dots. */
export function messageName(text: string): string {
  return wordsOf(text).map(pascal).join("")
}

/** `tasks.complete` -> `TasksService`. */
export function serviceName(operation: Pick<CompiledOperation, "name">): string {
  return `${messageName(operation.name.split(".")[0] ?? "")}Service`
}

/** The standard verbs as services call them: `ListTasks`, `GetTask`; others by their own verb: `Complete`. */
export function methodName({ name, standard, model }: CompiledOperation): string {
  const [noun = "", verb = ""] = name.split(".")
  if (!standard || !model) return pascal(verb)
  const isMany =
    standard.verb === "list" || standard.verb === "aggregate" || standard.verb === "batch" || standard.verb === "watch"
  return pascal(standard.verb) + (isMany ? messageName(noun) : typeName(model))
}
