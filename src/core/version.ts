/**
 * A version of the REST interface: a prefix under which operations stand. Versions stand beside each other over the same resources; what changes
 * incompatibly is an operation of its own that one version serves and the other does not. Other doors have one interface, which only grows.
 */
import type { Deprecation } from "./lifecycle.ts"

/** What `version()` takes. */
export interface VersionOptions {
  /** Said by every answer under the prefix. A replacement is the prefix of another version. */
  readonly deprecated?: Deprecation
  /** Names of the operations that this version does not serve. */
  readonly without?: readonly string[]
}

/** A declared version. */
export interface Version {
  /** As `/v2`. */
  readonly prefix: string
  readonly deprecated?: Deprecation
  readonly without: ReadonlySet<string>
}

/**
 * Declares a version, for `app({ versions: [version("/v1", …), version("/v2", …)] })`.
 * @param prefix `/v` and a number
 * @throws Error for another prefix
 */
export function version(prefix: string, { deprecated, without = [] }: VersionOptions = {}): Version {
  if (!/^\/v[1-9][0-9]*$/.test(prefix)) throw new Error(`version("${prefix}"): a prefix is /v and a number, as "/v2"`)
  return Object.freeze({ prefix, without: new Set(without), ...(deprecated === undefined ? {} : { deprecated }) })
}

/** What stands when an application declares no versions. */
export const firstVersion: Version = version("/v1")
