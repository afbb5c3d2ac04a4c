/** Who calls through which door: each door has an owner of its own in one organization, and a stranger who owns another. */

/** The doors, by the client that calls through them. */
export const doorNames = ["rest", "websocket", "graphql", "connect", "grpc-web", "soap", "mcp"] as const

/** A door. */
export type DoorName = (typeof doorNames)[number]

const idOf = (prefix: string, n: number) => `${prefix}_01kpar${String(n).padStart(20, "0")}`

export const organizationId = idOf("org", 0)
export const foreignId = idOf("org", 1)
export const projectId = idOf("project", 0)

/** Owns the organization that the tests write to. */
export const personOf = (door: DoorName): string => idOf("user", doorNames.indexOf(door))
/** Owns the other organization, and is nobody in the first. */
export const strangerOf = (door: DoorName): string => idOf("user", 100 + doorNames.indexOf(door))
/** A user beside those, with no place anywhere. */
export const nobodyOf = (n: number): string => idOf("user", 1000 + n)
