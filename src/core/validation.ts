/** Input as a caller sent it, against a schema: every fault with its path, nothing lost. */
import type * as z from "zod"
import { quoted } from "./faults.ts"
import type { Json } from "./json.ts"
import { invalid, invalidAll, pointer, type Violation } from "./problem.ts"

const words: Record<string, string> = {
  invalid_type: "invalid_type",
  too_big: "too_big",
  too_small: "too_small",
  invalid_format: "invalid_format",
  not_multiple_of: "invalid_value",
  invalid_union: "invalid_union",
  invalid_value: "invalid_value",
  custom: "invalid_value",
}

/** zod's issues as violations. Messages never repeat the caller's value. */
export function violationsOf(error: z.ZodError): Violation[] {
  return error.issues.flatMap((issue): Violation[] => {
    const path = pointer(...issue.path.map((segment) => (typeof segment === "symbol" ? "?" : segment)))
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({
        path: path + pointer(key.slice(0, 100)),
        code: "unknown_field",
        message: `Unknown field ${quoted(key)}`,
      }))
    }
    const missing = issue.code === "invalid_type" && issue.input === undefined && issue.message.includes("undefined")
    return [
      {
        path,
        code: missing ? "required" : (words[issue.code] ?? "invalid_value"),
        message: missing ? "Required" : issue.message,
      },
    ]
  })
}

/** The parsed input of an operation, or INVALID_ARGUMENT with every violation. */
export function validate(schema: z.ZodType, input: Json): unknown {
  const parsed = schema.safeParse(input)
  if (parsed.success) return parsed.data
  throw invalidAll(violationsOf(parsed.error).slice(0, 100))
}

/** Refuses text that no store or peer carries faithfully: NUL and lone surrogates, in values and in names. */
export function refuseBadText(value: Json, path = ""): void {
  if (typeof value === "string") {
    if (value.includes("\u0000")) throw invalid(path, "invalid_text", "Text may not hold NUL")
    if (!value.isWellFormed()) throw invalid(path, "invalid_text", "Text may not hold lone surrogates")
  } else if (Array.isArray(value)) {
    for (const [n, item] of value.entries()) refuseBadText(item as Json, `${path}/${n}`)
  } else if (value !== null && typeof value === "object") {
    for (const [key, item] of Object.entries(value)) {
      if (key.includes("\u0000") || !key.isWellFormed())
        throw invalid(path, "invalid_text", "A name may not hold NUL or lone surrogates")
      refuseBadText(item as Json, path + pointer(key))
    }
  }
}
