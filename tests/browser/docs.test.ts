/** The documentation page in Chromium: it renders, breaks no content policy, and asks nobody but its own origin. */
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, mkdirSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { type Browser, chromium, type Page } from "playwright-core"
import { afterAll, beforeAll, expect, test } from "vitest"

const root = join(import.meta.dirname, "../..")
const executable = process.env.CHROMIUM ?? "/usr/bin/chromium"
const pictures = join(root, "out/pictures")
let origin: string
let server: ChildProcess
let browser: Browser

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })
}

beforeAll(async () => {
  if (!existsSync(executable))
    throw new Error(`No Chromium at ${executable}: apt-get install chromium, or set CHROMIUM`)
  const port = await freePort()
  origin = `http://127.0.0.1:${port}`
  const env = { ...process.env, PORT: String(port) }
  server = spawn(join(root, "node_modules/.bin/node"), ["scripts/start.ts"], {
    cwd: root,
    env,
    detached: true,
    stdio: "ignore",
  })
  for (const begun = Date.now(); Date.now() - begun < 60_000; ) {
    const answer = await fetch(`${origin}/health/live`).catch(() => null)
    if (answer?.ok) break
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  browser = await chromium.launch({
    executablePath: executable,
    args: ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  })
  mkdirSync(pictures, { recursive: true })
})

afterAll(async () => {
  await browser?.close()
  if (server?.pid) process.kill(-server.pid, "SIGTERM")
})

/** Opens the page and tells what it asked for and complained of. */
async function open(width: number): Promise<{ page: Page; asked: string[]; complaints: string[] }> {
  const page = await browser.newPage({ viewport: { width, height: 900 } })
  const asked: string[] = []
  const complaints: string[] = []
  page.on("request", (request) => asked.push(request.url()))
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()))
  page.on("pageerror", (error) => complaints.push(error.message))
  await page.goto(`${origin}/docs`)
  await page.getByRole("heading", { name: "Workspace" }).first().waitFor()
  // What a page asks for late, it asks for in the first seconds.
  await page.waitForTimeout(3000)
  await page.screenshot({ path: join(pictures, `docs-${width}.png`) })
  return { page, asked, complaints }
}

test.each([
  ["a desktop", 1280],
  ["a phone", 390],
])("on %s it renders, without a complaint, from its own origin alone", async (_, width) => {
  const { page, asked, complaints } = await open(width)
  expect(complaints).toEqual([])
  expect(asked.filter((url) => !url.startsWith(origin) && !/^(data|blob):/.test(url))).toEqual([])
  expect(asked).toContain(`${origin}/openapi.json`)
  await page.close()
})

test("nothing that a document says can run as a script there", async () => {
  const answer = await fetch(`${origin}/docs`)
  const policy = answer.headers.get("Content-Security-Policy") ?? ""
  expect(policy).toContain("script-src 'self'")
  expect(policy).not.toMatch(/script-src[^;]*unsafe/)
  expect(policy).toContain("frame-ancestors 'none'")
})
