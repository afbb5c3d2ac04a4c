/** `npm run reset`: forgets the local database, objects and caches. `npm start` makes them again. */
import { rmSync } from "node:fs"
import { join } from "node:path"
import { root } from "./local.ts"

rmSync(join(root, ".wrangler/state"), { recursive: true, force: true })
console.log("The local state is gone. `npm start` begins anew; the keys in .dev.vars stay.")
