/** Problem -> GraphQLError: the code and everything else of the problem stand in `extensions`, at the path of the root field. */
import { GraphQLError } from "graphql"
import { limitsJson } from "../../core/limit-fields.ts"
import type { Problem } from "../../core/problem.ts"
import { problemFields, problemTypeField } from "../../core/problem-fields.ts"

/** A fault that graphql-js has found in the document or in its variables, with the code that every refusal has. */
export function faultOf(error: GraphQLError): GraphQLError {
  const { message, nodes, source, positions, path, extensions } = error
  if (extensions.code !== undefined) return error
  return new GraphQLError(message, {
    nodes,
    source,
    positions,
    path,
    extensions: { code: "INVALID_ARGUMENT", ...extensions },
  })
}

/**
 * A problem as an error of a response.
 * @param requestId null: it was met outside of any request
 */
export function errorOf(problem: Problem, requestId: string | null): GraphQLError {
  const { limits } = problem.options
  return new GraphQLError(problem.message, {
    extensions: {
      code: problem.code,
      ...problemTypeField(problem),
      ...(requestId === null ? {} : { requestId }),
      ...(limits === undefined ? {} : { limits: limitsJson(limits) }),
      ...problemFields(problem),
    },
  })
}
