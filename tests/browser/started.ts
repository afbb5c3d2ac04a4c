/** The application as a newcomer starts it (`npm start`), and Debian's Chromium in front of it. */
import { spawn } from "node:child_process"
import { existsSync, mkdirSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { type Browser, chromium } from "playwright-core"

const root = join(import.meta.dirname, "../..")
const executable = process.env.CHROMIUM ?? "/usr/bin/chromium"

/** Where screenshots go, for people to look at. */
export const pictures = join(root, "out/pictures")

/** What a test of pages works with. */
export interface Started {
  /** `http://localhost:<port>`: browsers keep Secure cookies for this name without TLS. */
  readonly origin: string
  readonly browser: Browser
  /** Ends both; resolves when the application is gone. */
  stop(): Promise<void>
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })
}

/**
 * Starts both.
 * @throws Error when there is no Chromium, or when the application does not answer within a minute, with what it printed
 */
export async function start(): Promise<Started> {
  if (!existsSync(executable))
    throw new Error(`No Chromium at ${executable}: apt-get install chromium, or set CHROMIUM`)
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const server = spawn(join(root, "node_modules/.bin/node"), ["scripts/start.ts"], {
    cwd: root,
    env: { ...process.env, PORT: String(port) },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  })
  const printed: string[] = []
  for (const stream of [server.stdout, server.stderr]) stream.on("data", (chunk) => printed.push(String(chunk)))
  const gone = new Promise<void>((resolve) => server.on("exit", () => resolve()))
  const stopServer = async () => {
    if (server.pid && server.exitCode === null) process.kill(-server.pid, "SIGTERM")
    await gone
  }
  const begun = Date.now()
  while (!(await fetch(`${origin}/health/live`).catch(() => null))?.ok) {
    if (server.exitCode !== null || Date.now() - begun > 60_000) {
      await stopServer()
      throw new Error(`npm start does not answer:\n${printed.join("").slice(-2000)}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  const browser = await chromium.launch({
    executablePath: executable,
    args: ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  })
  mkdirSync(pictures, { recursive: true })
  return {
    origin,
    browser,
    async stop() {
      await browser.close()
      await stopServer()
    },
  }
}
