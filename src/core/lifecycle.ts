/**
 * The life of what is offered: since which version it is there, since when it is deprecated, when it goes away, what to use instead. Declared with
 * an operation, a resource, a field or a version of the REST interface; every door tells it in its own words.
 */
import type { JsonObject } from "./json.ts"

/** That something is to be used no longer. It goes on answering, also behind its sunset, until somebody takes it away. */
export interface Deprecation {
  /** The day since when, UTC, as `2026-11-01`: RFC 9745 has no word for a version. */
  readonly since: string
  /** The day on which it may be gone (RFC 8594), as `2027-06-30`. */
  readonly sunset?: string
  /** What to use instead: the name of an operation, of a field of the same record or object, of a resource, or the prefix of a version. */
  readonly replacement?: string
  /** One sentence more. */
  readonly reason?: string
}

/** What may be said of everything that is offered. */
export interface Lifecycle {
  /** The version of the application that brought it, as `1.2`. */
  readonly since?: string
  readonly deprecated?: Deprecation
}

/** What may be said of a field: of it, and of single values of an enumeration. */
export interface FieldLifecycle extends Lifecycle {
  readonly values?: Readonly<Record<string, Lifecycle>>
}

/** A day as milliseconds since 1970; NaN for text that is no day. */
function dayMs(text: string): number {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return Number.NaN
  const at = Date.parse(`${text}T00:00:00.000Z`)
  // 30 February is a day in March to Date.
  return Number.isNaN(at) || !new Date(at).toISOString().startsWith(text) ? Number.NaN : at
}

/**
 * Refuses dates that are none, a sunset before the deprecation, a version that is none.
 * @param subject names the declaration
 */
export function checkLifecycle({ since, deprecated }: Lifecycle, subject: string): void {
  if (since !== undefined && !/^\d+(\.\d+){0,2}$/.test(since))
    throw new Error(`${subject}: since is ${JSON.stringify(since)}; give a version, as "1.2"`)
  if (deprecated === undefined) return
  const from = dayMs(deprecated.since)
  if (Number.isNaN(from))
    throw new Error(`${subject}: deprecated.since is ${JSON.stringify(deprecated.since)}; give a day, as "2026-11-01"`)
  if (deprecated.sunset === undefined) return
  const until = dayMs(deprecated.sunset)
  if (Number.isNaN(until))
    throw new Error(
      `${subject}: deprecated.sunset is ${JSON.stringify(deprecated.sunset)}; give a day, as "2027-06-30"`,
    )
  if (until < from)
    throw new Error(
      `${subject}: its sunset ${deprecated.sunset} lies before its deprecation on ${deprecated.since}; one of them is wrong`,
    )
}

/**
 * Refuses a replacement that is not there.
 * @param names what could be used instead, in the words of the declaration
 */
export function checkReplacement(
  { deprecated }: Lifecycle,
  own: string,
  names: { has(name: string): boolean },
  subject: string,
): void {
  const replacement = deprecated?.replacement
  if (replacement === undefined) return
  if (replacement === own) throw new Error(`${subject}: it cannot be its own replacement`)
  if (!names.has(replacement)) throw new Error(`${subject}: its replacement ${replacement} does not exist`)
}

/**
 * The deprecation as one sentence or two, for readers of documents.
 * @param nameOf what a door calls the replacement
 */
export function deprecationText(
  { since, sunset, replacement, reason }: Deprecation,
  nameOf: (name: string) => string = (name) => name,
): string {
  const until = sunset === undefined ? "" : `, goes away on ${sunset}`
  const instead = replacement === undefined ? "" : `: use ${nameOf(replacement)}`
  return `Deprecated since ${since}${until}${instead}.${reason === undefined ? "" : ` ${reason}`}`
}

/** Two reasons to go: the earlier days of both, and what the first says to use instead. */
export function joined(one: Deprecation | undefined, other: Deprecation | undefined): Deprecation | undefined {
  if (!one || !other) return one ?? other
  const earlier = (a: string, b: string) => (a < b ? a : b)
  const sunset = one.sunset && other.sunset ? earlier(one.sunset, other.sunset) : (one.sunset ?? other.sunset)
  return { ...one, since: earlier(one.since, other.since), ...(sunset === undefined ? {} : { sunset }) }
}

/** Values of the header fields `Deprecation` (RFC 9745 §2.1, a Date of RFC 9651) and `Sunset` (RFC 8594 §3, an HTTP-date). */
export function deprecationFields({ since, sunset }: Deprecation): {
  readonly deprecation: string
  readonly sunset: string | null
} {
  return {
    deprecation: `@${dayMs(since) / 1000}`,
    sunset: sunset === undefined ? null : new Date(dayMs(sunset)).toUTCString(),
  }
}

/** The deprecation for doors whose answers are JSON. */
export function deprecationJson({ since, sunset, replacement }: Deprecation): JsonObject {
  return {
    since,
    ...(sunset === undefined ? {} : { sunset }),
    ...(replacement === undefined ? {} : { replacement }),
  }
}

/** Sets the two header fields, when there is something to tell. */
export function tellDeprecation(headers: Headers, deprecated: Deprecation | undefined): void {
  if (deprecated === undefined) return
  const { deprecation, sunset } = deprecationFields(deprecated)
  headers.set("Deprecation", deprecation)
  if (sunset !== null) headers.set("Sunset", sunset)
}

/** Whether the day of the sunset has come. */
export function isPastSunset({ sunset }: Deprecation, now: Date): boolean {
  return sunset !== undefined && now.getTime() >= dayMs(sunset)
}

/** A life as OpenAPI shows it, at operations and properties; the keys beside `deprecated` are extensions (OpenAPI 3.1 §4.9). */
export function lifecycleAnnotations({ since, deprecated }: Lifecycle): JsonObject {
  return {
    ...(since === undefined ? {} : { "x-since": since }),
    ...(deprecated === undefined
      ? {}
      : {
          deprecated: true,
          "x-deprecation": deprecationText(deprecated),
          ...(deprecated.sunset === undefined ? {} : { "x-sunset": deprecated.sunset }),
          ...(deprecated.replacement === undefined ? {} : { "x-replacement": deprecated.replacement }),
        }),
  }
}

/** What a schema says of a property's life. For what the registry checks; others say `lifecycle()`. */
export function lifecycleMeta({ values = {}, ...life }: FieldLifecycle): Record<string, unknown> {
  const told = Object.entries(values).flatMap(([value, { deprecated }]) =>
    deprecated === undefined ? [] : [[value, deprecationText(deprecated)] as const],
  )
  const single = told.length === 0 ? {} : { "x-enum-deprecated": Object.fromEntries(told) }
  return { ...lifecycleAnnotations(life), ...single }
}

/**
 * What `.meta()` of a schema takes to say the life of a property of an operation's input or output:
 * `dueAt: z.iso.date().optional().meta(lifecycle({ deprecated: { since: "2026-11-01", replacement: "due" } }))`.
 * @throws Error for days and versions that are none
 */
export function lifecycle(options: FieldLifecycle): Record<string, unknown> {
  checkLifecycle(options, "lifecycle()")
  for (const [value, life] of Object.entries(options.values ?? {})) checkLifecycle(life, `lifecycle(), value ${value}`)
  return lifecycleMeta(options)
}

/** The sentence of a schema node that is deprecated, however it was said; undefined for one that is not. */
export function deprecationIn(node: { readonly [key: string]: unknown }): string | undefined {
  if (node.deprecated !== true) return undefined
  return typeof node["x-deprecation"] === "string" ? node["x-deprecation"] : "Deprecated."
}
