/** What may stand in a log: no secret, no token, no parameter of a statement. Anything that looks like one is replaced. */

const patterns: readonly (readonly [RegExp, string])[] = [
  [/eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*/g, "[token]"],
  [/\bsv_[a-z]+_[A-Za-z0-9]+/g, "[key]"],
  [/\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]+/gi, "$1 [credential]"],
  [/("?(?:password|secret|token|authorization|cookie|api_?key)"?\s*[:=]\s*)("[^"]*"|[^\s,;}]+)/gi, "$1[redacted]"],
  [/[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}/g, "[address]"],
  [/\bparams: [\s\S]*/g, "params: [redacted]"],
]

const lengthMax = 2000

/** Text without what must not be logged, cut to a bound. */
export function redact(text: string): string {
  let out = text.length > lengthMax * 2 ? text.slice(0, lengthMax * 2) : text
  for (const [pattern, replacement] of patterns) out = out.replace(pattern, replacement)
  return out.length > lengthMax ? `${out.slice(0, lengthMax)}…` : out
}

/** A cause as an operator reads it: names, messages and the stack of what was thrown, redacted. */
export function describeCause(cause: unknown, depth = 0): string {
  if (cause instanceof Error) {
    const inner = cause.cause === undefined || depth >= 4 ? "" : ` <- ${describeCause(cause.cause, depth + 1)}`
    const at =
      depth === 0
        ? (cause.stack
            ?.split("\n")
            .slice(1, 4)
            .map((line) => line.trim())
            .join(" ") ?? "")
        : ""
    return redact(`${cause.name}: ${cause.message}${at ? ` ${at}` : ""}${inner}`)
  }
  if (typeof cause === "string") return redact(cause)
  return redact(JSON.stringify(cause) ?? String(cause))
}
