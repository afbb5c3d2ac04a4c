/** Runs before each file: brings the database up to date. */
// Vitest fetches a module when it is first imported: were that within a call, another call that waits for it would hang.
import "../../../src/authentication/argon2.ts"
import { applyD1Migrations } from "cloudflare:test"
import { env } from "cloudflare:workers"

await applyD1Migrations(env.DB, env.TEST_MIGRATIONS)
