/** What must be, read from the database file with SQL written here: nothing of the engine decides what the engine is held against. */
import { globSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import type { Held } from "./watcher.ts"

/** The truth about a finished run. */
export interface Truth {
  /** Tasks of an organization that a user may read. */
  visible(user: string, organization: string): Held[]
  /** Whether a user administers the organization, and so sees every task all the time. */
  seesAll(user: string, organization: string): boolean
  /** Sequences of all events on tasks of an organization. */
  sequences(organization: string): number[]
  eventIds(organization: string): string[]
  changes(): number
  close(): void
}

const visibleSql = `select t.id, t.version, t.title from tasks t where t.organizationId = ?2 and (
    exists (select 1 from members m where m.organizationId = t.organizationId and m.userId = ?1 and m.role in ('admin', 'owner'))
    or exists (select 1 from project_members p where p.projectId = t.projectId and p.userId = ?1)
    or t.assigneeId = ?1
    or exists (select 1 from shares s where s.taskId = t.id and s.userId = ?1))`

/** Opens the database of an installation by its folder. */
export function openTruth(folder: string): Truth {
  const file = globSync(join(folder, "d1/**/*.sqlite")).find((path) => !path.endsWith("metadata.sqlite"))
  if (file === undefined) throw new Error(`No database below ${folder}`)
  const database = new DatabaseSync(file, { readOnly: true })
  const all = (sql: string, ...values: string[]) => database.prepare(sql).all(...values) as Record<string, unknown>[]
  const events = (organization: string) =>
    all(`select sequence, id from events where resource = 'tasks' and tenant = ? order by sequence`, organization)
  return {
    visible: (user, organization) => all(visibleSql, user, organization) as unknown as Held[],
    seesAll: (user, organization) =>
      all(
        "select 1 from members where userId = ? and organizationId = ? and role in ('admin', 'owner')",
        user,
        organization,
      ).length > 0,
    sequences: (organization) => events(organization).map(({ sequence }) => Number(sequence)),
    eventIds: (organization) => events(organization).map(({ id }) => String(id)),
    changes: () => Number(all("select count(*) as n from events where resource = 'tasks'")[0]?.n),
    close: () => database.close(),
  }
}
