/** GraphiQL in Chromium: it renders, breaks no content policy, asks nobody but its own origin, runs a query and follows a subscription. */
import { execFileSync } from "node:child_process"
import { join } from "node:path"
import type { Page } from "playwright-core"
import { afterAll, beforeAll, expect, test } from "vitest"
import { pictures, type Started, start } from "./started.ts"

const root = join(import.meta.dirname, "../..")
let started: Started
let origin: string

beforeAll(async () => {
  started = await start()
  origin = started.origin
})

afterAll(() => started?.stop())

/** Signs in as somebody of the demo data. */
async function tokenOf(email: string): Promise<string> {
  const password = execFileSync(join(root, "node_modules/.bin/node"), ["scripts/demo.ts", email], {
    cwd: root,
    encoding: "utf8",
  })
  const answer = await fetch(`${origin}/v1/auth/sign-in`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ email, password: password.trim() }),
  })
  expect(answer.status).toBe(200)
  return ((await answer.json()) as { accessToken: string }).accessToken
}

/** Puts text into one of the editors, and waits until the page has taken it. */
async function write(page: Page, editor: string, text: string): Promise<void> {
  await page.locator(`${editor} .view-line:visible`).first().click()
  await page.keyboard.press("ControlOrMeta+a")
  await page.keyboard.insertText(text)
  await page.waitForTimeout(1000)
}

test("it renders and runs, without a complaint, from its own origin alone", async () => {
  const token = await tokenOf("ada@example.com")
  const listed = await fetch(`${origin}/v1/organizations`, { headers: { Authorization: `Bearer ${token}` } })
  const [{ id }] = ((await listed.json()) as { items: [{ id: string }] }).items
  const page = await started.browser.newPage({ viewport: { width: 1280, height: 800 } })
  const asked: string[] = []
  const complaints: string[] = []
  page.on("request", (request) => asked.push(request.url()))
  page.on("websocket", (socket) => asked.push(socket.url().replace("ws", "http")))
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()))
  page.on("pageerror", (error) => complaints.push(error.message))
  await page.goto(`${origin}/graphql`)
  const run = page.getByRole("button", { name: /Execute query/ })
  await run.waitFor()
  await page.locator(".graphiql-query-editor .view-line").first().waitFor()
  await run.click()
  await page.getByText('"Query"').first().waitFor()
  // A subscription goes over the socket, with the token that stands among the headers.
  await write(page, ".graphiql-editor-tool", JSON.stringify({ Authorization: `Bearer ${token}` }))
  await write(page, ".graphiql-query-editor", `subscription { organizationsWatch(id: "${id}") { __typename } }`)
  await run.click()
  await page.getByText('"WatchReady"').first().waitFor()
  // What a page asks for late, it asks for in the first seconds.
  await page.waitForTimeout(2000)
  await page.screenshot({ path: join(pictures, "graphiql.png") })
  expect(complaints).toEqual([])
  expect(asked.filter((url) => !url.startsWith(origin) && !/^(data|blob):/.test(url))).toEqual([])
  expect(asked).toEqual(expect.arrayContaining([`${origin}/_docs/graphiql-graphql.js`, `${origin}/graphql`]))
  await page.close()
})

test("nothing but its own files can run as a script there", async () => {
  const answer = await fetch(`${origin}/graphql`, { headers: { Accept: "text/html" } })
  const policy = answer.headers.get("Content-Security-Policy") ?? ""
  expect(policy).toContain("script-src 'self'")
  expect(policy).not.toMatch(/script-src[^;]*unsafe/)
  expect(policy).toContain("frame-ancestors 'none'")
})
