import { defineConfig } from "drizzle-kit"

/** The engine's tables and the app's are one database. `npm run migrate:new` runs drizzle-kit with this and completes what it writes. */
export default defineConfig({
  dialect: "sqlite",
  schema: ["./src/database/schema.ts", "./src/app/*.ts"],
  out: "./migrations",
})
