/** Base32 (RFC 4648 §6), without padding: for what people read from a screen and type. */
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
/** Digits that are not in the alphabet, for the letters that they are taken for. */
const mistaken: Readonly<Record<string, string>> = { "0": "O", "1": "I", "8": "B" }

/** Bytes as base32. */
export function encodeBase32(bytes: Uint8Array): string {
  let text = ""
  let bits = 0
  let value = 0
  for (const byte of bytes) {
    value = (value << 8) | byte
    bits += 8
    for (; bits >= 5; bits -= 5) text += alphabet[(value >>> (bits - 5)) & 31]
    value &= (1 << bits) - 1
  }
  return bits === 0 ? text : text + alphabet[(value << (5 - bits)) & 31]
}

/** The bytes of base32 as people type it: in lower case, with spaces and hyphens, `0` for `O`. null for anything else. */
export function decodeBase32(text: string): Uint8Array | null {
  const typed = text.replaceAll(/[\s-]/g, "").toUpperCase()
  const bytes: number[] = []
  let bits = 0
  let value = 0
  for (const character of typed) {
    const digit = alphabet.indexOf(mistaken[character] ?? character)
    if (digit === -1) return null
    value = (value << 5) | digit
    bits += 5
    if (bits < 8) continue
    bits -= 8
    bytes.push((value >>> bits) & 255)
    value &= (1 << bits) - 1
  }
  // What is left over is padding: fewer bits than a digit has, all zero.
  return bits < 5 && value === 0 ? Uint8Array.from(bytes) : null
}
