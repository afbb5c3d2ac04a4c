/**
 * Documents: parsed, validated and bounded once, then kept. What is too long, too deep or has too many root fields is refused before anything runs;
 * what a root field costs is its plan's business, and each is limited like a call of its own.
 */
import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  Kind,
  NoSchemaIntrospectionCustomRule,
  type OperationDefinitionNode,
  parse,
  type SelectionSetNode,
  specifiedRules,
  validate,
} from "graphql"

/** Tokens of a document: the introspection of tools has about 300. */
const tokensMax = 2000
const depthMax = 20
const rootFieldsMax = 20
const keptMax = 200

/** A document that may be executed, or why it may not. */
export type Checked =
  | { readonly document: DocumentNode; readonly errors: null }
  | { readonly document: null; readonly errors: readonly GraphQLError[] }

type Fragments = ReadonlyMap<string, SelectionSetNode>

function fragmentsOf(document: DocumentNode): Fragments {
  return new Map(
    document.definitions.flatMap((one) =>
      one.kind === Kind.FRAGMENT_DEFINITION ? [[one.name.value, one.selectionSet] as const] : [],
    ),
  )
}

/** Fields at the root, fragments opened; stops counting at the bound. Validation has refused cycles. */
function rootFields(set: SelectionSetNode, fragments: Fragments): number {
  let count = 0
  for (const one of set.selections) {
    if (one.kind === Kind.FIELD) count++
    else {
      const inner = one.kind === Kind.INLINE_FRAGMENT ? one.selectionSet : fragments.get(one.name.value)
      if (inner) count += rootFields(inner, fragments)
    }
    if (count > rootFieldsMax) break
  }
  return count
}

/** How deep the deepest field stands; each fragment is measured once. */
function depthOf(set: SelectionSetNode | undefined, fragments: Fragments, known: Map<string, number>): number {
  let deepest = 0
  for (const one of set?.selections ?? []) {
    if (one.kind === Kind.FIELD) deepest = Math.max(deepest, 1 + depthOf(one.selectionSet, fragments, known))
    else if (one.kind === Kind.INLINE_FRAGMENT) deepest = Math.max(deepest, depthOf(one.selectionSet, fragments, known))
    else {
      const name = one.name.value
      const depth = known.get(name) ?? depthOf(fragments.get(name), fragments, known)
      known.set(name, depth)
      deepest = Math.max(deepest, depth)
    }
  }
  return deepest
}

function boundsOf(document: DocumentNode): GraphQLError[] {
  const fragments = fragmentsOf(document)
  const operations = document.definitions.filter(
    (one): one is OperationDefinitionNode => one.kind === Kind.OPERATION_DEFINITION,
  )
  return operations.flatMap((operation) => {
    const refuse = (message: string) => [
      new GraphQLError(message, { nodes: operation, extensions: { code: "INVALID_ARGUMENT" } }),
    ]
    if (depthOf(operation.selectionSet, fragments, new Map()) > depthMax)
      return refuse(`Fields nest at most ${depthMax} deep`)
    return rootFields(operation.selectionSet, fragments) > rootFieldsMax
      ? refuse(`A request has at most ${rootFieldsMax} root fields, aliases included`)
      : []
  })
}

function check(schema: GraphQLSchema, text: string, introspection: boolean): Checked {
  let document: DocumentNode
  try {
    document = parse(text, { maxTokens: tokensMax })
  } catch (thrown) {
    if (thrown instanceof GraphQLError) return { document: null, errors: [thrown] }
    throw thrown
  }
  const rules = introspection ? specifiedRules : [...specifiedRules, NoSchemaIntrospectionCustomRule]
  const errors = validate(schema, document, rules, { maxErrors: 20, hideSuggestions: !introspection })
  const all = errors.length > 0 ? errors : boundsOf(document)
  return all.length > 0 ? { document: null, errors: all } : { document, errors: null }
}

/** The documents of an isolate. Only good ones are kept: bad ones are anybody's to make. */
export function documents(schema: GraphQLSchema, introspection: boolean): (text: string) => Checked {
  const kept = new Map<string, Checked>()
  return (text) => {
    const known = kept.get(text)
    if (known) return known
    const checked = check(schema, text, introspection)
    if (checked.document !== null) {
      kept.set(text, checked)
      const [oldest] = kept.keys()
      if (kept.size > keptMax && oldest !== undefined) kept.delete(oldest)
    }
    return checked
  }
}
