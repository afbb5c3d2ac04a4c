/**
 * `npm run -s ring`: prints a fresh key ring, for `npm run -s ring | wrangler secret put PEPPER`. To rotate, add the new key to the ring that
 * there is and make it current: a ring that forgets a key makes unreadable what was sealed under it.
 */
import { randomBytes } from "node:crypto"

/** A key ring with one random key of 32 bytes, as the secrets PEPPER, KEK and REFRESH take it. */
export function freshRing(): string {
  return JSON.stringify({ current: "k1", keys: { k1: randomBytes(32).toString("base64url") } })
}

/** The command. */
export function printRing(): void {
  console.log(freshRing())
}

if (import.meta.main) printRing()
