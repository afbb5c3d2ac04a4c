/** The inbox over a live connection: whoever asks is told of each notification when it comes, and when some are read in another window. */
import { admit } from "../core/admission.ts"
import { type Notice, shownNotice } from "../core/inbox.ts"
import type { JsonObject } from "../core/json.ts"
import { Problem } from "../core/problem.ts"
import { unreadCount } from "./inbox.ts"
import type { LivePorts } from "./live-ports.ts"
import { type Seat, type Seats, save, tell } from "./live-seat.ts"

/** The inbox of an object, told. */
export interface InboxTelling {
  /** @throws Problem FAILED_PRECONDITION where there is no inbox; as `inbox.list` refuses */
  watch(seat: Seat): JsonObject
  stop(seat: Seat): JsonObject
  /** @param notice what came; null: some were read */
  changed(notice: Notice | null): void
}

/**
 * The telling of an inbox.
 * @param options.own the object's name: only a person's own has an inbox
 */
export function inboxTelling(options: {
  readonly ports: LivePorts
  readonly seats: Seats
  readonly own: string
  sql(): SqlStorage
}): InboxTelling {
  const { ports, seats, own, sql } = options
  return {
    watch(seat) {
      const operation = ports.registry.operations.get("inbox.list")
      if (operation) admit(ports.registry, operation, seat.kept.principal, {}, ports.now())
      if (!operation || !own.startsWith("user/"))
        throw new Problem(
          "FAILED_PRECONDITION",
          "There is no inbox on this connection: it takes a person who signed in",
        )
      seat.kept.inbox = true
      save(seat)
      return { unread: unreadCount(sql()) }
    },
    stop(seat) {
      seat.kept.inbox = false
      save(seat)
      return {}
    },
    changed(notice) {
      const told = { unread: unreadCount(sql()), notice: notice === null ? null : { ...shownNotice(notice) } }
      for (const seat of seats.all()) {
        if (!seat.kept.inbox) continue
        tell(seat, ports.frames, "inbox.changed", told)
        save(seat)
      }
    },
  }
}
