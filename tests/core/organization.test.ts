/** Which organization a call names, and who belongs to one: what limits and budgets count by. */
import { env } from "cloudflare:workers"
import { describe, expect, test } from "vitest"
import application from "../../src/app/index.ts"
import { organizationNamed } from "../../src/core/organization.ts"
import { loadMemberships } from "../../src/database/memberships.ts"
import { registryOf } from "../../src/engine.ts"
import { must, newWorkspace } from "../support/workspace.ts"

const registry = registryOf(application, { development: false })

function named(name: string, input: object): string | null {
  const operation = registry.operations.get(name)
  if (!operation) throw new Error(`No operation is named ${name}`)
  return organizationNamed(operation, input as never)
}

describe("a call names its organization", () => {
  test("by the tenant that a list is filtered to, in either spelling", () => {
    expect(named("projects.list", { filter: { organizationId: "org_1" } })).toBe("org_1")
    expect(named("projects.list", { filter: { organizationId: { eq: "org_1" } } })).toBe("org_1")
  })
  test("by the tenant of what is created, and by itself", () => {
    expect(named("members.create", { organizationId: "org_1" })).toBe("org_1")
    expect(named("organizations.get", { id: "org_1" })).toBe("org_1")
  })
  test("not by a filter that leaves a choice, nor by a record of it", () => {
    expect(named("projects.list", { filter: { organizationId: { in: ["org_1", "org_2"] } } })).toBeNull()
    expect(named("projects.list", { filter: { not: { organizationId: "org_1" } } })).toBeNull()
    expect(named("projects.list", {})).toBeNull()
    expect(named("projects.get", { id: "project_1" })).toBeNull()
  })
})

describe("memberships", () => {
  test("are read in one statement, those of this user alone", async () => {
    const { owner, editor, organizationId } = await newWorkspace()
    await must(owner, "POST /v1/members", { organizationId, userId: editor.id })
    const { models, organizations } = registry
    const of = async (user: string) => (await loadMemberships(env.DB, models, organizations, user)).memberships
    expect(await of(owner.id)).toEqual([{ organization: organizationId, role: "owner", plan: "free" }])
    expect(await of(editor.id)).toEqual([{ organization: organizationId, role: "member", plan: "free" }])
    expect(await of("user_nobody")).toEqual([])
  })
})

describe("a rule is refused", () => {
  const build = (organizations: { resource: string; plan?: string }) => () =>
    registryOf({ ...application, organizations }, { development: false })
  test("for a resource that is not there, has no members, or has no such plan", () => {
    expect(build({ resource: "clubs" })).toThrow(/organizations: no resource is named clubs/)
    expect(build({ resource: "tasks" })).toThrow(/organizations: tasks declares no members/)
    expect(build({ resource: "organizations", plan: "name" })).toThrow(
      /the plan name of organizations is not an enumeration/,
    )
  })
})
