/** A job as a message of the outbox: what it is called, what it is ordered by, whom it acts for. */
import type { Json } from "./json.ts"
import type { Message } from "./outbox.ts"
import { type Principal, principalId } from "./principal.ts"

/** Whom a job acts for: whoever caused it, through however many jobs. */
export function onBehalfOf(principal: Principal): string | null {
  return (principal.kind === "system" ? principal.onBehalfOf : principalId(principal)) ?? null
}

/** A job as a message of the outbox. */
export function jobMessage(
  { principal, requestId }: { readonly principal: Principal; readonly requestId: string },
  job: string,
  input: Json,
  more: { readonly key: string | null; readonly notBefore: Date | null; readonly run: string | null },
): Message {
  const { key, notBefore, run } = more
  return { topic: "job", job, key, notBefore, payload: { input, onBehalfOf: onBehalfOf(principal), run, requestId } }
}
