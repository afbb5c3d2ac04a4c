/** The small application of tests/core, with plans and limits. */
import {
  type AppLimits,
  app,
  enumeration,
  index,
  type Operation,
  type Resource,
  type ResourceLimits,
  record,
  reference,
  resource,
  sqliteTable,
  text,
} from "selvage"
import type { Application } from "../../src/core/registry.ts"
import type { StandardVerb } from "../../src/core/resource.ts"
import { notes, registry, teams } from "../core/fixture.ts"

const teamTable = sqliteTable(
  "teams",
  {
    ...record("team"),
    name: text({ length: 40 }).notNull(),
    plan: enumeration(["free", "team"]).notNull().default("free"),
    ownerId: reference("user"),
  },
  (t) => [index("teams_1").on(t.createdAt, t.id)],
)

/** Teams that are on a plan. */
export const plannedTeams = resource("teams", { ...(teams as unknown as Resource), table: teamTable } as never)
export const seats = registry.models.get("seats")?.resource as Resource

/** Teams with plans, their seats and notes. */
export function limitedApp(
  options: {
    readonly limits?: AppLimits
    /** Limits of notes. */
    readonly notes?: ResourceLimits
    readonly verbs?: readonly StandardVerb[]
    readonly operations?: readonly Operation[]
  } = {},
): Application {
  const { limits, operations = [], verbs, notes: limit } = options
  const limitedNotes = {
    ...(notes as unknown as Resource),
    ...(limit === undefined ? {} : { limit }),
    ...(verbs === undefined ? {} : { operations: verbs }),
  }
  return app({
    title: "Notes",
    resources: [plannedTeams as Resource, seats, limitedNotes],
    operations,
    organizations: { resource: "teams", plan: "plan" },
    ...(limits === undefined ? {} : { limits }),
  })
}
