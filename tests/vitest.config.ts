/**
 * `worker` runs inside workerd, with the bindings of wrangler.toml and one database for all files: tests keep apart by making their own
 * organization. `node` (tests/node) holds what needs drizzle-kit or a database of its own. What takes long of either stands in projects apart.
 */
import { join } from "node:path"
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin"
import { exportJWK, generateKeyPair } from "jose"
import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config"

const root = join(import.meta.dirname, "..")

/** Suites that take long by their nature: `npm run test:slow`, so that `npm test` stays under two minutes on two cores. */
const slow = {
  worker: [
    "tests/authentication/argon2.test.ts",
    "tests/caches/staleness.test.ts",
    "tests/fuzz/**/*.test.ts",
    "tests/graphql/refusals.test.ts",
    "tests/jobs/failing.test.ts",
    "tests/live/agreement.test.ts",
    "tests/live/resume.test.ts",
    "tests/mcp/approvals.test.ts",
    "tests/oauth/terms.test.ts",
    "tests/pages/step-up.test.ts",
    "tests/providers/unlinking.test.ts",
    "tests/scenarios/administrators.test.ts",
    "tests/scenarios/me.test.ts",
    "tests/security/api-keys.test.ts",
    "tests/security/brute-force.test.ts",
    "tests/security/ending.test.ts",
    "tests/security/enrolment.test.ts",
    "tests/security/limits.test.ts",
    "tests/security/passkeys-as-factors.test.ts",
    "tests/security/passwords-kept.test.ts",
    "tests/security/passwords.test.ts",
    "tests/security/proof.test.ts",
    "tests/security/recovery.test.ts",
    "tests/security/second-factors.test.ts",
    "tests/security/sessions.test.ts",
    "tests/user/model.test.ts",
    "tests/webhooks/failing.test.ts",
  ],
  node: [
    "tests/exactness/exactness.test.ts",
    "tests/node/audit.test.ts",
    "tests/node/caches.test.ts",
    "tests/node/left-out.test.ts",
    "tests/node/oauth.test.ts",
    "tests/node/webhooks.test.ts",
  ],
}

/** Generous, so that a busy machine of two cores does not turn a test red. */
const patience = { testTimeout: 30_000, hookTimeout: 60_000 }

/** Keys of this run only, and what .dev.vars would say. */
async function testBindings() {
  const { privateKey } = await generateKeyPair("EdDSA", { extractable: true })
  const signingKey = { ...(await exportJWK(privateKey)), kid: "test", alg: "EdDSA" }
  const { d: _, ...publicKey } = signingKey
  const bytes = () => Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url")
  const ring = () => JSON.stringify({ current: "k1", keys: { k1: bytes() } })
  const secrets = {
    // Stands for another issuer that is trusted: most tests need a principal, not a session.
    TOKEN_PUBLIC_KEYS: JSON.stringify({ keys: [{ ...publicKey, use: "sig" }] }),
    CURSOR_SECRET: bytes(),
    PEPPER: ring(),
    KEK: ring(),
    REFRESH: ring(),
  }
  // Wrangler warns of secrets that it finds neither here nor in .dev.vars.
  Object.assign(process.env, secrets)
  return {
    ...secrets,
    ENVIRONMENT: "development",
    TEST_SIGNING_KEY: JSON.stringify(signingKey),
    // Other cases for the property tests: SEED=42 npm test
    ...(process.env.SEED ? { SEED: process.env.SEED } : {}),
    // A longer run of the fuzz test.
    ...(process.env.FUZZ_RUNS ? { FUZZ_RUNS: process.env.FUZZ_RUNS } : {}),
    TEST_MIGRATIONS: await readD1Migrations(join(root, "migrations")),
  }
}

/** A project of tests that run inside workerd. */
function inWorkerd(name: string, include: string[], exclude: string[]): TestProjectInlineConfiguration {
  return {
    plugins: [
      cloudflareTest(async () => ({
        wrangler: { configPath: join(root, "wrangler.toml") },
        miniflare: {
          bindings: await testBindings(),
          // A log of their own for the tests that break it, and an archive.
          d1Databases: { TEST_LOG: "test-log", TEST_PRUNED: "test-pruned" },
          r2Buckets: { TEST_ARCHIVE: "test-archive" },
          // The shield counts by address, and all tests call from one.
          ratelimits: { SHIELD: { namespace_id: "1001", simple: { limit: 1_000_000, period: 60 } } },
        },
      })),
    ],
    test: {
      name,
      include,
      exclude,
      setupFiles: [join(root, "tests/setup.ts")],
      isolate: false,
      ...patience,
      maxWorkers: 3,
    },
  }
}

export default defineConfig({
  root,
  test: {
    // One log line a call: worth reading only where a test fails.
    silent: "passed-only",
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      exclude: ["src/**/*.config.ts"],
      // scripts/check-coverage.ts reads the summary and knows the floor.
      reporter: ["text-summary", "json-summary"],
    },
    projects: [
      inWorkerd(
        "worker",
        ["tests/**/*.test.ts"],
        [
          "tests/node/**",
          "tests/doors/**",
          "tests/parity/**",
          "tests/browser/**",
          "tests/exactness/**",
          "tests/e2e/**",
          "tests/package/**",
          ...slow.worker,
        ],
      ),
      inWorkerd("slow", slow.worker, []),
      { test: { name: "node", include: ["tests/node/**/*.test.ts"], exclude: slow.node, ...patience } },
      { test: { name: "slow-node", include: slow.node, ...patience } },
    ],
  },
})
