/** Users' objects of a test's own, with the clock in the test's hand, and a hub of their own that can be made unreachable. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { typeid } from "typeid-js"
import type { HubObject } from "../../src/core/hub-object.ts"
import type { Cause, Grant, NewSession, Refusal, UserObject } from "../../src/core/user-object.ts"
import type { Hub } from "../../src/user/hub-object.ts"
import type { User } from "../../src/user/object.ts"

/** The bindings of the objects. */
export const objects = env as unknown as { USER: DurableObjectNamespace<User>; HUB: DurableObjectNamespace<Hub> }

export const second = 1000
export const minute = 60 * second
export const hour = 60 * minute
export const day = 24 * hour

export const cause: Cause = { requestId: "r-test", actor: "user_test" }

/** The key that the Worker would derive for a session. */
export const key = new Uint8Array(32).fill(7)

/** One user's object and all that surrounds it. */
export interface World {
  readonly id: string
  readonly user: UserObject
  readonly hub: HubObject
  /** Moves the clock; the year is 2030, so that no alarm fires by itself. */
  pass(ms: number): void
  now(): number
  /** The same machine with an empty memory. */
  restart(): Promise<void>
  alarm(): Promise<boolean>
  /** What a query inside the object gives. */
  rows(query: string): Promise<Record<string, SqlStorageValue>[]>
  hubReachable: boolean
  logReachable: boolean
  /** Calls of the hub that were tried. */
  hubCalls: number
  signIn(options?: Partial<NewSession>): Promise<Grant>
  refresh(grant: Pick<Grant, "sid" | "counter" | "mac">): Promise<Grant | Refusal>
}

/** A new user's object; `name` for one that stands for nobody. */
export async function newWorld(name?: string): Promise<World> {
  const id = typeid("user").toString()
  const userStub = objects.USER.getByName(name ?? `user/${id}`)
  const hubStub = objects.HUB.getByName(`hub/${id}`)
  const user = userStub as unknown as UserObject
  const hub = hubStub as unknown as HubObject
  let now = Date.UTC(2030, 0, 1)
  const install = async () => {
    await runInDurableObject<User, void>(userStub, (instance) => {
      const real = instance.ports
      instance.ports = {
        ...real,
        now: () => now,
        async revoke(revocations) {
          world.hubCalls++
          if (!world.hubReachable) throw new Error("the hub is unreachable")
          // The stub of the test belongs to the test: an object calls through its own.
          const answer = await (objects.HUB.getByName(`hub/${id}`) as unknown as HubObject).revoke(revocations)
          if ("error" in answer) throw new Error(answer.error)
        },
        async log(...events) {
          if (!world.logReachable) throw new Error("the log is unreachable")
          await real.log(...events)
        },
      }
    })
    await runInDurableObject<Hub, void>(hubStub, (instance) => {
      instance.ports = { now: () => now }
    })
  }
  const world: World = {
    id,
    user,
    hub,
    pass: (ms) => void (now += ms),
    now: () => now,
    async restart() {
      await evictDurableObject(userStub)
      await evictDurableObject(hubStub)
      await install()
    },
    alarm: () => runDurableObjectAlarm(userStub),
    rows: (query) =>
      runInDurableObject<User, never>(userStub, (_, state) => state.storage.sql.exec(query).toArray() as never),
    hubReachable: true,
    logReachable: true,
    hubCalls: 0,
    async signIn(options) {
      const session = { sid: typeid("session").toString(), key, amr: ["pwd"], ...options }
      return granted(await user.createSession(session, cause))
    },
    refresh: ({ sid, counter, mac }) => user.refresh({ sid, counter, mac, key, nextKey: key }, cause),
  }
  await install()
  return world
}

/** The answer, when it is no refusal. */
export function granted<T extends object>(answer: T | Refusal): T {
  if ("error" in answer) throw new Error(`refused: ${answer.error} ${(answer as Refusal).cause ?? ""}`)
  return answer as T
}

/** The word of a refusal, or null. */
export function refusal(answer: object): string | null {
  return "error" in answer ? String(answer.error) : null
}

/** What the hub says of an id: a void token, an epoch below which tokens are void, or nothing. */
export async function told(world: World, id: string): Promise<"void" | number | null> {
  const { revoked } = granted(await world.hub.since(0))
  const entry = revoked.find((one) => one.id === id)
  return entry === undefined ? null : (entry.belowEpoch ?? "void")
}
