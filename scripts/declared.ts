/** The tables that the engine and the app declare, and the resources that stand on them. */
import { globSync } from "node:fs"
import { join } from "node:path"
import { is } from "drizzle-orm"
import { SQLiteTable } from "drizzle-orm/sqlite-core"
import declaration from "../src/app/index.ts"
import type { Searchable } from "../src/database/additions.ts"
import drizzle from "../src/database/drizzle.config.ts"
import { root } from "./local.ts"

export const resources: readonly Searchable[] = declaration.resources

/** Every table that drizzle-kit sees: those exported by the files of its configuration. */
export async function declaredTables(): Promise<SQLiteTable[]> {
  const files = [drizzle.schema ?? []].flat().flatMap((pattern) => globSync(pattern, { cwd: root }))
  const tables = new Set<SQLiteTable>()
  for (const file of files) {
    const exported: object = await import(join(root, file))
    for (const value of Object.values(exported)) if (is(value, SQLiteTable)) tables.add(value)
  }
  return [...tables]
}
