/** `npm run test:browser`: pages in a real Chromium (Debian's), started as a newcomer would. A suite of its own: it needs the browser. */
import { join } from "node:path"
import { defineConfig } from "vitest/config"

export default defineConfig({
  root: join(import.meta.dirname, "../.."),
  // One file at a time: each starts the application over the same local state.
  test: {
    include: ["tests/browser/**/*.test.ts"],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 90_000,
  },
})
