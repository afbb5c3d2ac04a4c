/** The Worker that the parity suite calls. */
import { worker } from "../../src/worker.ts"
import { application } from "./application.ts"

export { Feed, Hub, Limiter, Meter, Topic, User } from "../../src/worker.ts"
export default worker(application)
