/** `npm run reset`: forgets the local database, objects, caches and the demo passwords. `npm start` makes them again. */
import { rmSync } from "node:fs"
import { run, stateRoot } from "./local.ts"

/** The command. */
export function reset(): void {
  rmSync(stateRoot, { recursive: true, force: true })
  console.log("The local state is gone. `npm start` begins anew; the keys in .dev.vars stay.")
}

if (import.meta.main) await run(reset)
