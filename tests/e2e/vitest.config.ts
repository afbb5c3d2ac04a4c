/** `npm run test:e2e`: the built Worker against somebody else's identity provider, over real sockets. A suite of its own: it builds. */
import { join } from "node:path"
import { defineConfig } from "vitest/config"

export default defineConfig({
  root: join(import.meta.dirname, "../.."),
  test: { include: ["tests/e2e/**/*.test.ts"], testTimeout: 60_000, hookTimeout: 120_000 },
})
