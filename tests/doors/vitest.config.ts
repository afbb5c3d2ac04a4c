/** `npm run test:doors`: the built Worker over HTTP, called by clients that others have written. */
import { join } from "node:path"
import { defineConfig } from "vitest/config"

export default defineConfig({
  root: join(import.meta.dirname, "../.."),
  test: {
    include: ["tests/doors/**/*.test.ts"],
    globalSetup: [join(import.meta.dirname, "world.ts")],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
})
