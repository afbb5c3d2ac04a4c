/** `npm start`: keys, migrations and demo data when they are missing, then `wrangler dev`, then what to try first. */
import { fork } from "node:child_process"
import { createRequire } from "node:module"
import { createServer } from "node:net"
import declaration from "../src/app/index.ts"
import { placeAssets } from "./assets.ts"
import { applyMigrations, isReady, readLocal, withDatabase } from "./database.ts"
import { ensureDevVars, root, run, Stop } from "./local.ts"
import { seed } from "./seed.ts"
import { tokenFor } from "./token.ts"

/** Makes what is missing; on later starts this only looks. */
async function prepare(): Promise<void> {
  placeAssets()
  if (await ensureDevVars()) console.log("Wrote .dev.vars with fresh keys.")
  if (isReady()) return
  await withDatabase(async (database) => {
    const applied = await applyMigrations(database)
    const rows = await seed(database)
    console.log(`Applied ${applied.length} migrations${rows > 0 ? ` and put ${rows} rows of demo data in` : ""}.`)
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
function serve(port: number): Promise<void> {
  const wrangler = createRequire(import.meta.url)
    .resolve("wrangler/package.json")
    .replace("package.json", "bin/wrangler.js")
  const options = ["--local", "--ip", "127.0.0.1", "--port", `${port}`, "--inspector-port", "0"]
  const worker = fork(wrangler, ["dev", ...options, "--show-interactive-dev-session=false"], {
    cwd: root,
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

/** What to open and what to paste. */
async function welcome(port: number): Promise<string> {
  const origin = `http://localhost:${port}`
  const lines = ["", `Documentation  ${origin}/docs`, `OpenAPI        ${origin}/openapi.json`]
  const user = readLocal("users", (database) =>
    database.prepare("select email from users order by email limit 1").get(),
  )
  const resource = declaration.resources.find((one) => one.search) ?? declaration.resources[0]
  if (user && resource) {
    const email = String(user.email)
    lines.push("", `Paste this (the token is ${email}'s, for ten minutes):`, "")
    lines.push(`curl -H 'Authorization: Bearer ${await tokenFor(email)}' '${origin}/v1/${resource.name}?limit=3'`)
    lines.push("", `Another token: npm run -s token -- --as ${email}`)
  }
  return `${lines.join("\n")}\n`
}

await run(async () => {
  const port = Number(process.env.PORT ?? 8787)
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw new Stop(`PORT is "${process.env.PORT}", not a port.`)
  if (!(await isFree(port))) throw new Stop(`Port ${port} is taken. Choose another: PORT=${port + 1} npm start`)
  await prepare()
  await serve(port)
  // The first answer compiles the Worker; what is printed next works at once.
  await fetch(`http://127.0.0.1:${port}/health/live`).then((response) => response.body?.cancel())
  console.log(await welcome(port))
})
