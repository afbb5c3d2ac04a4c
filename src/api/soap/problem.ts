/**
 * Problem -> fault. 1.1 (§4.4): Client or Server, always with HTTP 500 (§6.2). 1.2 (part 1 §5.4, part 2 §7.5.2.2): Sender with 400, Receiver
 * with 500, the shared code as the subcode. The detail is the same in both: the element Problem of the WSDL.
 */
import { type Code, titles } from "../../core/code.ts"
import type { Problem } from "../../core/problem.ts"
import { problemTypeField } from "../../core/problem-fields.ts"
import { EnvelopeProblem, enveloped, type Version } from "./envelope.ts"
import { typesNamespace } from "./names.ts"
import { escapeXml } from "./xml.ts"

/** What the receiver is to blame for; trying again may help. */
const receivers: ReadonlySet<Code> = new Set<Code>([
  "RESOURCE_EXHAUSTED",
  "CANCELLED",
  "DEADLINE_EXCEEDED",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNKNOWN",
  "DATA_LOSS",
  "UNAVAILABLE",
])

function detailOf(problem: Problem, requestId: string): string {
  const { violations = [], retryAfterSeconds, maxAgeSeconds, approval } = problem.options
  const { type } = problemTypeField(problem)
  const retry = retryAfterSeconds === undefined ? "" : `<retryAfter>${Math.ceil(retryAfterSeconds)}</retryAfter>`
  const age = maxAgeSeconds === undefined ? "" : `<maxAge>${maxAgeSeconds}</maxAge>`
  const waiting =
    approval === undefined
      ? ""
      : `<approval><id>${escapeXml(approval.id)}</id><page>${escapeXml(approval.page)}</page></approval>`
  const kind = type === undefined ? "" : `<type>${escapeXml(type)}</type>`
  const told = violations.map(
    ({ path, code, message }) =>
      `<violations><path>${escapeXml(path)}</path><code>${escapeXml(code)}</code><message>${escapeXml(message)}</message></violations>`,
  )
  const head = `<code>${problem.code}</code><title>${escapeXml(titles[problem.code])}</title><detail>${escapeXml(problem.message)}</detail>`
  return `<Problem xmlns="${typesNamespace}">${head}<requestId>${escapeXml(requestId)}</requestId>${kind}${retry}${age}${waiting}${told.join("")}</Problem>`
}

/** A problem as the fault of a version. */
export function faultOf(version: Version, problem: Problem, requestId: string): { status: number; text: string } {
  const isReceiver = receivers.has(problem.code)
  const envelope = problem instanceof EnvelopeProblem ? problem.fault : null
  const reason = escapeXml(problem.message)
  const detail = detailOf(problem, requestId)
  if (version.name === "1.1") {
    const code = envelope ?? (isReceiver ? "Server" : "Client")
    const body = `<soap:Fault><faultcode>soap:${code}</faultcode><faultstring>${reason}</faultstring><detail>${detail}</detail></soap:Fault>`
    return { status: 500, text: enveloped(version, body) }
  }
  const code = envelope ?? (isReceiver ? "Receiver" : "Sender")
  const subcode = `<soap:Subcode><soap:Value xmlns:v="${typesNamespace}">v:${problem.code}</soap:Value></soap:Subcode>`
  const body = `<soap:Fault><soap:Code><soap:Value>soap:${code}</soap:Value>${subcode}</soap:Code><soap:Reason><soap:Text xml:lang="en">${reason}</soap:Text></soap:Reason><soap:Detail>${detail}</soap:Detail></soap:Fault>`
  return { status: code === "Sender" ? 400 : 500, text: enveloped(version, body) }
}
