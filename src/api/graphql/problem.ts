/** Problem -> GraphQLError: the code and everything else of the problem stand in `extensions`, at the path of the root field. */
import { GraphQLError } from "graphql"
import type { Problem } from "../../core/problem.ts"

/**
 * A problem as an error of a response.
 * @param requestId null: it was met outside of any request
 */
export function errorOf(problem: Problem, requestId: string | null): GraphQLError {
  const { violations, retryAfterSeconds, approval, type } = problem.options
  return new GraphQLError(problem.message, {
    extensions: {
      code: problem.code,
      ...(type === undefined ? {} : { type: `urn:selvage:problem:${type}` }),
      ...(requestId === null ? {} : { requestId }),
      ...(retryAfterSeconds === undefined ? {} : { retryAfter: retryAfterSeconds }),
      ...(approval === undefined ? {} : { approval }),
      ...(violations === undefined ? {} : { violations }),
    },
  })
}
