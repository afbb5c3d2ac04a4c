/** Comings and goings of an object, one after the other, so that topics and the feed hear of them in their order. */
import { principalId } from "../core/principal.ts"
import type { LivePorts } from "./live-ports.ts"
import type { Watch } from "./live-watch.ts"

/** What an object tells topics and the feed of its watches. */
export interface Doors {
  /** From here on the topic delivers, and the feed tells of the user's facts. Throws when they cannot be reached. */
  enter(watch: Watch): Promise<void>
  leave(topic: string, isStillLeft: () => boolean): Promise<void>
  unattend(user: string, isStillIdle: () => boolean): Promise<void>
}

/**
 * The doors of an object.
 * @param own its name: where topics deliver to
 */
export function doorsOf(ports: LivePorts, own: string): Doors {
  let queue: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(step: () => Promise<T>): Promise<T> => {
    const turn = queue.then(step)
    queue = turn.catch(() => undefined)
    return turn
  }
  return {
    enter: ({ plan, topic, seat }) =>
      inTurn(async () => {
        const user = principalId(seat.kept.principal)
        if (user !== undefined) await ports.feed().attend(user, own)
        await ports.topic(topic).join(own, ports.address(plan.resource, plan.tenant, plan.record))
      }),
    leave: (topic, isStillLeft) =>
      inTurn(async () => {
        if (isStillLeft()) await ports.topic(topic).leave(own)
      }),
    unattend: (user, isStillIdle) =>
      inTurn(async () => {
        if (isStillIdle()) await ports.feed().leave(user, own)
      }),
  }
}
