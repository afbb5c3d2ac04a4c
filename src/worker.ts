/** The runtime entry, `selvage/worker`: an application as a Worker, and the classes of its Durable Objects. */
import { waitUntil } from "cloudflare:workers"
import { type Served, serve } from "./app.ts"
import { ConfigError, type Env } from "./config.ts"
import type { Application } from "./core/registry.ts"
import { securityHeaders } from "./core/security-headers.ts"
import { logFault } from "./observability/log.ts"
import { housekeep } from "./server/housekeeping.ts"

export type { Env } from "./config.ts"
export { Limiter } from "./server/limiter-object.ts"
export { Hub } from "./user/hub-object.ts"
export { User } from "./user/object.ts"

/** The trigger of wrangler.toml that does the daily work, too; the others only deliver and turn keys. */
const dailyCron = "17 3 * * *"

/** What cannot be served from is said in every answer: the variable's name and the cure, never a value. */
function misconfigured(fault: unknown): Response {
  const detail = fault instanceof ConfigError ? fault.message : "The application could not start; its log says why"
  const body = {
    type: "urn:selvage:problem:misconfigured",
    title: "Temporarily unavailable",
    status: 503,
    code: "UNAVAILABLE",
    detail,
  }
  return new Response(JSON.stringify(body), {
    status: 503,
    headers: {
      ...securityHeaders,
      "Content-Type": "application/problem+json",
      "Cache-Control": "no-store",
    },
  })
}

/**
 * An application as a Worker.
 * @returns the handlers for `export default`; what is missing in the configuration is answered as 503 with its name
 */
export function worker(
  application: Application,
): ExportedHandler<Env> & Required<Pick<ExportedHandler<Env>, "fetch" | "scheduled">> {
  const served = new WeakMap<object, Served>()
  const get = (env: Env): Served => {
    let ready = served.get(env)
    if (!ready) served.set(env, (ready = serve(application, env, { waitUntil })))
    return ready
  }
  return {
    fetch(request, env) {
      let ready: Served
      try {
        ready = get(env)
      } catch (fault) {
        logFault(fault)
        return misconfigured(fault)
      }
      return ready.fetch(request)
    },
    async scheduled(controller, env) {
      const now = new Date(controller.scheduledTime)
      await get(env).tend(now)
      if (controller.cron === dailyCron) await housekeep(env.DB, now)
    },
  }
}
