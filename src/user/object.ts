/** The user's own object: one a user, SQLite inside. What must be exact and personal will live here; today it says that objects run. */
import { DurableObject } from "cloudflare:workers"

export class User extends DurableObject {
  /** Answers the readiness check. Reads the object's own storage, so that an object without its disk does not pass for healthy. */
  async ping(): Promise<"pong"> {
    this.ctx.storage.sql.exec("select 1").one()
    return "pong"
  }
}
