/** The Worker of the reference app. A few lines: everything is declared in `app/`. */
import application from "./app/index.ts"
import { worker } from "./worker.ts"

export { Feed, Hub, Limiter, Meter, Topic, User } from "./worker.ts"
export default worker(application)
