/**
 * `npm run test:conduit`: Conduit end to end. `worker` runs inside workerd with the bindings of the example's own wrangler.toml; what the tests
 * hold it against, the specification and the README, are read here and handed in. `node` looks at the sources.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin"
import { defineConfig } from "vitest/config"
import { parse } from "yaml"

const root = join(import.meta.dirname, "../../..")
const conduit = join(root, "examples/conduit")

/** Generous, so that a busy machine of two cores does not turn a test red. */
const patience = { testTimeout: 30_000, hookTimeout: 60_000 }

async function testBindings() {
  const bytes = () => Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url")
  const ring = () => JSON.stringify({ current: "k1", keys: { k1: bytes() } })
  const secrets = { CURSOR_SECRET: bytes(), PEPPER: ring(), KEK: ring(), REFRESH: ring() }
  // Wrangler warns of secrets that it finds neither here nor in .dev.vars.
  Object.assign(process.env, secrets)
  return {
    ...secrets,
    ENVIRONMENT: "development",
    TEST_MIGRATIONS: await readD1Migrations(join(conduit, "migrations")),
    TEST_SPECIFICATION: JSON.stringify(parse(readFileSync(join(conduit, "openapi.yml"), "utf8"))),
    TEST_README: readFileSync(join(conduit, "README.md"), "utf8"),
  }
}

export default defineConfig({
  root,
  test: {
    // One log line a call: worth reading only where a test fails.
    silent: "passed-only",
    projects: [
      {
        plugins: [
          cloudflareTest(async () => ({
            wrangler: { configPath: join(conduit, "wrangler.toml") },
            miniflare: {
              bindings: await testBindings(),
              // The shield counts by address.
              ratelimits: { SHIELD: { namespace_id: "1001", simple: { limit: 1_000_000, period: 60 } } },
            },
          })),
        ],
        test: {
          name: "worker",
          include: ["examples/conduit/tests/*.test.ts"],
          exclude: ["examples/conduit/tests/sources.test.ts"],
          setupFiles: [join(conduit, "tests/setup.ts")],
          isolate: false,
          ...patience,
          maxWorkers: 1,
        },
      },
      { test: { name: "node", include: ["examples/conduit/tests/sources.test.ts"], ...patience } },
    ],
  },
})
