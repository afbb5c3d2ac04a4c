/**
 * `npm run test:chaos`: fifty clients sign in, refresh and end sessions while the local runtime is killed (kill -9) three times and begins
 * again on the same folder. Afterwards every session that was acknowledged must refresh, and none whose end was acknowledged. Exits 1
 * otherwise. `-- --clients 50 --kills 3 --seconds 4` are the defaults.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { typeid } from "typeid-js"
import { buildBundle } from "../../scripts/bundle.ts"
import { newPassword, passwordSealing } from "../../scripts/demo.ts"
import { run, Stop } from "../../scripts/local.ts"
import { freshRing } from "../../scripts/ring.ts"
import { Client, type Counts, type Known } from "./client.ts"
import { Installation, pause } from "./installation.ts"
import { type Person, startServer } from "./server.ts"

const { values: options } = parseArgs({
  options: {
    clients: { type: "string", default: "50" },
    kills: { type: "string", default: "3" },
    seconds: { type: "string", default: "4" },
  },
})

function amount(name: "clients" | "kills" | "seconds", most: number): number {
  const value = Number(options[name])
  if (!Number.isInteger(value) || value < 1 || value > most) throw new Stop(`--${name} is a number from 1 to ${most}`)
  return value
}

/** What is wrong after everything, and how much was looked at. */
interface Verdict {
  readonly alive: number
  readonly ended: number
  readonly lost: readonly string[]
  readonly undone: readonly string[]
  /** Ended sessions whose access token still opens something after the bound. */
  readonly open: readonly string[]
}

/** An isolate asks the hub every ten seconds which sessions are over (src/authentication/revocation.ts). */
const revocationBoundMs = 10_000

async function judge(clients: readonly Client[]): Promise<Verdict> {
  const verdict = { alive: 0, ended: 0, lost: [] as string[], undone: [] as string[], open: [] as string[] }
  const each = (look: (client: Client, session: Known) => Promise<void>) =>
    Promise.all(
      clients.map(async (client) => {
        for (const session of client.sessions) await look(client, session)
      }),
    )
  await each(async (client, session) => {
    const refreshes = await client.refreshes(session)
    const isEnded = session.state === "ended"
    verdict[isEnded ? "ended" : "alive"]++
    if (isEnded && refreshes) verdict.undone.push(`refreshes after its end: ${session.id}`)
    if (!isEnded && (session.state === "lost" || !refreshes)) verdict.lost.push(`lost: ${session.id}`)
  })
  await pause(revocationBoundMs)
  // The call that finds the list too old asks for a new one behind its answer; those after it are held against that.
  const [first] = clients
  if (first?.sessions[0]) await first.opens(first.sessions[0])
  await pause(1000)
  await each(async (client, session) => {
    if (session.state === "ended" && (await client.opens(session)))
      verdict.open.push(`opens after its end: ${session.id}`)
  })
  return verdict
}

function table(clients: readonly Client[], installation: Installation, verdict: Verdict, seconds: number): string {
  const sum = (key: keyof Counts) => clients.reduce((total, { counts }) => total + counts[key], 0)
  const restarts = installation.restartMs.map((ms) => (ms / 1000).toFixed(1)).join(", ")
  const rows: readonly (readonly [string, string | number])[] = [
    ["clients", clients.length],
    ["seconds under load, restarts included", seconds.toFixed(0)],
    ["kill -9 of the runtime; seconds until it answered again", `${installation.restartMs.length}; ${restarts}`],
    ["sign-ins acknowledged", sum("signIns")],
    ["refreshes acknowledged", sum("refreshes")],
    ["ends of sessions acknowledged", sum("ends")],
    ["calls without an answer", sum("unanswered")],
    ["calls that were asked to come back (429, 503)", sum("postponed")],
    ["**acknowledged sessions lost**", `**${verdict.lost.length}** of ${verdict.alive}`],
    ["**acknowledged ends undone: it refreshes**", `**${verdict.undone.length}** of ${verdict.ended}`],
    ["**access tokens that open anything 11 s after the end**", `**${verdict.open.length}** of ${verdict.ended}`],
  ]
  return ["| figure | measured |", "|---|---:|", ...rows.map(([name, value]) => `| ${name} | ${value} |`)].join("\n")
}

async function people(count: number, pepper: string): Promise<{ person: Person; password: string }[]> {
  const sealing = passwordSealing(pepper)
  const made: { person: Person; password: string }[] = []
  for (let n = 0; n < count; n++) {
    const id = typeid("user").toString()
    const password = newPassword()
    made.push({
      person: { id, email: `client-${n}@example.com`, passwordSealed: await sealing(id, password) },
      password,
    })
  }
  return made
}

async function prepare(folder: string, count: number) {
  const pepper = freshRing()
  const made = await people(count, pepper)
  const variables = {
    ENVIRONMENT: "production",
    PUBLIC_URL: "https://selvage.test",
    MAIL_FROM: "no-reply@selvage.test",
    TOKEN_PUBLIC_KEYS: "",
    CURSOR_SECRET: "c".repeat(43),
    PEPPER: pepper,
    KEK: freshRing(),
    REFRESH: freshRing(),
  }
  const bundle = buildBundle(join(folder, "bundle"))
  const settings = { folder: join(folder, "state"), bundle, variables, people: made.map(({ person }) => person) }
  const installation = new Installation(() => startServer(settings))
  const clients = made.map(
    ({ person: { email }, password }, number) => new Client({ email, password, number }, installation.origin),
  )
  return { installation, clients }
}

await run(async () => {
  const [count, kills, seconds] = [amount("clients", 250), amount("kills", 20), amount("seconds", 60)]
  const folder = mkdtempSync(join(tmpdir(), "selvage-chaos-"))
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }))
  const { installation, clients } = await prepare(folder, count)
  await installation.origin()
  const begun = performance.now()
  let isOver = false
  const running = clients.map((client) => client.run(() => isOver))
  for (let n = 0; n < kills; n++) {
    await pause(seconds * 1000)
    await installation.killAndRestart()
  }
  await pause(seconds * 1000)
  isOver = true
  await Promise.all(running)
  const lasted = (performance.now() - begun) / 1000
  const verdict = await judge(clients)
  await installation.stop()
  console.log(table(clients, installation, verdict, lasted))
  const wrong = [
    ...clients.flatMap(({ complaints }) => complaints),
    ...verdict.lost,
    ...verdict.undone,
    ...verdict.open,
  ]
  if (verdict.alive === 0 || verdict.ended === 0) wrong.push("Nothing was tried: there is no session to look at")
  if (wrong.length > 0) throw new Stop(`\n${wrong.slice(0, 20).join("\n")}`)
})
