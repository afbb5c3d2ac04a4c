/** Your back end: one file a noun, listed here. */
import { app } from "selvage"
import { notes } from "./notes.ts"
import protoLock from "./proto.lock.json" with { type: "json" }

export default app({ title: "Notes", resources: [notes], protoLock })
