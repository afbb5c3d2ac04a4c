/** The tables that the engine and the app declare, and the resources that stand on them. */
import { globSync } from "node:fs"
import { createRequire } from "node:module"
import { join, relative } from "node:path"
import { is } from "drizzle-orm"
import { SQLiteTable } from "drizzle-orm/sqlite-core"
import type { Application } from "../src/core/registry.ts"
import type { Searchable } from "../src/database/additions.ts"
import drizzle from "../src/database/drizzle.config.ts"
import { project } from "./local.ts"

/** The application of the project. */
export const declaration: Application = (await import(join(project, "src/app/index.ts"))).default

export const resources: readonly Searchable[] = declaration.resources

/** The engine's tables, by our own name: source in this repository, JavaScript in the package. */
const engineSchema = createRequire(import.meta.url).resolve("selvage/schema")

/** The files whose tables make the database, seen from the project: the engine's and the application's. */
export const schemaFiles: readonly string[] = [drizzle.schema ?? []]
  .flat()
  .map((pattern) => relative(project, pattern.startsWith("./src/app/") ? join(project, pattern) : engineSchema))

/** Every table that drizzle-kit sees: those exported by the files of its configuration. */
export async function declaredTables(): Promise<SQLiteTable[]> {
  const files = schemaFiles.flatMap((pattern) => globSync(pattern, { cwd: project }))
  const tables = new Set<SQLiteTable>()
  for (const file of files) {
    const exported: object = await import(join(project, file))
    for (const value of Object.values(exported)) if (is(value, SQLiteTable)) tables.add(value)
  }
  return [...tables]
}
