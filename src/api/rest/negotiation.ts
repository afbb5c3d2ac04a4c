/** What is taken and what is given: JSON in UTF-8, whatever other wishes Accept and Content-Type express. */

import type { Method } from "../../core/operation.ts"
import { Problem } from "../../core/problem.ts"

const json = "application/json"
const mergePatch = "application/merge-patch+json"

/** The media types that a method takes, the usual one first. */
export function takenTypes(method: Method): readonly string[] {
  return method === "PATCH" ? [mergePatch, json] : [json]
}

function weightOf(parameters: readonly string[]): number {
  const given = parameters
    .map((parameter) => /^\s*q\s*=\s*([0-9.]+)\s*$/i.exec(parameter)?.[1])
    .find((q) => q !== undefined)
  return given === undefined ? 1 : Number(given)
}

const precision: Readonly<Record<string, number>> = { [json]: 3, "application/*": 2, "*/*": 1 }

/** True when the caller takes JSON (RFC 9110 §12.5.1: the most precise range that matches decides). */
export function acceptsJson(header: string | null): boolean {
  if (header === null || header === "*/*" || header === json) return true
  let best = { precision: 0, weight: 0 }
  for (const range of header.split(",")) {
    const [type = "", ...parameters] = range.split(";")
    const found = precision[type.trim().toLowerCase()] ?? 0
    if (found > best.precision) best = { precision: found, weight: weightOf(parameters) }
  }
  return best.weight > 0
}

/** @throws INVALID_ARGUMENT `not-acceptable` when the caller does not take JSON */
export function refuseUnacceptable(header: string | null): void {
  if (acceptsJson(header)) return
  throw new Problem("INVALID_ARGUMENT", `Answers are ${json}; let Accept take it`, { type: "not-acceptable" })
}

function unsupported(message: string): Problem {
  return new Problem("INVALID_ARGUMENT", message, { type: "unsupported-media-type" })
}

/** @throws INVALID_ARGUMENT `unsupported-media-type`, naming what is taken */
export function refuseUnsupported(headers: Headers, method: Method): void {
  const taken = takenTypes(method)
  const [type = "", ...parameters] = (headers.get("content-type") ?? "").split(";")
  if (!taken.includes(type.trim().toLowerCase())) throw unsupported(`Send the body as ${taken.join(" or ")}`)
  const charset = parameters
    .map((parameter) => /^\s*charset\s*=\s*"?([^"\s]+)"?\s*$/i.exec(parameter)?.[1])
    .find((name) => name !== undefined)
  if (charset !== undefined && charset.toLowerCase() !== "utf-8") throw unsupported("Send the body in UTF-8")
  const coding = headers.get("content-encoding")
  if (coding !== null && coding.toLowerCase() !== "identity")
    throw unsupported("Send the body without a content coding")
}
