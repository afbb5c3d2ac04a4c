/** Problem -> a result with `isError`: the model reads the code and each fault, a program the problem itself in `_meta`. */
import type { Facts } from "../../core/door.ts"
import type { JsonObject } from "../../core/json.ts"
import type { Problem } from "../../core/problem.ts"
import { problemFields, problemTypeField } from "../../core/problem-fields.ts"
import { metaNames } from "./decode.ts"
import { metaOf, type ToolResult } from "./encode.ts"

/** The result of a refusal. */
export function refusalOf(problem: Problem, facts: Facts): ToolResult {
  const { violations = [], retryAfterSeconds } = problem.options
  const told = violations.map(({ path, message }) => `\n- ${path === "" ? "/" : path}: ${message}`)
  const retry = retryAfterSeconds === undefined ? "" : ` Try again in ${Math.ceil(retryAfterSeconds)} s.`
  const body: JsonObject = {
    code: problem.code,
    ...problemTypeField(problem),
    detail: problem.message,
    requestId: facts.requestId,
    ...problemFields(problem),
  }
  return {
    content: [{ type: "text", text: `${problem.code}: ${problem.message}.${retry}${told.join("")}` }],
    isError: true,
    _meta: { ...metaOf(facts), [metaNames.problem]: body },
  }
}
