/** The Worker. A few lines: everything is declared in `app/`. */
import { worker } from "selvage/worker"
import application from "./app/index.ts"

export { Feed, Hub, Limiter, Meter, Topic, User } from "selvage/worker"
export default worker(application)
