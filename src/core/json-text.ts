/**
 * Text -> JSON, for input that may be hostile. Depth and duplicate names are looked for in one pass before anything is parsed, so that
 * ten thousand brackets cost a scan and not a stack. Refuses what JSON.parse lets through: the second of two equal names.
 */
import type { Json } from "./json.ts"
import { limits } from "./limits.ts"
import { invalid, pointer } from "./problem.ts"

/** An object or array that is open at this point of the text. */
interface Open {
  /** Names so far; null for an array. */
  readonly names: Set<string> | null
  /** The name, or the position, of the member that the scan stands in. */
  at: string | number
}

/** Text of a JSON number (RFC 8259 §6). */
export const numberText = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/

const quote = 0x22
const backslash = 0x5c

/** The position after a string's closing quote; the text's length when it never closes. */
function endOfString(text: string, from: number): number {
  for (let n = from + 1; n < text.length; n++) {
    const code = text.charCodeAt(n)
    if (code === backslash) n++
    else if (code === quote) return n + 1
  }
  return text.length
}

function nameOf(text: string, from: number, to: number): string {
  const raw = text.slice(from + 1, to - 1)
  if (!raw.includes("\\")) return raw
  try {
    return JSON.parse(`"${raw}"`) as string
  } catch {
    return raw
  }
}

function isName(text: string, after: number): boolean {
  let n = after
  while (text[n] === " " || text[n] === "\n" || text[n] === "\r" || text[n] === "\t") n++
  return text[n] === ":"
}

function takeName(open: Open, name: string, path: () => string): void {
  if (open.names?.has(name))
    throw invalid(path() + pointer(name.slice(0, 100)), "duplicate_key", "The same name stands twice in one object")
  open.names?.add(name)
  open.at = name
}

/** Refuses nesting beyond the limit and duplicate names. Grammar is JSON.parse's business. */
function scan(text: string, base: string): void {
  const open: Open[] = []
  const path = () => base + pointer(...open.slice(0, -1).map((level) => level.at))
  for (let n = 0; n < text.length; n++) {
    const top = open[open.length - 1]
    switch (text[n]) {
      case '"': {
        const end = endOfString(text, n)
        if (top?.names && isName(text, end)) takeName(top, nameOf(text, n, end), path)
        n = end - 1
        break
      }
      case "{":
      case "[":
        if (open.length >= limits.jsonDepth)
          throw invalid(base, "too_deep", `JSON nests at most ${limits.jsonDepth} deep here`)
        open.push(text[n] === "{" ? { names: new Set(), at: "" } : { names: null, at: 0 })
        break
      case "}":
      case "]":
        open.pop()
        break
      case ",":
        if (top && typeof top.at === "number") top.at += 1
    }
  }
}

/**
 * Parses JSON from a caller.
 * @param base JSON pointer of the place in the input where the value belongs
 * @throws INVALID_ARGUMENT: malformed_json at `base`, too_deep, duplicate_key at the name
 */
export function parseJson(text: string, base: string): Json {
  scan(text, base)
  try {
    return JSON.parse(text) as Json
  } catch {
    throw invalid(base, "malformed_json", "This is not valid JSON")
  }
}
