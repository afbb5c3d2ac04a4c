/** Scalars for what JSON says as text or as anything. The engine validates their values; here only their form in GraphQL is said. */
import { type ConstValueNode, GraphQLError, GraphQLScalarType, Kind } from "graphql"
import type { Json } from "../../core/json.ts"

/** The value of a literal, as JSON. */
function literalOf(node: ConstValueNode): Json {
  switch (node.kind) {
    case Kind.INT:
    case Kind.FLOAT:
      return Number(node.value)
    case Kind.STRING:
    case Kind.BOOLEAN:
      return node.value
    case Kind.NULL:
      return null
    case Kind.LIST:
      return node.values.map(literalOf)
    case Kind.OBJECT:
      return Object.fromEntries(node.fields.map(({ name, value }) => [name.value, literalOf(value)]))
    default:
      throw new GraphQLError("An enum's value is no JSON", { nodes: node })
  }
}

function textScalar(name: string, description: string): GraphQLScalarType<string> {
  const check = (value: unknown): string => {
    if (typeof value !== "string") throw new GraphQLError(`${name} is text`)
    return value
  }
  return new GraphQLScalarType({
    name,
    description,
    coerceInputValue: check,
    coerceInputLiteral: (node) => check(node.kind === Kind.STRING ? node.value : undefined),
    coerceOutputValue: (value) => String(value),
  })
}

const safeIntegerOf = (value: unknown): number => {
  if (typeof value !== "number" || !Number.isSafeInteger(value))
    throw new GraphQLError("SafeInt is a whole number within 53 bits")
  return value
}

export const scalars = {
  instant: textScalar("DateTime", "An instant, RFC 3339; answers are UTC with milliseconds"),
  date: textScalar("Date", "A day, RFC 3339 full-date"),
  int64: textScalar("BigInt", "A whole number of 64 bits, as decimal text"),
  bytes: textScalar("Base64", "Bytes, base64"),
  safeint: new GraphQLScalarType({
    name: "SafeInt",
    description: "A whole number within 53 bits",
    coerceInputValue: safeIntegerOf,
    coerceInputLiteral: (node) => safeIntegerOf(node.kind === Kind.INT ? Number(node.value) : undefined),
    coerceOutputValue: safeIntegerOf,
  }),
  json: new GraphQLScalarType({
    name: "JSON",
    description: "Any JSON value",
    coerceInputValue: (value) => value,
    coerceInputLiteral: literalOf,
    coerceOutputValue: (value) => value,
  }),
} as const
