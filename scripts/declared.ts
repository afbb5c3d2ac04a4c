/** The tables that the engine and the app declare, and the resources that stand on them. */
import { globSync } from "node:fs"
import { join, relative } from "node:path"
import { is } from "drizzle-orm"
import { SQLiteTable } from "drizzle-orm/sqlite-core"
import type { Application } from "../src/core/registry.ts"
import type { Searchable } from "../src/database/additions.ts"
import drizzle from "../src/database/drizzle.config.ts"
import { project, root } from "./local.ts"

/** The application of the project. */
export const declaration: Application = (await import(join(project, "src/app/index.ts"))).default

export const resources: readonly Searchable[] = declaration.resources

/** The files whose tables make the database: the engine's and the application's. */
export const schemaFiles: readonly string[] = [drizzle.schema ?? []]
  .flat()
  .map((pattern) => (pattern.startsWith("./src/app/") ? relative(root, join(project, pattern)) : pattern))

/** Every table that drizzle-kit sees: those exported by the files of its configuration. */
export async function declaredTables(): Promise<SQLiteTable[]> {
  const files = schemaFiles.flatMap((pattern) => globSync(pattern, { cwd: root }))
  const tables = new Set<SQLiteTable>()
  for (const file of files) {
    const exported: object = await import(join(root, file))
    for (const value of Object.values(exported)) if (is(value, SQLiteTable)) tables.add(value)
  }
  return [...tables]
}
