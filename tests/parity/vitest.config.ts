/** `npm run test:parity`: one table of calls through every door, and a matrix of every operation, door and situation. */
import { join } from "node:path"
import { defineConfig } from "vitest/config"

export default defineConfig({
  root: join(import.meta.dirname, "../.."),
  test: {
    include: ["tests/parity/**/*.test.ts"],
    globalSetup: [join(import.meta.dirname, "world.ts")],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
})
