/** `npm run test:package`: the package as somebody else has it. A suite of its own: it installs from the registry. */
import { join } from "node:path"
import { defineConfig } from "vitest/config"

export default defineConfig({
  root: join(import.meta.dirname, "../.."),
  test: { include: ["tests/package/**/*.test.ts"], testTimeout: 120_000, hookTimeout: 300_000 },
})
