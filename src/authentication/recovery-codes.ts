/** Recovery codes: ten, of 120 bits each, so that their SHA-256 is enough to store. Shown once; each works once. */
import { decodeBase32, encodeBase32 } from "./base32.ts"
import { hashSecret, type Random } from "./token.ts"

const count = 10
const codeBytes = 15

/** A code as people read it: `ABCD-EFGH-…`, six groups of four. */
function shown(bytes: Uint8Array): string {
  return encodeBase32(bytes).replaceAll(/(.{4})(?=.)/g, "$1-")
}

/** Makes ten codes, with what is stored of them. */
export async function mintRecoveryCodes(
  random: Random,
): Promise<{ readonly codes: readonly string[]; readonly hashes: readonly string[] }> {
  const secrets = Array.from({ length: count }, () => random(codeBytes))
  return { codes: secrets.map(shown), hashes: await Promise.all(secrets.map(hashSecret)) }
}

/** What is stored of a code as somebody typed it; null when it cannot be one. */
export async function recoveryCodeHash(text: string): Promise<string | null> {
  const bytes = decodeBase32(text)
  return bytes?.length === codeBytes ? hashSecret(bytes) : null
}
