/**
 * What a change of a JSON Schema breaks. Going in, everything that was taken must be taken still; coming out, everything that is given must be what
 * was told before. New optional properties break neither: whoever does not know them sends none and looks at none.
 */

/** A node of a JSON Schema. */
export type Node = { readonly [key: string]: unknown }

/** Which way values go: to us or from us. */
export type Direction = "input" | "output"

/** A document's schema in comparison: how a reference is followed. */
export type Follow = (reference: string) => Node

/** Both sides of a comparison. */
export interface Sides {
  readonly direction: Direction
  readonly before: Follow
  readonly after: Follow
}

interface Resolved {
  readonly node: Node
  /** Where a reference led; empty for a node that stands in its place. */
  readonly name: string
  readonly nullable: boolean
}

/** References followed, null taken aside. */
function resolve(given: Node, follow: Follow, name = "", nullable = false): Resolved {
  if (typeof given.$ref === "string") return resolve(follow(given.$ref), follow, given.$ref, nullable)
  if (Array.isArray(given.type) && given.type.includes("null")) {
    const types = given.type.filter((type) => type !== "null")
    return resolve({ ...given, type: types.length === 1 ? types[0] : types }, follow, name, true)
  }
  const options = given.anyOf as Node[] | undefined
  if (!options?.some((option) => option.type === "null")) return { node: given, name, nullable }
  const rest = options.filter((option) => option.type !== "null")
  const [only] = rest
  return rest.length === 1 && only ? resolve(only, follow, name, true) : { node: { anyOf: rest }, name, nullable: true }
}

const propertiesOf = (node: Node) => (node.properties ?? {}) as Readonly<Record<string, Node>>
const requiredOf = (node: Node): ReadonlySet<string> => new Set((node.required ?? []) as string[])
const optionsOf = (node: Node) => (node.oneOf ?? node.anyOf) as readonly Node[] | undefined
const valuesOf = (node: Node) => (node.const === undefined ? (node.enum as unknown[] | undefined) : [node.const])
const typeOf = (node: Node) =>
  node.type === undefined
    ? optionsOf(node)
      ? "one of several"
      : valuesOf(node)
        ? "string"
        : "anything"
    : [node.type].flat().toSorted().join(" or ")

/** Bounds of an input: what is smaller than before, or greater, refuses what was taken. */
const upper = ["maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties"] as const
const lower = ["minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties"] as const

function* boundBreaks(before: Node, after: Node, at: string): Generator<string> {
  for (const key of upper)
    if (Number(after[key] ?? Number.POSITIVE_INFINITY) < Number(before[key] ?? Number.POSITIVE_INFINITY))
      yield `${at}: ${key} is ${String(after[key])} instead of ${String(before[key] ?? "unbounded")}`
  for (const key of lower)
    if (Number(after[key] ?? Number.NEGATIVE_INFINITY) > Number(before[key] ?? Number.NEGATIVE_INFINITY))
      yield `${at}: ${key} is ${String(after[key])} instead of ${String(before[key] ?? "unbounded")}`
  if (after.pattern !== undefined && after.pattern !== before.pattern) yield `${at}: has another pattern`
}

function* valueBreaks(before: Node, after: Node, { direction }: Sides, at: string): Generator<string> {
  const [old, now] = [valuesOf(before), valuesOf(after)]
  if (direction === "input") {
    if (!now) return
    if (!old) yield `${at}: takes nothing but ${now.join(", ")} any more`
    for (const value of old ?? []) if (!now.includes(value)) yield `${at}: takes ${String(value)} no longer`
  } else if (old) {
    if (!now) yield `${at}: may be any text now`
    for (const value of now ?? []) if (!old.includes(value)) yield `${at}: may be ${String(value)} now`
  }
}

/** The properties whose value tells the variants of a union apart. */
function tagsOf(node: Node, follow: Follow): string {
  const { node: open, name } = resolve(node, follow)
  const tags = Object.entries(propertiesOf(open)).flatMap(([key, one]) =>
    one.const === undefined ? [] : [`${key} = ${String(one.const)}`],
  )
  return tags.length > 0 ? tags.join(", ") : name !== "" ? name.slice(name.lastIndexOf("/") + 1) : typeOf(open)
}

function* optionBreaks(before: readonly Node[], after: readonly Node[], walk: Walk, at: string): Generator<string> {
  const { sides } = walk
  const old = new Map(before.map((one) => [tagsOf(one, sides.before), one]))
  const now = new Map(after.map((one) => [tagsOf(one, sides.after), one]))
  for (const [tag, one] of old) {
    const other = now.get(tag)
    if (other) yield* nodeBreaks(one, other, walk, `${at} (${tag})`)
    else if (sides.direction === "input") yield `${at}: takes ${tag} no longer`
  }
  if (sides.direction === "output") for (const tag of now.keys()) if (!old.has(tag)) yield `${at}: may be ${tag} now`
}

function* objectBreaks(before: Node, after: Node, walk: Walk, at: string): Generator<string> {
  const [old, now] = [propertiesOf(before), propertiesOf(after)]
  const [wasRequired, isRequired] = [requiredOf(before), requiredOf(after)]
  for (const [name, one] of Object.entries(old)) {
    const other = now[name]
    const place = `${at}/${name}`
    if (!other) yield `${place}: is gone`
    else yield* nodeBreaks(one, other, walk, place)
    if (other && walk.sides.direction === "output" && wasRequired.has(name) && !isRequired.has(name))
      yield `${place}: may be absent now`
  }
  if (walk.sides.direction === "input")
    for (const name of isRequired) if (!wasRequired.has(name)) yield `${at}/${name}: is required now`
  const [rest, restNow] = [before.additionalProperties, after.additionalProperties]
  if (rest && typeof rest === "object" && restNow && typeof restNow === "object")
    yield* nodeBreaks(rest as Node, restNow as Node, walk, `${at}/*`)
  else if (walk.sides.direction === "input" && rest !== false && restNow === false && Object.keys(old).length === 0)
    yield `${at}: takes no properties of any name any more`
}

/** A comparison under way: pairs of named schemas are walked once. */
interface Walk {
  readonly sides: Sides
  readonly seen: Set<string>
}

function typeChanged(before: Node, after: Node, { direction }: Sides): boolean {
  const [old, now] = [typeOf(before), typeOf(after)]
  if (old === now) return before.format !== after.format && (direction === "output" || after.format !== undefined)
  const [narrow, wide] = direction === "input" ? [old, now] : [now, old]
  return !(wide === "anything" || (narrow === "integer" && wide === "number"))
}

const typeText = (node: Node) => (node.format === undefined ? typeOf(node) : `${typeOf(node)} (${String(node.format)})`)

function* nodeBreaks(given: Node, givenNow: Node, walk: Walk, at: string): Generator<string> {
  const { sides, seen } = walk
  const [old, now] = [resolve(given, sides.before), resolve(givenNow, sides.after)]
  if (sides.direction === "input" && old.nullable && !now.nullable) yield `${at}: takes no null any more`
  if (sides.direction === "output" && now.nullable && !old.nullable) yield `${at}: may be null now`
  const pair = `${old.name} ${now.name}`
  if (old.name !== "" && seen.has(pair)) return
  if (old.name !== "") walk = { sides, seen: new Set([...seen, pair]) }
  const [before, after] = [old.node, now.node]
  if (typeChanged(before, after, sides)) {
    yield `${at}: is ${typeText(after)} instead of ${typeText(before)}`
    return
  }
  yield* valueBreaks(before, after, sides, at)
  if (sides.direction === "input") yield* boundBreaks(before, after, at)
  const [options, optionsNow] = [optionsOf(before), optionsOf(after)]
  if (options && optionsNow) yield* optionBreaks(options, optionsNow, walk, at)
  if (before.items && after.items) yield* nodeBreaks(before.items as Node, after.items as Node, walk, `${at}/[]`)
  if (typeOf(before) === "object" && typeOf(after) === "object") yield* objectBreaks(before, after, walk, at)
}

/**
 * What breaks between two schemas.
 * @param at where they stand, the beginning of each sentence
 */
export function schemaBreaks(before: Node, after: Node, sides: Sides, at: string): readonly string[] {
  return [...new Set(nodeBreaks(before, after, { sides, seen: new Set() }, at))]
}

/** Follows references inside a document, as `#/components/schemas/Task` and `#/$defs/Task`. */
export function followIn(document: Node): Follow {
  return (reference) => {
    const parts = reference.replace(/^#\//, "").split("/")
    const found = parts.reduce<unknown>((node, part) => (node as Node | undefined)?.[part], document)
    if (found === undefined) throw new Error(`There is no ${reference}`)
    return found as Node
  }
}
