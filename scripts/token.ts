/** `npm run -s token -- --as ada@example.com`: prints a ten-minute access token for a user of the local database. */
import { parseArgs } from "node:util"
import { importJWK, SignJWT } from "jose"
import { readLocal } from "./database.ts"
import { localSigningKey, localVariable, run, Stop } from "./local.ts"

/** Signs a token for the user with this address, as the local Worker accepts it. */
export async function tokenFor(email: string): Promise<string> {
  const key = localSigningKey()
  const user = readLocal("users", (database) => {
    const found = database.prepare("select id, roles, status from users where email = ? collate nocase").get(email)
    if (found) return found
    const known = database.prepare("select email from users order by email limit 20").all()
    throw new Stop(`There is no user ${email}. There are: ${known.map((row) => row.email).join(", ") || "none"}.`)
  })
  if (!user) throw new Stop("There is no local database yet: run `npm start` once.")
  if (user.status !== "active") throw new Stop(`${email} is ${user.status}.`)
  return new SignJWT({ roles: JSON.parse(String(user.roles)) })
    .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid: key.kid })
    .setIssuer(localVariable("TOKEN_ISSUER"))
    .setAudience(localVariable("TOKEN_AUDIENCE"))
    .setSubject(String(user.id))
    .setIssuedAt()
    .setExpirationTime("10 minutes")
    .sign(await importJWK(key, "EdDSA"))
}

if (import.meta.main) {
  await run(async () => {
    const { values } = parseArgs({ options: { as: { type: "string" } } })
    if (!values.as) throw new Stop("Say who: npm run -s token -- --as ada@example.com")
    console.log(await tokenFor(values.as))
  })
}
