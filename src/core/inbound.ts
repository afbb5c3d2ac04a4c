/**
 * Inbound webhooks: what somebody else tells us becomes a call of an operation, once. A message proves where it comes from by a signature over its
 * bytes; nothing of it is parsed before that. The secret is named here and stands in the configuration.
 */
import type { Json } from "./json.ts"
import type { Operation } from "./operation.ts"

/** How a message proves where it comes from. */
export type Verification =
  | {
      readonly kind: "standard"
      /** Name of the variable that holds the secret, `whsec_…`. */
      readonly secret: string
      /** How old, or how far ahead, a message may be. */
      readonly toleranceSeconds: number
    }
  | {
      readonly kind: "hmac"
      readonly secret: string
      /** The header with the signature, lower case. */
      readonly header: string
      /** What stands before the signature in the header, such as `sha256=`. */
      readonly prefix: string
      readonly encoding: "hex" | "base64"
      /** The header with the message's id, lower case; null: the SHA-256 of the body stands for it. */
      readonly id: string | null
    }

/** A message whose signature holds. */
export interface InboundMessage {
  readonly id: string
  readonly body: Json
  /** A header of the request; null when it has none. Signatures cover the body, seldom headers: decide nothing on one that the sender could not. */
  header(name: string): string | null
}

/** What `inbound()` takes. */
export interface InboundOptions {
  readonly verify: Verification
  /** Runs as the system, through the whole pipeline. */
  readonly operation: Operation
  /** The operation's input, made of the message and of nothing else: a message that comes again must give the same. */
  input(message: InboundMessage): Json
}

/** A declared inbound webhook, served at `POST /hooks/<name>`. */
export interface Inbound extends InboundOptions {
  readonly name: string
}

/** How long a message's id is remembered: senders go on trying for days. */
export const inboundMemorySeconds = 7 * 24 * 3600

const variable = /^[A-Z][A-Z0-9_]*$/

function checkVariable(secret: string): void {
  if (!variable.test(secret)) throw new Error(`secret: "${secret}" is no name of a variable, such as GITHUB_SECRET`)
}

/**
 * Messages by the Standard Webhooks specification: `webhook-id`, `webhook-timestamp`, `webhook-signature`.
 * @param options.secret name of the variable with the secret, `whsec_` and base64
 * @throws Error for what is no name of a variable
 */
export function standardWebhook({ secret }: { readonly secret: string }): Verification {
  checkVariable(secret)
  return { kind: "standard", secret, toleranceSeconds: 300 }
}

/**
 * Messages with an HMAC-SHA256 of the body in a header, as GitHub and many others send them. Such a signature has no time in it: whoever holds an
 * old message can send it again, which the message's id keeps from having an effect for a week.
 * @param options.secret name of the variable with the secret
 * @param options.id header with the message's id (`X-GitHub-Delivery`); the hash of the body when left out, which no replay can change
 * @throws Error for what is no name of a variable
 */
export function hmacHeader(options: {
  readonly header: string
  readonly secret: string
  readonly prefix?: string
  readonly encoding?: "hex" | "base64"
  readonly id?: string
}): Verification {
  const { header, secret, prefix = "", encoding = "hex", id } = options
  checkVariable(secret)
  return { kind: "hmac", secret, header: header.toLowerCase(), prefix, encoding, id: id?.toLowerCase() ?? null }
}

/** The headers that a message must have, lower case. */
export function inboundHeaders(verify: Verification): readonly string[] {
  if (verify.kind === "standard") return ["webhook-id", "webhook-timestamp", "webhook-signature"]
  return verify.id === null ? [verify.header] : [verify.header, verify.id]
}

/**
 * Declares an inbound webhook.
 * @param name its place: `POST /hooks/<name>`
 * @throws Error for an operation that could run twice or tells secrets
 */
export function inbound(name: string, options: InboundOptions): Inbound {
  const refuse = (fault: string): never => {
    throw new Error(`inbound("${name}"): ${fault}`)
  }
  if (!/^[a-z0-9][a-z0-9-]{0,63}$/.test(name)) refuse("a name is lower case letters, digits and -")
  const { operation } = options
  if (operation.kind !== "mutation") refuse(`${operation.name} changes nothing`)
  if (operation.engine) refuse(`${operation.name} is the engine's own`)
  if (operation.confidential) refuse(`${operation.name} is confidential, so nothing would keep it from running twice`)
  if (operation.credential) refuse(`${operation.name} asks for a person who signed in`)
  return { name, ...options }
}
