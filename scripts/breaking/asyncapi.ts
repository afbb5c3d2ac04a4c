/** What a change of asyncapi.json breaks: addresses, what is taken there, what is told. */
import { type Direction, followIn, type Node, schemaBreaks } from "./schema.ts"

interface Document {
  readonly channels: Readonly<Record<string, { readonly address: string }>>
  readonly operations: Readonly<Record<string, Node>>
}

/** One way of an operation: its messages by name, and whether they come to us or go from us. */
interface Way {
  readonly direction: Direction
  readonly messages: ReadonlyMap<string, Node>
}

/** The messages that a node lists, by the name that they have in their channel. */
function messagesOf(node: Node, document: Node): ReadonlyMap<string, Node> {
  const follow = followIn(document)
  const open = (given: Node): Node => (typeof given.$ref === "string" ? open(follow(given.$ref)) : given)
  const listed = (node.messages ?? []) as readonly { readonly $ref: string }[]
  return new Map(listed.map((one) => [one.$ref.slice(one.$ref.lastIndexOf("/") + 1), open(one)]))
}

/** What comes in and what goes out of an operation. The document is told from our side: what it receives is a client's to send. */
function waysOf(operation: Node, document: Node): readonly Way[] {
  const own: Direction = operation.action === "receive" ? "input" : "output"
  const reply = operation.reply as Node | undefined
  const ways: Way[] = [{ direction: own, messages: messagesOf(operation, document) }]
  if (reply) ways.push({ direction: own === "input" ? "output" : "input", messages: messagesOf(reply, document) })
  return ways
}

function* operationBreaks(name: string, before: Document, after: Document): Generator<string> {
  const [old, now] = [before as unknown as Node, after as unknown as Node]
  const other = after.operations[name]
  if (!other) return yield `${name}: is gone`
  const ways = waysOf(other, now)
  for (const { direction, messages } of waysOf(before.operations[name] as Node, old)) {
    const given = ways.find((one) => one.direction === direction)?.messages
    for (const [message, { payload }] of messages) {
      const at = `${name} ${message}`
      const payloadNow = given?.get(message)?.payload
      if (payloadNow === undefined) yield `${at}: is ${direction === "input" ? "taken" : "told"} no longer`
      else
        yield* schemaBreaks(
          payload as Node,
          payloadNow as Node,
          { direction, before: followIn(old), after: followIn(now) },
          at,
        )
    }
  }
}

/** What breaks between two documents, as text. */
export function asyncApiBreaks(before: string, after: string): readonly string[] {
  const [old, now] = [JSON.parse(before) as Document, JSON.parse(after) as Document]
  const moved = Object.entries(old.channels).flatMap(([name, { address }]) => {
    const there = now.channels[name]?.address
    return there === address
      ? []
      : [`${name}: ${there === undefined ? "is gone" : `is at ${there} instead of ${address}`}`]
  })
  return [...moved, ...Object.keys(old.operations).flatMap((name) => [...operationBreaks(name, old, now)])]
}
