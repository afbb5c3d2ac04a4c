/** What a problem says beside its code and sentence, as the doors that speak JSON tell it: one set of names for all of them. */
import type { Code } from "./code.ts"
import type { JsonObject } from "./json.ts"
import { type Problem, type ProblemType, problemTypes } from "./problem.ts"

/**
 * The cures and faults of a problem; what it does not say is left out.
 * @returns `retryAfter` and `maxAge` in seconds, `approval` (id, page), `violations` (path as an RFC 6901 pointer, code, message)
 */
export function problemFields({ options }: Problem): JsonObject {
  const { violations, retryAfterSeconds, maxAgeSeconds, approval } = options
  return {
    ...(retryAfterSeconds === undefined ? {} : { retryAfter: retryAfterSeconds }),
    ...(maxAgeSeconds === undefined ? {} : { maxAge: maxAgeSeconds }),
    ...(approval === undefined ? {} : { approval: { ...approval } }),
    ...(violations === undefined || violations.length === 0
      ? {}
      : { violations: violations.map((one) => ({ ...one })) }),
  }
}

/** The name of a kind of problem as a URN: stable, not to be fetched. */
export function problemUrn(name: Code | ProblemType): string {
  return `urn:selvage:problem:${name.toLowerCase().replaceAll("_", "-")}`
}

/** The kind of problem that a URN names; undefined for one that is not known here. */
export function problemTypeOf(urn: unknown): ProblemType | undefined {
  return problemTypes.find((type) => problemUrn(type) === urn)
}

/** `type`, where the problem refines its code. */
export function problemTypeField({ options: { type } }: Problem): { readonly type?: string } {
  return type === undefined ? {} : { type: problemUrn(type) }
}
