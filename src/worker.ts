/** The runtime entry, `selvage/worker`: an application as a Worker, and the classes of its Durable Objects. */
import { waitUntil } from "cloudflare:workers"
import { type Served, serve } from "./app.ts"
import { ConfigError, type Env } from "./config.ts"
import type { Application } from "./core/registry.ts"
import type { Ticket } from "./database/leases.ts"
import { type FeedPorts, FeedTurns } from "./feed/object.ts"
import { type TopicPorts, TopicTurns } from "./feed/topic-object.ts"
import { misconfigured } from "./misconfigured.ts"
import { logFault } from "./observability/log.ts"
import { housekeep } from "./server/housekeeping.ts"
import { LiveUser } from "./user/live-object.ts"
import type { LivePorts } from "./user/live-ports.ts"

export type { Env } from "./config.ts"
export { Limiter } from "./server/limiter-object.ts"
export { Meter } from "./usage/meter-object.ts"
export { Hub } from "./user/hub-object.ts"

const served = new WeakMap<object, Served>()
let declared: Application | null = null

/** The application of this isolate over these bindings; the Worker and its objects share it. */
function servedOver(env: Env): Served {
  if (declared === null) throw new Error("No application: src/index.ts has to export default worker(application)")
  let ready = served.get(env)
  if (!ready) served.set(env, (ready = serve(declared, env, { waitUntil })))
  return ready
}

/** Follows the log. Runs in workerd; found by `feedObjectName`. */
export class Feed extends FeedTurns {
  override ports(): FeedPorts {
    return servedOver(this.env as Env).feed
  }
}

/** Where watchers meet. Runs in workerd; found by `topicObjectName`. */
export class Topic extends TopicTurns {
  override ports(): TopicPorts {
    return servedOver(this.env as Env).topic
  }
}

/** A user's own object, with their sockets; also those of programs and of nobody. Runs in workerd; found by the names in server/keys.ts. */
export class User extends LiveUser {
  protected override readonly live = (): LivePorts => servedOver(this.env as unknown as Env).live
}

/** The trigger of wrangler.toml that does the daily work, too; the others only deliver and turn keys. */
const dailyCron = "17 3 * * *"

/** What cannot be served from is said in every answer: the variable's name and the cure, never a value. */
const detailOf = (fault: unknown): string =>
  fault instanceof ConfigError ? fault.message : "The application could not start; its log says why"

/**
 * An application as a Worker.
 * @returns the handlers for `export default`; what is missing in the configuration is answered as 503 with its name
 */
export function worker(
  application: Application,
): ExportedHandler<Env, Ticket> & Required<Pick<ExportedHandler<Env, Ticket>, "fetch" | "scheduled" | "queue">> {
  declared = application
  const get = servedOver
  return {
    fetch(request, env) {
      let ready: Served
      try {
        ready = get(env)
      } catch (fault) {
        logFault(fault)
        return misconfigured(detailOf(fault))
      }
      return ready.fetch(request)
    },
    queue: (batch, env) => get(env).consume(batch.messages.map((message) => message.body)),
    async scheduled(controller, env) {
      const now = new Date(controller.scheduledTime)
      await get(env).tend(now)
      if (controller.cron === dailyCron) await housekeep(env.DB, now)
    },
  }
}
