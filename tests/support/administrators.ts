/** Administrators who signed in: the operations of administrators take no token of another issuer. */
import { env } from "cloudflare:workers"
import { type Person, person, session } from "./people.ts"

/** Somebody with the role `admin`, with an open session. */
export async function administrator(name = "Administrator"): Promise<Person> {
  const plain = await person(name)
  await env.DB.prepare(`update "users" set "roles" = '["admin"]', "version" = "version" + 1 where "id" = ?`)
    .bind(plain.id)
    .run()
  return session(plain)
}
