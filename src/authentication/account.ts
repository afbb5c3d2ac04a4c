/** What the flows share: the ports, the person behind an address, limits, causes. */
import type { AccountRules } from "../core/accounts.ts"
import { networkOf } from "../core/address.ts"
import type { Ids } from "../core/context.ts"
import type { Limiting, Rate } from "../core/limiting.ts"
import type { EngineWork } from "../core/operation.ts"
import type { Message } from "../core/outbox.ts"
import type { Store } from "../core/ports.ts"
import { principalId } from "../core/principal.ts"
import { invalid, invalidAll, Problem } from "../core/problem.ts"
import type { Sealer } from "../core/sealing.ts"
import type { Account, Cause, Command, UserObject } from "../core/user-object.ts"
import type { ApiKeyKind } from "./api-key.ts"
import type { FlowStates } from "./flow-state.ts"
import type { SigningKeys } from "./keys.ts"
import type { Objects } from "./objects.ts"
import type { Passwords } from "./password.ts"
import { checkPassword } from "./password-rules.ts"
import type { ProviderPorts } from "./providers/ports.ts"
import type { RefreshTokens } from "./refresh-token.ts"
import { users } from "./resources.ts"
import type { RevocationList } from "./revocation.ts"
import { hexOf, type Random } from "./token.ts"

/** The world of the flows. Filled in app.ts; asked for when a flow runs, because documents are made without a world. */
export interface AccountPorts {
  /** Name of the application, for letters. */
  readonly title: string
  readonly objects: Objects
  readonly limiter: Limiting
  readonly passwords: Passwords
  readonly refreshTokens: RefreshTokens
  readonly signing: SigningKeys
  readonly revocations: RevocationList
  readonly access: { readonly issuer: string; readonly audience: string }
  /** The site that passkeys are for, and the origins of its pages. */
  readonly passkeys: { readonly rpId: string; readonly origins: readonly string[] }
  /** Over the key-encryption ring. */
  readonly sealer: Sealer
  /** Over the same ring. */
  readonly states: FlowStates
  readonly ids: Ids
  readonly random: Random
  readonly apiKeys: ApiKeyKind
  /** How often a password stands in known breaches; null: not known. */
  countBreaches(password: string): Promise<number | null>
  /** Uses up a setup code; false when there is no such code. */
  takeSetupCode(hash: string, now: Date): Promise<boolean>
  /** Those who vouch for people. */
  readonly providers: ProviderPorts
  /** That paths in notifications lead to. */
  readonly origin: string
  /** Address of a page that a letter leads to. */
  link(page: string, token: string): string
  /** Tells the operator of what the caller is not to know. */
  tell(where: string, cause: unknown): void
}

/** What every flow is made with. */
export interface Flow {
  readonly rules: AccountRules
  ports(): AccountPorts
}

/** A row of `users`, secrets included. */
export interface Person {
  readonly id: string
  readonly version: number
  readonly email: string | null
  readonly name: string
  readonly roles: readonly string[]
  readonly status: "active" | "disabled" | "deleting" | "deleted"
  readonly kind: "person" | "service"
  readonly emailVerifiedAt: string | null
  readonly passwordSealed: string | null
}

/** Addresses are compared in lower case: no provider of note tells them apart, and two accounts a letter apart are a trap. */
export function normaliseEmail(text: string): string {
  return text.toLowerCase()
}

/** The person with this address or id; null when there is none. One D1 read. */
export async function findPerson(store: Store, by: "email" | "id", value: string): Promise<Person | null> {
  return (await store.withSecrets(users.name, by, value)) as Person | null
}

/** The one who calls, with secrets. The operations that ask for it are for people who signed in. */
export async function callerPerson({ store, reading }: EngineWork): Promise<Person> {
  const person = await findPerson(store, "id", principalId(reading.principal) ?? "")
  if (person === null) throw new Problem("UNAUTHENTICATED", "The account does not exist any more")
  return person
}

/** What the log says of who caused a change in an object. */
export function causeOf({ caller, reading }: EngineWork): Cause {
  const { principal } = reading
  const impersonator = principal.kind === "user" ? (principal.impersonator ?? null) : null
  return { requestId: caller.requestId, actor: principalId(principal) ?? principal.kind, impersonator }
}

/** Where a call came from, for the owner of the account to see. */
export function originOf({ caller }: EngineWork) {
  return { address: caller.address, userAgent: caller.userAgent }
}

/** A command to an object, for the outbox of a batch. */
export function commandTo(work: EngineWork, subject: string, command: Command): Message {
  return { topic: "user", subject, payload: { command, cause: causeOf(work) } }
}

/** What the object is told of a person. `ahead`: 1 when the row is about to be written. */
export function accountOf(person: Person, rules: AccountRules, ahead: 0 | 1 = 0): Account {
  const { version, roles, status } = person
  const shorter = roles.includes("admin") ? { lifetime: rules.administratorSession } : {}
  return { version: version + ahead, roles, status, ...shorter }
}

/** How many objects stand in for what has no object of its own. */
export const ghosts = 4096

/** Who an attempt or a link is for: the person's object, or one that stands in, so that absence costs the same calls. */
export interface Target {
  readonly object: UserObject
  /** Subject of commands in the outbox. */
  readonly subject: string
  /** Key of the bucket in a ghost; undefined for people. */
  readonly ghost: string | undefined
}

/** The target for an address. */
export async function targetOf(ports: AccountPorts, person: Person | null, email: string): Promise<Target> {
  // Computed for people, too: the time it takes must not tell.
  const digest = await ports.refreshTokens.sessionKey("ghost", email)
  if (person !== null) return { object: ports.objects.user(person.id), subject: person.id, ghost: undefined }
  const bucket = new DataView(digest.buffer).getUint32(0) % ghosts
  return { object: ports.objects.ghost(bucket), subject: `ghost/${bucket}`, ghost: hexOf(digest) }
}

/** How often, by whom. The account's own bound on guessing is the throttle in its object. */
interface Guard {
  readonly address: Omit<Rate, "cost">
  readonly account?: Omit<Rate, "cost">
  readonly everybody: Omit<Rate, "cost">
}

/** Tokens a minute and at once. Generous for people, and far below what abuse needs. */
export const guards = {
  "sign-up": {
    address: { ratePerMinute: 1 / 6, burst: 10 },
    account: { ratePerMinute: 1 / 20, burst: 3 },
    everybody: { ratePerMinute: 120, burst: 600 },
  },
  "sign-in": { address: { ratePerMinute: 20, burst: 40 }, everybody: { ratePerMinute: 3000, burst: 6000 } },
  mail: {
    address: { ratePerMinute: 1 / 3, burst: 20 },
    account: { ratePerMinute: 1 / 12, burst: 5 },
    everybody: { ratePerMinute: 300, burst: 1000 },
  },
  // What a letter led to, and proofs of one's own password.
  proof: { address: { ratePerMinute: 20, burst: 40 }, everybody: { ratePerMinute: 3000, burst: 6000 } },
  // What people are asked about programs: each may fetch a description from wherever the program says.
  program: {
    address: { ratePerMinute: 20, burst: 40 },
    account: { ratePerMinute: 20, burst: 40 },
    everybody: { ratePerMinute: 3000, burst: 6000 },
  },
  registration: { address: { ratePerMinute: 1 / 6, burst: 20 }, everybody: { ratePerMinute: 60, burst: 300 } },
  export: {
    address: { ratePerMinute: 1, burst: 20 },
    account: { ratePerMinute: 1 / 12, burst: 5 },
    everybody: { ratePerMinute: 60, burst: 300 },
  },
} as const satisfies Record<string, Guard>

/**
 * Counts a call by address, account and in all, in one hop each and at the same time.
 * @param account address or id that the call is about; hashed before it becomes a name
 * @throws RESOURCE_EXHAUSTED with the longest wait; UNAVAILABLE when it cannot be counted
 */
export async function admit(
  ports: AccountPorts,
  what: keyof typeof guards,
  work: EngineWork,
  account?: string,
): Promise<void> {
  const guard: Guard = guards[what]
  const { now } = work.reading
  const keys: [string, Omit<Rate, "cost">][] = [[`${what}/everybody`, guard.everybody]]
  if (work.caller.address !== null) keys.push([`${what}/address/${networkOf(work.caller.address)}`, guard.address])
  if (guard.account && account !== undefined)
    keys.push([`${what}/account/${hexOf(await ports.refreshTokens.sessionKey("limit", account))}`, guard.account])
  const verdicts = await Promise.all(keys.map(([key, limit]) => ports.limiter.take(key, { ...limit, cost: 1 }, now)))
  const wait = Math.max(...verdicts.map(({ admitted, retryAfterSeconds }) => (admitted ? 0 : retryAfterSeconds)))
  if (wait > 0) throw new Problem("RESOURCE_EXHAUSTED", "Too many attempts", { retryAfterSeconds: wait })
}

/**
 * Refuses a password that nobody should choose.
 * @param personal what attackers know of the person
 * @throws INVALID_ARGUMENT with every fault; UNAVAILABLE when breaches are asked for and cannot be looked up
 */
export async function checkChoice(
  flow: Flow,
  password: string,
  personal: readonly string[],
  path: string,
): Promise<void> {
  const ports = flow.ports()
  const { minimum, words, breached } = flow.rules.password
  const violations = checkPassword(password, { minimum, words: [ports.title, "selvage", ...words] }, personal, path)
  if (violations.length > 0) throw invalidAll(violations)
  if (!breached) return
  const times = await ports.countBreaches(password)
  if (times === null)
    throw new Problem("UNAVAILABLE", "Whether the password is known from breaches cannot be checked right now")
  if (times > 0) throw invalid(path, "breached_password", "The password is known from breaches")
}

/** The one refusal of one-time tokens: expired, used, of another purpose or person, made up. */
export function invalidToken(): Problem {
  return invalid("/token", "invalid_token", "The link is not valid any more; ask for a new one")
}
