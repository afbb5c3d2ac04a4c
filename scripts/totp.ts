/**
 * `npm run -s totp -- SECRET`: the code that an authenticator app with this seed would show now, for trying second factors without a telephone. Not
 * for seeds of people: what stands on a command line is read by others.
 */
import { decodeBase32 } from "../src/authentication/base32.ts"
import { hotp, stepOf } from "../src/authentication/totp.ts"
import { run, Stop } from "./local.ts"

/** The command. */
export async function tellCode(): Promise<void> {
  const [secret = ""] = process.argv.slice(2)
  const seed = decodeBase32(secret)
  if (seed === null || seed.length < 16)
    throw new Stop("Give the seed as factors.enrolTotp showed it: npm run -s totp -- JBSW…")
  console.log(await hotp(seed, stepOf(new Date())))
}

if (import.meta.main) await run(tellCode)
