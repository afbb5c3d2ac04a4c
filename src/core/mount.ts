/**
 * A mount: a part of the REST interface whose shape somebody else dictates. It has its own place, its own authentication schemes and its own
 * rendering of problems; what its operations do is the same as everywhere.
 */
import type * as z from "zod"
import type { Code } from "./code.ts"
import type { Json } from "./json.ts"
import type { Operation } from "./operation.ts"
import type { ProblemType, Violation } from "./problem.ts"

/** A problem as a mount may show it. Holds nothing that the standard form would not show. */
export interface ToldProblem {
  readonly code: Code
  readonly type: ProblemType | null
  /** The HTTP status of the standard form. */
  readonly status: number
  readonly message: string
  /** Paths are JSON pointers into the operation's input. */
  readonly violations: readonly Violation[]
  readonly requestId: string
  readonly retryAfterSeconds: number | null
}

/** How problems look. */
export interface ProblemRendering {
  /** The body, for the generated document. */
  readonly schema: z.ZodType
  /** Status and body; null for no body. Called for every problem of the mount. */
  render(problem: ToldProblem): { readonly status: number; readonly body: Json }
}

/** What `mount()` takes. */
export interface MountOptions {
  /** Served here, and in no version of the interface. Their `rest` paths are below the prefix. */
  readonly operations: readonly Operation[]
  /** Schemes of `Authorization` that are taken beside Bearer, such as `Token`. */
  readonly schemes?: readonly string[]
  /** RFC 9457 when left out. */
  readonly problem?: ProblemRendering
}

/** A declared mount. */
export interface Mount {
  readonly prefix: string
  readonly operations: readonly Operation[]
  readonly schemes: readonly string[]
  readonly problem: ProblemRendering | null
}

/** The mount that a path belongs to, whether anything stands there or not. */
export function mountAt(mounts: readonly Mount[], path: string): Mount | null {
  return mounts.find(({ prefix }) => path === prefix || path.startsWith(`${prefix}/`)) ?? null
}

/**
 * Declares a mount.
 * @param prefix where it stands, as `/api`
 * @throws Error for a prefix that is none or is taken by the engine, and for a scheme that is no token (RFC 9110 §11.1)
 */
export function mount(prefix: string, { operations, schemes = [], problem }: MountOptions): Mount {
  if (
    !/^(\/[a-z0-9][a-z0-9-]*)+$/.test(prefix) ||
    /^\/(v1|docs|health|dev|account|auth|hooks|oauth|_docs)(\/|$)/.test(prefix)
  )
    throw new Error(`mount("${prefix}"): a prefix is /words, and not one of the engine's own`)
  for (const scheme of schemes)
    if (!/^[A-Za-z][A-Za-z0-9-]*$/.test(scheme))
      throw new Error(`mount("${prefix}"): ${scheme} is no authentication scheme`)
  return Object.freeze({ prefix, operations, schemes, problem: problem ?? null })
}
