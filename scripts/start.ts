/** `npm start`: keys, migrations and demo data when they are missing, then `wrangler dev`, then what to try first. */
import { fork } from "node:child_process"
import { createServer } from "node:net"
import { placeAssets } from "./assets.ts"
import { applyMigrations, isReady, withDatabase } from "./database.ts"
import { keepDemoPasswords } from "./demo.ts"
import { ensureDevVars, localSecret, localVariable, project, run, Stop, wranglerPath } from "./local.ts"
import { seed } from "./seed.ts"
import { mintSetupCode, storeSetupCode } from "./setup-code.ts"
import { checkSeals, hasAdministrator, welcome } from "./welcome.ts"

/** Makes what is missing; on later starts this only looks. Gives a setup code when there is nobody to administer the installation. */
async function prepare(): Promise<string | null> {
  placeAssets()
  const { isNew, added } = ensureDevVars()
  if (isNew) console.log("Wrote .dev.vars with fresh keys.")
  else if (added.length > 0) console.log(`Added to .dev.vars, with fresh values: ${added.join(", ")}.`)
  await checkSeals()
  if (isReady() && hasAdministrator()) return null
  return withDatabase(async (database) => {
    if (!isReady()) {
      const applied = await applyMigrations(database)
      const rows = await seed(database, localSecret("PEPPER"), keepDemoPasswords)
      console.log(`Applied ${applied.length} migrations${rows > 0 ? ` and put ${rows} rows of demo data in` : ""}.`)
    }
    if (hasAdministrator()) return null
    const code = await mintSetupCode()
    await database.batch(storeSetupCode(code).map((sql) => database.prepare(sql)))
    return code.text
  })
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once("error", () => resolve(false))
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)))
  })
}

/** Starts the Worker; resolves when it answers. Its end is the end of this process, and the other way round. */
function serve(port: number, origin: string): Promise<void> {
  const options = ["--local", "--ip", "127.0.0.1", "--port", `${port}`, "--inspector-port", "0"]
  // Letters lead to where this Worker answers.
  const variables = ["--var", `PUBLIC_URL:${origin}`]
  const worker = fork(wranglerPath(), ["dev", ...options, ...variables, "--show-interactive-dev-session=false"], {
    cwd: project,
    env: {
      ...process.env,
      X_LOCAL_OBSERVABILITY: "false",
      X_LOCAL_EXPLORER: "false",
      WRANGLER_SEND_METRICS: "false",
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
      WRANGLER_HIDE_BANNER: "true",
    },
  })
  let isStopping = false
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      isStopping = true
      worker.kill("SIGTERM")
    })
  }
  worker.on("exit", (code) => process.exit(isStopping ? 0 : (code ?? 1)))
  return new Promise((resolve) => {
    worker.on("message", (message) => {
      if (JSON.parse(String(message)).event === "DEV_SERVER_READY") resolve()
    })
  })
}

/** The command. */
export async function start(): Promise<void> {
  const port = Number(process.env.PORT ?? 8787)
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw new Stop(`PORT is "${process.env.PORT}", not a port.`)
  if (!(await isFree(port))) throw new Stop(`Port ${port} is taken. Choose another: PORT=${port + 1} npm start`)
  const origin = `http://localhost:${port}`
  const setupCode = await prepare()
  await serve(port, origin)
  // The first answer compiles the Worker; what is printed next works at once.
  await fetch(`http://127.0.0.1:${port}/health/live`).then((response) => response.body?.cancel())
  console.log(welcome({ origin, setupCode, development: localVariable("ENVIRONMENT") === "development" }))
}

if (import.meta.main) await run(start)
