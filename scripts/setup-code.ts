/** One-time codes that make an administrator: shown once to whoever operates the installation, kept as a hash for a day. */
import { formatToken, hashSecret } from "../src/authentication/token.ts"

/** A code and what is stored of it. */
export interface SetupCode {
  /** For `auth.setUp`; shown once. */
  readonly text: string
  readonly hash: string
  /** RFC 3339, a day from now. */
  readonly expiresAt: string
}

const lifeMs = 24 * 3600_000
const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))

/** Makes a code. The route in its text leads nowhere: codes belong to no object. */
export async function mintSetupCode(): Promise<SetupCode> {
  const secret = random(32)
  return {
    text: formatToken("st", random(16), secret),
    hash: await hashSecret(secret),
    expiresAt: new Date(Date.now() + lifeMs).toISOString(),
  }
}

/** SQL that stores a code and clears those whose time is over. Its values are hex and an instant, so they stand in the text. */
export function storeSetupCode({ hash, expiresAt }: SetupCode): readonly string[] {
  const now = new Date().toISOString()
  return [
    `delete from "setup_codes" where "expiresAt" <= '${now}'`,
    `insert into "setup_codes" ("hash", "expiresAt") values ('${hash}', '${expiresAt}')`,
  ]
}

/** The call that uses a code, to be pasted once name, address and password are one's own. */
export function setUpLine(origin: string, code: string): string {
  const body = `{"code":"${code}","email":"you@example.com","name":"You","password":"fifteen characters or more"}`
  return `curl -s '${origin}/v1/auth/set-up' -H 'Content-Type: application/json' -d '${body}'`
}
