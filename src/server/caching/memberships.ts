/** The memberships of users in an isolate's memory: for limits and budgets, which ask in every call. A policy never asks here. */
import type { Membership } from "../../core/organization.ts"
import { membershipsMs, membershipTags } from "../../core/tags.ts"
import { flights } from "./flights.ts"
import type { Freshness } from "./freshness.ts"
import { boundedMemory } from "./memory.ts"

/** Memberships as the database has them, and how far it knows the log. */
export interface Loaded {
  readonly memberships: readonly Membership[]
  readonly position: number
}

/** The world of it. */
export interface MembershipPorts {
  /** One trip. */
  load(user: string): Promise<Loaded>
  readonly freshness: Freshness
  behind(work: Promise<unknown>): void
  now(): Date
}

const bounds = { entries: 5000, bytes: 4 * 1024 * 1024 }
const bytesEach = 200
const patienceMs = 5000

/**
 * What an isolate knows of memberships: at once what its own calls change, what others change after the next pull, and after five minutes in any case.
 * @returns the memberships of a user. Throws what loading throws
 */
export function membershipMemory(ports: MembershipPorts): (user: string) => Promise<readonly Membership[]> {
  const memory = boundedMemory<Loaded & { readonly at: number; readonly tags: readonly string[] }>(bounds)
  const flight = flights<Loaded>({ behind: ports.behind, patienceMs })
  return async (user) => {
    const at = ports.now().getTime()
    ports.freshness.glance(at)
    const known = memory.get(user)
    const isYoung = known !== undefined && at >= known.at && at - known.at < membershipsMs
    if (isYoung && !ports.freshness.isVoid(known.position, known.tags)) return known.memberships
    const { memberships, position } = await flight(user, () => ports.load(user))
    const tags = membershipTags(
      user,
      memberships.map(({ organization }) => organization),
    )
    memory.set(user, { memberships, position, at, tags }, bytesEach * (1 + memberships.length))
    return memberships
  }
}
