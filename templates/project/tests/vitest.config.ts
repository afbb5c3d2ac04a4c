/** Tests run in workerd, the runtime of production, with the bindings of wrangler.toml and keys of this run only. */
import { randomBytes } from "node:crypto"
import { join } from "node:path"
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin"
import { defineConfig } from "vitest/config"

const root = join(import.meta.dirname, "..")
const bytes = () => randomBytes(32).toString("base64url")
const ring = () => JSON.stringify({ current: "k1", keys: { k1: bytes() } })
const secrets = { CURSOR_SECRET: bytes(), PEPPER: ring(), KEK: ring(), REFRESH: ring() }
// Wrangler warns of secrets that it finds neither here nor in .dev.vars.
Object.assign(process.env, secrets)

export default defineConfig({
  root,
  plugins: [
    cloudflareTest(async () => ({
      wrangler: { configPath: join(root, "wrangler.toml") },
      miniflare: {
        bindings: {
          ...secrets,
          ENVIRONMENT: "development",
          TEST_MIGRATIONS: await readD1Migrations(join(root, "migrations")),
        },
      },
    })),
  ],
  test: {
    include: ["tests/**/*.test.ts"],
    setupFiles: [join(root, "tests/setup.ts")],
    // One log line a call: worth reading only where a test fails.
    silent: "passed-only",
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
})
