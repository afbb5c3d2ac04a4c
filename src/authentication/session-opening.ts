/** From a proof to a session, and from a session to what its holder carries: access token, refresh token, device token. */
import * as z from "zod"
import { networkOf } from "../core/address.ts"
import { isMultiFactor, type PendingSignIn } from "../core/factors.ts"
import type { EngineWork, FlowCookie } from "../core/operation.ts"
import { Problem } from "../core/problem.ts"
import type { Grant, NewSession } from "../core/user-object.ts"
import { type AccountPorts, accountOf, type Flow, type Person } from "./account.ts"
import { sessionPrefix } from "./refresh-token.ts"
import { mintTicket } from "./sign-in-ticket.ts"
import { mintAccessToken } from "./token-access.ts"

/** How the caller keeps the session: in its own hands, or in cookies that no script reads. */
export const transport = z
  .enum(["bearer", "cookie"])
  .default("bearer")
  .describe(
    "bearer: the tokens stand in the answer. cookie: for browsers; they are set as cookies that no script can read",
  )

/** A token that tells a device from unknown ones. */
export const deviceToken = z
  .string()
  .max(512)
  .optional()
  .describe("The deviceToken of an earlier sign-in on this device: guesses made elsewhere then do not slow this one")

/** What somebody who signed in gets. */
export const signedIn = z
  .object({
    kind: z.literal("session"),
    userId: z.string(),
    sessionId: z.string(),
    accessToken: z.string().optional().describe("For `Authorization: Bearer`; absent where the session is in cookies"),
    accessExpiresAt: z.iso.datetime(),
    refreshToken: z.string().optional().describe("For auth.refresh, once; absent where the session is in cookies"),
    refreshExpiresAt: z.iso.datetime(),
    deviceToken: z.string().optional().describe("To be kept on the device and sent with the next sign-in"),
    restricted: z
      .literal("enrolment")
      .optional()
      .describe(
        "This account must have a second factor and has none yet: the session can add one (factors.enrolTotp, factors.beginPasskey) and little else",
      ),
  })
  .meta({ id: "SignedIn", description: "A session" })

export type SignedIn = z.output<typeof signedIn>

/** What somebody gets whose account asks for a second factor: no session yet. */
const secondFactorAsked = z
  .object({
    kind: z.literal("secondFactor"),
    ticket: z
      .string()
      .optional()
      .describe("For auth.verifySecondFactor, once; absent where it is in a cookie. It opens nothing by itself"),
    ticketExpiresAt: z.iso.datetime(),
    methods: z.array(z.enum(["totp", "passkey", "recoveryCode"])).describe("By which the sign-in can be completed"),
  })
  .meta({ id: "SecondFactorAsked", description: "The first factor holds; the account asks for a second one" })

/** What a first proof is answered with. Accounts without a second factor get a session. */
export const signInAnswer = z.discriminatedUnion("kind", [signedIn, secondFactorAsked]).meta({ id: "SignInAnswer" })

export type SignInAnswer = z.output<typeof signInAnswer>

const devicePurpose = "device"

/** A device as a sign-in presents it. */
export interface Device {
  /** null: not known. */
  readonly id: string | null
  readonly token: string | null
}

/** The device that a token names; unknown when it is another user's, made up, or under a key that is gone. */
export async function deviceOf(
  ports: AccountPorts,
  work: EngineWork,
  userId: string,
  given: string | undefined,
): Promise<Device> {
  const { cookies } = work.caller
  const token = given ?? (cookies?.sameOrigin ? cookies.device : null)
  const id = token === null ? null : await ports.sealer.open(devicePurpose, userId, token)
  return id === null ? { id: null, token: null } : { id, token }
}

/** Refuses cookies at a door or for a page that must not get them. */
export function checkTransport(work: EngineWork, wanted: "bearer" | "cookie"): void {
  if (wanted === "cookie" && !work.caller.keepsCookies)
    throw new Problem("PERMISSION_DENIED", "Cookies are set for pages of this site alone; use the bearer transport")
}

/** How a person proved who they are. */
export interface Proof {
  readonly person: Person
  /** RFC 8176. */
  readonly amr: readonly string[]
  readonly device: Device
  /** The session that this one takes the place of. */
  readonly replaces?: string | null
}

/** A session to be made, the device token that goes out with it, and the ticket where a second factor is asked for. */
export interface SessionToOpen {
  readonly session: NewSession
  readonly deviceToken: string
  readonly ticket: string
}

/** The token by which a device is known again. */
export function deviceTokenOf(ports: AccountPorts, userId: string, device: string): Promise<string> {
  return ports.sealer.seal(devicePurpose, userId, device)
}

/** A session to be made in the person's object; where the person has a second factor, it waits there for it. */
export async function newSession(
  flow: Flow,
  work: EngineWork,
  { person, amr, device, replaces = null }: Proof,
): Promise<SessionToOpen> {
  const ports = flow.ports()
  const { rules } = flow
  const sid = ports.ids.mint(sessionPrefix)
  const deviceId = device.id ?? ports.ids.mint("device")
  const { address, userAgent } = work.caller
  const ticket = await mintTicket(person.id, sid, ports.random)
  const session: NewSession = {
    sid,
    key: await ports.refreshTokens.sessionKey(person.id, sid),
    lifetime: person.roles.includes("admin") ? rules.administratorSession : rules.session,
    accessSeconds: rules.accessSeconds,
    device: deviceId,
    userAgent,
    address: address === null ? null : networkOf(address),
    amr,
    replaces,
    account: accountOf(person, rules),
    ticket: ticket.hash,
  }
  const deviceToken = device.token ?? (await deviceTokenOf(ports, person.id, deviceId))
  return { session, deviceToken, ticket: ticket.text }
}

/**
 * The session that a sign-in takes the place of: the caller's own, when it is the same person's. A browser whose access cookie is over still
 * names it by its refresh cookie; whoever proved to be the person may end any of the person's sessions, so the MAC is not asked for.
 */
export async function replacedBy(ports: AccountPorts, work: EngineWork, person: Person): Promise<string | null> {
  const { principal } = work.reading
  if (principal.kind === "user") return principal.id === person.id ? (principal.session ?? null) : null
  const { cookies } = work.caller
  const kept = cookies?.sameOrigin && cookies.refresh !== null ? await ports.refreshTokens.read(cookies.refresh) : null
  return kept !== null && kept.user === person.id ? kept.sid : null
}

/** Whom a grant is for and how it goes out. */
export interface Handing {
  readonly userId: string
  readonly transport: "bearer" | "cookie"
  /** null: the caller has one already. */
  readonly deviceToken: string | null
}

/** True for an administrator without a second factor, where the application asks for one. */
function isRestricted({ rules }: Flow, { amr }: Grant, roles: readonly string[]): boolean {
  return rules.mfa.administrators === "required" && roles.includes("admin") && !isMultiFactor(amr)
}

/** The steps of a sign-in that the browser brought, and that are over with it. */
function flowsOver({ caller: { cookies } }: EngineWork): readonly FlowCookie[] {
  return (["ticket", "challenge"] as const).filter((name) => cookies?.[name] != null)
}

/** Mints the tokens of a grant and hands them over. */
export async function handOver(flow: Flow, work: EngineWork, grant: Grant, handing: Handing): Promise<SignedIn> {
  const ports = flow.ports()
  // Tokens count in seconds: in the last one there is nothing left to hand out.
  if (grant.expiresAt - work.reading.now.getTime() < 1000)
    throw new Problem("UNAUTHENTICATED", "The session is over; sign in again")
  const { sid, counter, mac, epoch, amr, authTime } = grant
  const { userId } = handing
  const settings = { ...ports.access, lifetimeSeconds: flow.rules.accessSeconds }
  const all = grant.account?.roles ?? []
  const restricted = isRestricted(flow, grant, all)
  // A session that may only enrol has no role: what forgets to ask still gives no right.
  const roles = restricted ? [] : all
  const claims = { subject: userId, session: sid, epoch, roles, amr, authTime, restricted, notAfter: grant.expiresAt }
  const access = await mintAccessToken(ports.signing, settings, claims, work.reading.now)
  const refresh = {
    token: ports.refreshTokens.format({ user: userId, sid, counter, mac }),
    expiresAt: grant.idleExpiresAt,
  }
  const facts = {
    kind: "session" as const,
    userId,
    sessionId: sid,
    accessExpiresAt: new Date(access.expiresAt).toISOString(),
    refreshExpiresAt: new Date(refresh.expiresAt).toISOString(),
    ...(restricted ? { restricted: "enrolment" as const } : {}),
  }
  if (handing.transport === "cookie") {
    work.session({ kind: "set", access, refresh, device: handing.deviceToken, over: flowsOver(work) })
    return facts
  }
  const device = handing.deviceToken === null ? {} : { deviceToken: handing.deviceToken }
  return { ...facts, accessToken: access.token, refreshToken: refresh.token, ...device }
}

/** Says that a second factor is asked for, and hands the ticket over. */
export function askSecondFactor(
  work: EngineWork,
  { methods, expiresAt }: PendingSignIn,
  ticket: string,
  transport: "bearer" | "cookie",
): SignInAnswer {
  const facts = {
    kind: "secondFactor" as const,
    ticketExpiresAt: new Date(expiresAt).toISOString(),
    methods: [...methods],
  }
  if (transport === "bearer") return { ...facts, ticket }
  work.session({ kind: "flow", cookie: "ticket", value: ticket, expiresAt })
  return facts
}
