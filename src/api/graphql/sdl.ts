/** schema.graphql: the schema in its own language, in the repository and, where introspection is on, served. */
import { type GraphQLSchema, printSchema } from "graphql"

/** Where it is served. */
export const schemaPath = "/schema.graphql"

/** The document. */
export function schemaText(schema: GraphQLSchema): string {
  return `${printSchema(schema)}\n`
}
