/** Who people are elsewhere, as rows: found by issuer and subject and by nothing else, above all not by an address. */
import type { EngineWork, Wanted } from "../../core/operation.ts"
import type { Filter } from "../../core/plan.ts"
import { system } from "../../core/principal.ts"
import type { Provider } from "../../core/provider.ts"
import { identities } from "../resources.ts"
import type { Identity } from "./client.ts"

/** How many one person may have. */
export const identitiesMax = 20

/** A row of `identities`. */
export interface IdentityRow {
  readonly id: string
  readonly version: number
  readonly userId: string
  readonly provider: string
}

async function find({ store, reading }: Reads, filter: Filter): Promise<readonly IdentityRow[]> {
  const page = await store.list(
    {
      kind: "list",
      resource: identities.name,
      fields: ["id", "version", "userId", "provider"],
      expand: {},
      filter,
      sort: [{ field: "createdAt", descending: true }],
      limit: identitiesMax,
      cursor: null,
      count: false,
      q: null,
    },
    // Whoever comes from a provider is nobody yet, and sees no identities.
    { ...reading, principal: system("whose identity it is") },
  )
  return page.items as unknown as readonly IdentityRow[]
}

type Reads = Pick<EngineWork, "store" | "reading">

/** The identity, when it belongs to somebody; null otherwise. One D1 read. */
export async function findIdentity(work: Reads, { issuer, subject }: Identity): Promise<IdentityRow | null> {
  const filter: Filter = {
    op: "and",
    of: [
      { op: "eq", field: "issuer", value: issuer },
      { op: "eq", field: "subject", value: subject },
    ],
  }
  return (await find(work, filter))[0] ?? null
}

/** All identities of a person. One D1 read. */
export function identitiesOf(work: Reads, userId: string): Promise<readonly IdentityRow[]> {
  return find(work, { op: "eq", field: "userId", value: userId })
}

/** Gives the identity to a person, with the batch. It fails (ALREADY_EXISTS) when it belongs to somebody. */
export function addIdentity(
  { changes }: Wanted,
  work: EngineWork,
  { name }: Provider,
  { issuer, subject, email }: Identity,
  { id, userId }: { readonly id: string; readonly userId: string },
): void {
  const lastUsedAt = work.reading.now.toISOString()
  changes
    .as(system(`proved at ${name}`, userId))
    .create(identities, { id, userId, provider: name, issuer, subject, email, lastUsedAt })
}

/** Keeps when the identity was used, and the address that its provider told. */
export async function touchIdentity(work: EngineWork, { id, userId }: IdentityRow, { email }: Identity): Promise<void> {
  const lastUsedAt = work.reading.now.toISOString()
  await work.write(
    ({ changes }) => void changes.as(system("signed in with it", userId)).update(identities, id, { lastUsedAt, email }),
  )
}
