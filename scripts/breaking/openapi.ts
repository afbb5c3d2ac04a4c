/** What a change of an OpenAPI document breaks: places, parameters, bodies, answers of success, credentials, and names in generated clients. */
import { followIn, type Node, type Sides, schemaBreaks } from "./schema.ts"

type Many = Readonly<Record<string, Node>>

/** Two documents, and how their references are followed. */
interface Pair {
  readonly input: Sides
  readonly output: Sides
}

const nodes = (value: unknown) => (value ?? {}) as Many
const listOf = (value: unknown) => (value ?? []) as readonly Node[]

function openOf(node: Node, follow: Sides["before"]): Node {
  return typeof node.$ref === "string" ? openOf(follow(node.$ref), follow) : node
}

const mediaSchema = (media: Node | undefined) => (media?.schema ?? {}) as Node
const parameterSchema = (node: Node) => (node.schema ?? mediaSchema(nodes(node.content)["application/json"])) as Node

/** Parameters by place and name: `query limit`. */
function parametersOf(operation: Node, follow: Sides["before"]): ReadonlyMap<string, Node> {
  const all = listOf(operation.parameters).map((one) => openOf(one, follow))
  return new Map(all.map((one) => [`${String(one.in)} parameter ${String(one.name)}`, one]))
}

function* parameterBreaks(before: Node, after: Node, { input }: Pair, at: string): Generator<string> {
  const [old, now] = [parametersOf(before, input.before), parametersOf(after, input.after)]
  for (const [name, one] of old) {
    const other = now.get(name)
    if (other) yield* schemaBreaks(parameterSchema(one), parameterSchema(other), input, `${at} ${name}`)
    else yield `${at} ${name}: is gone`
  }
  for (const [name, one] of now)
    if (one.required === true && old.get(name)?.required !== true) yield `${at} ${name}: is required now`
}

function* contentBreaks(before: Many, after: Many, sides: Sides, at: string): Generator<string> {
  for (const [type, media] of Object.entries(before)) {
    const other = after[type]
    if (other) yield* schemaBreaks(mediaSchema(media), mediaSchema(other), sides, at)
    else yield `${at}: ${type} is gone`
  }
}

function* bodyBreaks(before: Node, after: Node, { input }: Pair, at: string): Generator<string> {
  const [old, now] = [before.requestBody as Node | undefined, after.requestBody as Node | undefined]
  if (!old) {
    if (now?.required === true) yield `${at} body: is required now`
    return
  }
  if (!now) return yield `${at} body: is taken no longer`
  if (now.required === true && old.required !== true) yield `${at} body: is required now`
  yield* contentBreaks(nodes(old.content), nodes(now.content), input, `${at} body`)
}

function* answerBreaks(before: Node, after: Node, { output }: Pair, at: string): Generator<string> {
  for (const [status, given] of Object.entries(nodes(before.responses))) {
    if (!status.startsWith("2")) continue
    const givenNow = nodes(after.responses)[status]
    if (!givenNow) {
      yield `${at}: ${status} is answered no longer`
      continue
    }
    const [old, now] = [openOf(given, output.before), openOf(givenNow, output.after)]
    for (const name of Object.keys(nodes(old.headers)))
      if (!nodes(now.headers)[name]) yield `${at} ${status}: the header ${name} is gone`
    yield* contentBreaks(nodes(old.content), nodes(now.content), output, `${at} ${status}`)
  }
}

function* credentialBreaks(before: Node, after: Node, at: string): Generator<string> {
  const names = (operation: Node) => listOf(operation.security).map((one) => Object.keys(one).toSorted().join(" and "))
  const now = names(after)
  for (const name of names(before))
    if (!now.includes(name))
      yield name === "" ? `${at}: asks for a credential now` : `${at}: ${name} is let in no longer`
}

function* operationBreaks(before: Node, after: Node, pair: Pair, at: string): Generator<string> {
  if (before.operationId !== after.operationId)
    yield `${at}: operationId is ${String(after.operationId)} instead of ${String(before.operationId)}`
  yield* parameterBreaks(before, after, pair, at)
  yield* bodyBreaks(before, after, pair, at)
  yield* answerBreaks(before, after, pair, at)
  yield* credentialBreaks(before, after, at)
}

const methods = ["get", "put", "post", "delete", "patch"]

/** What breaks between two documents, as text. */
export function openApiBreaks(before: string, after: string): readonly string[] {
  const [old, now] = [JSON.parse(before) as Node, JSON.parse(after) as Node]
  const sides = { before: followIn(old), after: followIn(now) }
  const pair: Pair = { input: { ...sides, direction: "input" }, output: { ...sides, direction: "output" } }
  const told: string[] = []
  for (const [path, place] of Object.entries(nodes(old.paths)))
    for (const method of methods) {
      const operation = place[method] as Node | undefined
      if (!operation) continue
      const at = `${method.toUpperCase()} ${path}`
      const other = nodes(now.paths)[path]?.[method] as Node | undefined
      if (other) told.push(...operationBreaks(operation, other, pair, at))
      else told.push(`${at}: is gone`)
    }
  return told
}
