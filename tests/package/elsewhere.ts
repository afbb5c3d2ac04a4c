/** A project outside of the repository: made by the repository's own commands, run by its own. Everything that is started here is ended here. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"

const root = join(import.meta.dirname, "../..")

/** What this run has from npm and vitest and a newcomer has not; nor may a tool be found in the repository that the project lacks. */
const ours = /^(VITEST.*|TEST|NODE_ENV|NODE_OPTIONS|INIT_CWD|npm_(package|lifecycle)_.*|npm_config_local_prefix)$/

const environment: NodeJS.ProcessEnv = Object.fromEntries(
  Object.entries(process.env).flatMap(([name, value = ""]) => {
    if (ours.test(name)) return []
    if (name !== "PATH") return [[name, value]]
    return [
      [
        name,
        value
          .split(delimiter)
          .filter((one) => !one.includes("node_modules"))
          .join(delimiter),
      ],
    ]
  }),
)
const env: NodeJS.ProcessEnv = { ...environment, CI: "1", NO_COLOR: "1", WRANGLER_SEND_METRICS: "false" }

/** What a command said. */
export interface Said {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command in a folder to its end, without asking what became of it. */
export function say(folder: string, command: string, ...args: readonly string[]): Said {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: folder, env, encoding: "utf8" })
  if (error) throw error
  return { status, stdout, stderr }
}

/** Runs a command that has to succeed. Gives what it printed. */
export function succeed(folder: string, command: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = say(folder, command, ...args)
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${status}:\n${stdout}${stderr}`)
  return stdout
}

/** A command of the repository. */
export function ofRepository(...args: readonly string[]): Said {
  return say(root, "npm", ...args)
}

/** A folder of this run, the project in it, and how it goes away. */
export interface Elsewhere {
  readonly folder: string
  readonly project: string
  /** A script of the project's package.json: `script("migrate:new", "add_due_dates")`. Gives what it printed. */
  script(name: string, ...args: readonly string[]): string
  remove(): void
}

/** Packs the repository, creates a project from the tarball and installs it. */
export function createElsewhere(name: string): Elsewhere {
  const folder = mkdtempSync(join(tmpdir(), "selvage-package-"))
  const project = join(folder, name)
  const remove = () => rmSync(folder, { recursive: true, force: true })
  try {
    const tarball = succeed(root, "npm", "run", "-s", "pack", "--", folder).trim()
    succeed(root, "npm", "run", "-s", "create", "--", project, "--tarball", tarball)
    succeed(project, "npm", "install", "--prefer-offline", "--no-audit", "--no-fund")
  } catch (fault) {
    remove()
    throw fault
  }
  const script = (command: string, ...args: readonly string[]) =>
    succeed(project, "npm", "run", "-s", command, "--", ...args)
  return { folder, project, script, remove }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })
}

/** A project that serves. */
export interface Serving {
  readonly origin: string
  /** What it has printed so far. */
  printed(): string
  stop(): Promise<void>
}

async function end(server: ChildProcess): Promise<void> {
  const gone = new Promise<void>((resolve) => server.once("exit", () => resolve()))
  if (server.pid === undefined || server.exitCode !== null || server.signalCode !== null) return
  // Its own group: npm, the command, wrangler and the runtime.
  process.kill(-server.pid, "SIGTERM")
  await gone
}

/** `npm start` on a free port; resolves when it has said all that it says. */
export async function startProject(project: string): Promise<Serving> {
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const options = { cwd: project, env: { ...env, PORT: `${port}` }, detached: true } as const
  const server = spawn("npm", ["start"], { ...options, stdio: ["ignore", "pipe", "pipe"] })
  const chunks: string[] = []
  for (const stream of [server.stdout, server.stderr]) stream.on("data", (chunk) => chunks.push(String(chunk)))
  const printed = () => chunks.join("")
  const begun = Date.now()
  while (!printed().includes(`${origin}/docs`)) {
    if (server.exitCode !== null || Date.now() - begun > 90_000) {
      await end(server)
      throw new Error(`npm start does not answer:\n${printed().slice(-3000)}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return { origin, printed, stop: () => end(server) }
}
