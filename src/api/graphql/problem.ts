/** Problem -> GraphQLError: the code and everything else of the problem stand in `extensions`, at the path of the root field. */
import { GraphQLError } from "graphql"
import { limitsJson } from "../../core/limit-fields.ts"
import type { Problem } from "../../core/problem.ts"
import { problemFields, problemTypeField } from "../../core/problem-fields.ts"
import type { ClientPath } from "./paths.ts"

/** A fault that graphql-js has found in the document or in its variables, with the code and the request's id that every refusal has. */
export function faultOf(error: GraphQLError, requestId: string): GraphQLError {
  const { message, nodes, source, positions, path, extensions } = error
  if (extensions.code !== undefined && extensions.requestId !== undefined) return error
  return new GraphQLError(message, {
    nodes,
    source,
    positions,
    path,
    extensions: { code: "INVALID_ARGUMENT", requestId, ...extensions },
  })
}

/**
 * A problem as an error of a response.
 * @param requestId where the problem does not say of which call it is
 * @param place of each violation, as whoever wrote the document knows it
 */
export function errorOf(problem: Problem, requestId: string, place: ClientPath = (path) => path): GraphQLError {
  const { limits, told, violations } = problem.options
  const counted = limits === undefined ? told?.limits : limitsJson(limits)
  return new GraphQLError(problem.message, {
    extensions: {
      code: problem.code,
      ...problemTypeField(problem),
      requestId: told?.requestId ?? requestId,
      ...(counted === undefined ? {} : { limits: counted }),
      ...problemFields(problem),
      ...(violations === undefined || violations.length === 0
        ? {}
        : { violations: violations.map((one) => ({ ...one, path: place(one.path) })) }),
    },
  })
}
