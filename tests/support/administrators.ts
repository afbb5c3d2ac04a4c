/** Administrators, made as no door can make them: the role is written into the database. */
import { env } from "cloudflare:workers"
import { person, session } from "./people.ts"
import { type Protected, withApp } from "./second-factors.ts"

/** Somebody with the role `admin`, the second factor that it takes, and a session that says so. */
export async function administrator(name = "Administrator"): Promise<Protected> {
  const who = await person(name)
  await env.DB.prepare(`update "users" set "roles" = '["admin"]', "version" = "version" + 1 where "id" = ?`)
    .bind(who.id)
    .run()
  return withApp(await session(who))
}
