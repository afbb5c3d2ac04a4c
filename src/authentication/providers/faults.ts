/**
 * What goes wrong between us and a provider, in a word for the log and a sentence for whoever waits. Outward it is never told which check failed:
 * who forges an answer would learn from it.
 */
import type { EngineWork } from "../../core/operation.ts"
import { Problem } from "../../core/problem.ts"
import type { Provider } from "../../core/provider.ts"
import type { ProviderPorts } from "./ports.ts"

/** A check of ours that failed. */
export class ProviderFault extends Error {
  override readonly name = "ProviderFault"
  readonly word: string

  /** @param word for the log */
  constructor(word: string, sentence: string, options?: ErrorOptions) {
    super(sentence, options)
    this.word = word
  }
}

/** What the library says in its innermost sentence, where its code says less. The sentences are constant and hold nothing that was sent. */
const bySentence: readonly (readonly [RegExp, string])[] = [
  [/signature/i, "signature"],
  [/"alg"|algorithm/i, "algorithm"],
  [/"iss" \(issuer\) response|response parameter "iss"/, "iss"],
  [/"state"/, "state"],
]

const byCode: Readonly<Record<string, string>> = {
  OAUTH_JWT_TIMESTAMP_CHECK_FAILED: "expired_id_token",
  OAUTH_KEY_SELECTION_FAILED: "signature",
  OAUTH_UNSUPPORTED_OPERATION: "algorithm",
  OAUTH_RESPONSE_IS_NOT_JSON: "not_json",
  OAUTH_PARSE_ERROR: "not_json",
  OAUTH_TIMEOUT: "slow",
}

/** A refusal of the one way out. */
const byOutbound: Readonly<Record<string, string>> = {
  DEADLINE_EXCEEDED: "slow",
  OUT_OF_RANGE: "too_large",
  PERMISSION_DENIED: "forbidden_address",
}

/** Words of a provider that is out of order, as against an answer that is not to be believed. */
const sentences: Readonly<Record<string, string>> = {
  slow: "did not answer in time",
  too_large: "answered with more than is taken",
  not_json: "answered with something that is no JSON",
  forbidden_address: "leads to an address that is not called",
  unreachable: "cannot be reached",
  provider_error: "is out of order",
  client: "does not know this application",
}

/** What was thrown and what it was thrown for, outermost first. The library puts objects, too, where a cause stands. */
function* causesOf(thrown: unknown): Generator<Readonly<Record<string, unknown>>> {
  for (let at: unknown = thrown, depth = 0; typeof at === "object" && at !== null && depth < 6; depth++) {
    yield at as Readonly<Record<string, unknown>>
    at = (at as { cause?: unknown }).cause
  }
}

/** The fault in a word and in a sentence. */
function read(thrown: unknown): { readonly word: string; readonly detail: string } {
  const causes = [...causesOf(thrown)]
  const find = (key: string) => causes.map((one) => one[key]).filter((value) => typeof value === "string") as string[]
  const detail = find("message").at(-1) ?? ""
  const own = causes.find((one) => one instanceof ProviderFault) as ProviderFault | undefined
  if (own) return { word: own.word, detail: own.message }
  const outbound = causes.find((one) => one instanceof Problem) as Problem | undefined
  if (outbound) return { word: byOutbound[outbound.code] ?? "unreachable", detail: outbound.message }
  const [error] = find("error")
  const codes = find("code")
  if (codes.includes("OAUTH_AUTHORIZATION_RESPONSE_ERROR"))
    return { word: error === "access_denied" ? "denied" : "provider_error", detail }
  if (codes.includes("OAUTH_RESPONSE_BODY_ERROR"))
    return { word: error === "invalid_client" || error === "unauthorized_client" ? "client" : "code", detail }
  const [claim] = [...find("claim"), ...find("attribute")]
  const sentence = bySentence.find(([pattern]) => pattern.test(detail))?.[1]
  const code = codes.map((one) => byCode[one]).find((word) => word !== undefined)
  return { word: code ?? claim ?? sentence ?? "answer", detail }
}

/** The sentence for whoever waits. */
function problemOf(title: string, word: string): Problem {
  if (word === "denied") return new Problem("FAILED_PRECONDITION", `${title} was not allowed to say who you are`)
  const sentence = sentences[word]
  if (sentence) return new Problem("UNAVAILABLE", `${title} ${sentence}`)
  return new Problem("UNAUTHENTICATED", `The answer of ${title} does not hold; start again`)
}

/**
 * Does what may fail because of a provider, or of who pretends to come from it. Tells the operator of the fault.
 * @throws Problem UNAUTHENTICATED for what does not hold, UNAVAILABLE for a provider that is out of order, FAILED_PRECONDITION for a person who
 *   said no there
 */
export async function guarded<T>(
  ports: ProviderPorts,
  work: EngineWork,
  { name, title }: Provider,
  ask: () => Promise<T>,
): Promise<T> {
  try {
    return await ask()
  } catch (thrown) {
    // How we used the library is our fault, not the provider's: INTERNAL.
    if (thrown instanceof TypeError) throw thrown
    const { word, detail } = read(thrown)
    tellRefusal(ports, work, name, word, detail)
    throw problemOf(title, word)
  }
}

/** Tells the operator of somebody who came from a provider and was turned away. */
export function tellRefusal(
  { observe }: ProviderPorts,
  { reading, caller }: EngineWork,
  provider: string,
  fault: string,
  detail: string,
): void {
  const at = reading.now.toISOString()
  observe({ kind: "provider_refused", at, requestId: caller.requestId, provider, fault, detail })
}
