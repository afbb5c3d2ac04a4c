/** What a change of schema.graphql breaks, as graphql-js judges it. */
import { BreakingChangeType, buildSchema, findSchemaChanges } from "graphql"

const breaking: ReadonlySet<string> = new Set(Object.values(BreakingChangeType))

/** What breaks between two schemas, as text. */
export function graphqlBreaks(before: string, after: string): readonly string[] {
  return findSchemaChanges(buildSchema(before), buildSchema(after))
    .filter(({ type }) => breaking.has(type))
    .map(({ description }) => description.replace(/\.$/, ""))
}
