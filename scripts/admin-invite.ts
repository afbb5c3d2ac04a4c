/**
 * `npm run admin:invite`: a one-time code that makes an administrator of the deployed installation, good for a day. Whoever may write to the
 * database may make one, and nobody else. `-- --local` does it for the local database.
 */
import { spawnSync } from "node:child_process"
import { parseArgs } from "node:util"
import { project, run, Stop, wranglerPath, wranglerSetting } from "./local.ts"
import { mintSetupCode, setUpLine, storeSetupCode } from "./setup-code.ts"

/** The command. */
export async function inviteAdministrator(): Promise<void> {
  const { values } = parseArgs({ options: { local: { type: "boolean", default: false }, project: { type: "string" } } })
  const code = await mintSetupCode()
  const where = values.local ? "--local" : "--remote"
  const command = storeSetupCode(code).join("; ")
  const options = ["d1", "execute", "DB", where, "--yes", "--command", command]
  const { status } = spawnSync(process.execPath, [wranglerPath(), ...options], {
    cwd: project,
    // What wrangler says goes to stderr, so that the code can be taken from stdout.
    stdio: ["inherit", process.stderr.fd, "inherit"],
  })
  if (status !== 0) throw new Stop("The code was not stored, so there is none. wrangler says above why.")
  const origin = values.local ? "http://localhost:8787" : wranglerSetting("PUBLIC_URL") || "https://your.domain"
  console.log(`A code that makes an administrator, once, until ${code.expiresAt}:\n\n${code.text}\n`)
  console.log(`With your own address, name and password:\n\n${setUpLine(origin, code.text)}`)
}

if (import.meta.main) await run(inviteAdministrator)
