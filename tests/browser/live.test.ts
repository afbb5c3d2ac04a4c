/** EventSource in Chromium: follows a list with the session's cookie, is cut, comes back by itself, and has missed nothing and heard nothing twice. */
import { execFileSync } from "node:child_process"
import { connect, createServer, type Socket } from "node:net"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type Started, start } from "./started.ts"

const root = join(import.meta.dirname, "../..")
let started: Started

/** A wire between browser and server that can be cut. */
function wire(target: number) {
  const sockets = new Set<Socket>()
  let isCut = false
  const server = createServer((near) => {
    if (isCut) return near.destroy()
    const far = connect(target, "127.0.0.1")
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on("error", () => undefined)
      socket.on("close", () => {
        sockets.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
    near.pipe(far)
    far.pipe(near)
  })
  return {
    listen: () =>
      new Promise<number>((resolve) =>
        server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port)),
      ),
    cut() {
      isCut = true
      for (const socket of sockets) socket.destroy()
    },
    mend() {
      isCut = false
    },
    close() {
      this.cut()
      server.close()
    },
  }
}

beforeAll(async () => {
  started = await start()
})

afterAll(() => started?.stop())

test("EventSource resumes after a cut", async () => {
  const { origin, browser } = started
  const password = execFileSync(join(root, "node_modules/.bin/node"), ["scripts/demo.ts", "ada@example.com"], {
    cwd: root,
    encoding: "utf8",
  }).trim()
  const call = async (path: string, body: object, token?: string, method = "POST") => {
    const headers = { "Content-Type": "application/json", ...(token ? { Authorization: `Bearer ${token}` } : {}) }
    const answer = await fetch(origin + path, { method, headers, body: JSON.stringify(body) })
    expect(answer.ok, `${path}: ${answer.status}`).toBe(true)
    return (await answer.json()) as Record<string, string>
  }
  const { accessToken } = await call("/v1/auth/sign-in", { email: "ada@example.com", password })
  const organization = await call("/v1/organizations", { name: "Wired" }, accessToken)
  const project = await call("/v1/projects", { organizationId: organization.id, name: "Wired" }, accessToken)
  const newTask = (title: string) => call("/v1/tasks", { projectId: project.id, title }, accessToken)

  const between = wire(Number(new URL(origin).port))
  const port = await between.listen()
  // The pages of the Worker allow no connections to scripts: an application's page would.
  const context = await browser.newContext({ bypassCSP: true })
  const page = await context.newPage()
  await page.goto(`http://localhost:${port}/account/sign-in`)
  await page.getByLabel("E-mail address").fill("ada@example.com")
  await page.getByLabel("Password").fill(password)
  await page.getByRole("button", { name: "Sign in" }).click()
  await page.waitForURL((url) => !url.pathname.endsWith("/sign-in"))
  await page.evaluate(`
    window.told = []
    window.events = new EventSource("/v1/tasks/watch?organizationId=${organization.id}")
    for (const name of ["reset", "changed", "removed", "ready"])
      window.events.addEventListener(name, ({ data }) => window.told.push([name, JSON.parse(data).record?.title ?? ""].join(" ").trim()))
  `)
  const told = () => page.evaluate("window.told") as Promise<string[]>
  const until = async (word: string, count = 1) => {
    for (let turn = 0; turn < 200; turn++) {
      if ((await told()).filter((one) => one === word).length >= count) return
      await page.waitForTimeout(50)
    }
    throw new Error(`"${word}" did not come: ${(await told()).join(", ")}`)
  }
  await until("ready")
  await newTask("Before the cut")
  await until("changed Before the cut")
  between.cut()
  await newTask("During the cut")
  await page.waitForTimeout(500)
  between.mend()
  await until("changed During the cut")
  await until("ready", 2)
  await newTask("After the cut")
  await until("changed After the cut")
  expect(await told()).toEqual([
    "reset",
    "ready",
    "changed Before the cut",
    "changed During the cut",
    "ready",
    "changed After the cut",
  ])
  await page.evaluate("window.events.close()")
  between.close()
  await context.close()
})
