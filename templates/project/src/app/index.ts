/** Your back end: one file a noun, listed here. */
import { app } from "selvage"
import { notes } from "./notes.ts"

export default app({ title: "Notes", resources: [notes] })
