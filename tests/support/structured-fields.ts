/**
 * A strict parser of what RateLimit fields are made of (RFC 9651 §4.2): lists of strings with parameters that are integers or byte sequences.
 * Whatever else a structured field may be is refused, so a test that parses has shown the form.
 */

/** An item: its string and its parameters, byte sequences as text. */
export interface FieldItem {
  readonly name: string
  readonly parameters: Readonly<Record<string, number | string>>
}

const stringItem = /^"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"/
const parameter = /^; *([a-z*][a-z0-9_.*-]*)=(?:(-?\d{1,15})(?![\d.])|:([A-Za-z0-9+/]*={0,2}):)/
const comma = /^[ \t]*,[ \t]*/

/** @throws Error at the first character that is none of this */
export function parseFieldList(text: string): readonly FieldItem[] {
  let rest = text.replace(/^ +/, "").replace(/ +$/, "")
  const items: FieldItem[] = []
  const take = (pattern: RegExp, what: string): RegExpExecArray => {
    const found = pattern.exec(rest)
    if (found === null) throw new Error(`${what} expected at: ${rest}`)
    rest = rest.slice(found[0].length)
    return found
  }
  for (;;) {
    const [, raw = ""] = take(stringItem, "A string")
    const parameters: Record<string, number | string> = {}
    while (rest.startsWith(";")) {
      const [, key = "", integer, bytes] = take(parameter, "A parameter")
      parameters[key] = integer === undefined ? atob(bytes ?? "") : Number(integer)
    }
    items.push({ name: raw.replaceAll(/\\(.)/g, "$1"), parameters })
    if (rest === "") return items
    take(comma, "A comma")
    if (rest === "") throw new Error("A list does not end with a comma")
  }
}
