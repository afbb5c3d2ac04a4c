/** What an operator does: makes setup codes, and with one an administrator. */
import { env } from "cloudflare:workers"
import { typeid } from "typeid-js"
import { formatToken, hashSecret, idRoute } from "../../src/authentication/token.ts"
import { call } from "./calls.ts"
import { newAddress, session } from "./people.ts"
import { type Protected, withApp } from "./second-factors.ts"

/**
 * A setup code, as `npm run admin:invite` makes one.
 * @param lifeMs milliseconds; negative: over already
 */
export async function newSetupCode(lifeMs = 3600_000): Promise<string> {
  const secret = crypto.getRandomValues(new Uint8Array(32))
  await env.DB.prepare('insert into "setup_codes" ("hash", "expiresAt") values (?, ?)')
    .bind(await hashSecret(secret), new Date(Date.now() + lifeMs).toISOString())
    .run()
  return formatToken("st", idRoute(typeid("setup").toString()), secret)
}

/** An administrator with an open session and the second factor that it takes. */
export async function administrator(): Promise<Protected> {
  const who = newAddress("Admin")
  const { name, email, password, headers } = who
  const body = { code: await newSetupCode(), name, email, password }
  const made = await call(null, "POST /v1/auth/set-up", { body, headers })
  if (made.status !== 201) throw new Error(`Setting up answered ${made.status}: ${JSON.stringify(made.body)}`)
  return withApp(await session(who))
}
