/** Administrators, made as no door can make them: the role is written into the database. */
import { env } from "cloudflare:workers"
import { type Person, person, session } from "./people.ts"

/** Somebody with the role `admin` and a session that says so. */
export async function administrator(name = "Administrator"): Promise<Person> {
  const who = await person(name)
  await env.DB.prepare(`update "users" set "roles" = '["admin"]', "version" = "version" + 1 where "id" = ?`)
    .bind(who.id)
    .run()
  return session(who)
}
