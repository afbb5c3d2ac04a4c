/** A selection set -> the words of a read: which fields, which relations, how many of them. So that each root field is one plan, one statement. */
import {
  type FieldNode,
  GraphQLIncludeDirective,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  GraphQLSkipDirective,
  getArgumentValues,
  getDirectiveValues,
  isObjectType,
  Kind,
  type NamedTypeNode,
  type SelectionSetNode,
} from "graphql"
import type { Model, Models } from "../../core/model.ts"

/** What of a record is wanted, as the standard operations take it. */
export interface Wanted {
  readonly fields: readonly string[]
  readonly expand: Readonly<Record<string, Wanted & { readonly limit?: number }>>
}

type Nodes = ReadonlyMap<string, readonly FieldNode[]>

function isIncluded(node: { readonly directives?: FieldNode["directives"] }, info: GraphQLResolveInfo): boolean {
  const skip = getDirectiveValues(GraphQLSkipDirective, node, info.variableValues)
  if (skip?.if === true) return false
  return getDirectiveValues(GraphQLIncludeDirective, node, info.variableValues)?.if !== false
}

/** Whether a fragment is of another object than the one that is looked at; one of a union or an interface may be of any. */
function isOfAnother(
  { typeCondition }: { readonly typeCondition?: NamedTypeNode | undefined },
  own: GraphQLOutputType | null,
  info: GraphQLResolveInfo,
): boolean {
  if (typeCondition === undefined || own === null) return false
  const type = info.schema.getType(typeCondition.name.value)
  return isObjectType(type) && type !== own
}

/**
 * The fields that are selected below some nodes, by name; fragments count where they stand.
 * @param own the type whose fields are looked at: fragments of other objects are left out. null: none are
 */
export function below(
  nodes: readonly FieldNode[],
  info: GraphQLResolveInfo,
  own: GraphQLOutputType | null = null,
): Nodes {
  const found = new Map<string, FieldNode[]>()
  const collect = (set: SelectionSetNode | undefined, seen: ReadonlySet<string>) => {
    for (const one of set?.selections ?? []) {
      if (!isIncluded(one, info)) continue
      if (one.kind === Kind.FIELD) {
        const name = one.name.value
        const known = found.get(name)
        if (known) known.push(one)
        else found.set(name, [one])
      } else if (one.kind === Kind.INLINE_FRAGMENT) {
        if (!isOfAnother(one, own, info)) collect(one.selectionSet, seen)
      } else if (!seen.has(one.name.value)) {
        const fragment = info.fragments[one.name.value]
        if (fragment && !isOfAnother(fragment, own, info))
          collect(fragment.selectionSet, new Set([...seen, one.name.value]))
      }
    }
  }
  for (const node of nodes) collect(node.selectionSet, new Set())
  return found
}

/** The most that any of a relation's aliases asks for; its resolver gives each its own part. */
function limitOf(nodes: readonly FieldNode[], type: GraphQLObjectType | undefined, info: GraphQLResolveInfo) {
  const field = type?.getFields()[nodes[0]?.name.value ?? ""]
  if (!field) return undefined
  const asked = nodes.map((node) => getArgumentValues(field, node, info.variableValues).first)
  const counts = asked.filter((first): first is number => typeof first === "number")
  if (counts.length === 0) return undefined
  // What was left out stands for the default, which the engine knows.
  return counts.length < asked.length ? Math.max(20, ...counts) : Math.max(...counts)
}

/**
 * What is wanted of a record.
 * @param nodes fields whose selections are of the record
 */
export function wantedOf(
  models: Models,
  model: Model,
  nodes: readonly FieldNode[],
  info: GraphQLResolveInfo,
  typeOf: (model: Model) => GraphQLObjectType | null,
): Wanted {
  const fields: string[] = []
  const expand: Record<string, Wanted & { limit?: number }> = {}
  for (const [name, selected] of below(nodes, info, typeOf(model))) {
    const relation = model.relations.get(name)
    const target = relation && models.get(relation.resource)
    if (target) {
      const limit = limitOf(selected, typeOf(model) ?? undefined, info)
      expand[name] = { ...wantedOf(models, target, selected, info, typeOf), ...(limit === undefined ? {} : { limit }) }
    } else if (!name.startsWith("__")) fields.push(name)
  }
  return { fields: fields.length === 0 ? ["id"] : fields, expand }
}
