/** The Worker of a new project for one hasty caller: counted as everywhere, but by limits that no bench comes to. */
import type { LimitOptions } from "selvage"
import { worker } from "../../../src/worker.ts"
import application from "../../../templates/project/src/app/index.ts"

export { Feed, Hub, Limiter, Meter, Topic, User } from "../../../src/worker.ts"

const wide: LimitOptions = { per: "principal", rate: "1000/s", burst: 1_000_000 }

export default worker({ ...application, limits: { default: wide, search: wide } })
