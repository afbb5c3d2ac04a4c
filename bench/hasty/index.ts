/**
 * The Worker of the reference app for one hasty caller: counted as everywhere, but by limits that no bench comes to. What calls by the thousand a
 * second with one token builds this one.
 */
import type { LimitOptions } from "selvage"
import application from "../../src/app/index.ts"
import { worker } from "../../src/worker.ts"

export { Feed, Hub, Limiter, Meter, Topic, User } from "../../src/worker.ts"

const wide: LimitOptions = { per: "principal", rate: "1000/s", burst: 1_000_000 }

export default worker({
  ...application,
  limits: { default: wide, search: wide },
  // Counted as everywhere; a bench reads more in a minute than the budget of a day.
  usage: { ...application.usage, budgets: {} },
  resources: application.resources.map((one) =>
    one.limit === undefined ? one : { ...one, limit: { create: wide, watch: wide } },
  ),
})
