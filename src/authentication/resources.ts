/**
 * The engine's own nouns: people, API keys, service accounts, impersonations. Declared like any other resource, so that they have policies,
 * versions, events and documents; what changes them is the operations beside this file, never a plain create or update.
 */
import type { AccountRules } from "../core/accounts.ts"
import { any, can, is, me, memberOf, nobody, role, rule } from "../core/policy.ts"
import type { Reading, Row, Store } from "../core/ports.ts"
import { resource } from "../core/registry.ts"
import { immutable, many, one, type Resource, stamp } from "../core/resource.ts"
import { apiKeyTable, identityTable, impersonationTable, serviceAccountTable, userTable } from "../database/schema.ts"

const administrator = rule("administrators", role("admin"))
const closed = { create: nobody(), update: nobody(), delete: nobody() }

/** People and service accounts. Each sees themselves, administrators see all. */
export const users = resource("users", {
  table: userTable,
  tenant: "none",
  summary: "Somebody who can sign in, or a program that acts",
  policy: { read: any(rule("oneself", is("id", me)), administrator), ...closed },
  filter: ["id", "email", "status"],
  operations: ["list", "get"],
})

const userFields = [
  "id",
  "version",
  "createdAt",
  "updatedAt",
  "email",
  "name",
  "roles",
  "status",
  "kind",
  "emailVerifiedAt",
  "deleteAfter",
]

/** A user as the reader may see them; null when absent or invisible. One read. */
export function readUser(store: Store, id: string, reading: Reading): Promise<Row | null> {
  return store.get({ kind: "get", resource: users.name, id, fields: userFields, expand: {} }, reading)
}

/** Who acted in whose name. Both see it. */
export const impersonations = resource("impersonations", {
  table: impersonationTable,
  tenant: "none",
  summary: "An administrator acting in somebody's name, with the reason",
  policy: { read: any(rule("in my name", is("userId", me)), administrator), ...closed },
  filter: ["userId"],
  operations: ["list", "get"],
})

/** Who somebody is elsewhere. Read by themselves and administrators; made and removed by signing in and by `identities.link`, `.unlink`. */
export const identities = resource("identities", {
  table: identityTable,
  tenant: "none",
  summary: "Somebody's identity at a provider, with which they sign in",
  policy: { read: any(rule("my own", is("userId", me)), administrator), ...closed },
  filter: ["userId"],
  operations: ["list", "get"],
})

/** The same where no provider is declared: the table is there, and nothing of it is served. */
const unservedIdentities = resource("identities", { ...identities, operations: [] })

/** The nouns of an application with these rules. */
export function accountResources(rules: AccountRules): readonly Resource[] {
  const { serviceAccounts, providers } = rules
  const apiKeys = (manages: boolean) =>
    resource("api_keys", {
      table: apiKeyTable,
      tenant: "none",
      summary: "A key with which a program calls",
      policy: {
        read: any(
          rule("my own", is("ownerId", me)),
          manages ? rule("of a service account", can("read", "serviceAccountId")) : rule("none", nobody()),
        ),
        ...closed,
      },
      ...(manages ? { relations: { serviceAccount: one("service_accounts", "serviceAccountId") } } : {}),
      filter: ["ownerId", "serviceAccountId"],
      operations: [],
    })
  const own = providers.length > 0 ? identities : unservedIdentities
  const base = [users, impersonations, own, apiKeys(serviceAccounts !== null)]
  if (serviceAccounts === null) return base as readonly unknown[] as readonly Resource[]
  const { owner, role: least } = serviceAccounts
  const manages = rule(`${least} of the owner`, memberOf(owner, "ownerId", least))
  const accounts = resource("service_accounts", {
    table: serviceAccountTable,
    tenant: "ownerId",
    summary: "A program that an organization owns; it acts as the user userId",
    policy: { read: manages, create: manages, update: nobody(), delete: manages },
    fields: { ownerId: immutable(), userId: immutable(), createdBy: stamp(me) },
    relations: { apiKeys: many("api_keys", "serviceAccountId", { onDelete: "delete" }) },
    filter: ["ownerId"],
    operations: ["list", "get"],
  })
  return [...base, accounts] as readonly unknown[] as readonly Resource[]
}
