/** Runs before each file: brings the one database up to date (also after a test that called `reset()`). */
import { applyD1Migrations } from "cloudflare:test"
import { env } from "cloudflare:workers"

await applyD1Migrations(env.DB, env.TEST_MIGRATIONS)
