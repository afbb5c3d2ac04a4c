/** The documentation page in Chromium: it renders, breaks no content policy, and asks nobody but its own origin. */
import { join } from "node:path"
import type { Page } from "playwright-core"
import { afterAll, beforeAll, expect, test } from "vitest"
import { pictures, type Started, start } from "./started.ts"

let started: Started
let origin: string

beforeAll(async () => {
  started = await start()
  origin = started.origin
})

afterAll(() => started?.stop())

/** Opens the page and tells what it asked for and complained of. */
async function open(width: number): Promise<{ page: Page; asked: string[]; complaints: string[] }> {
  const page = await started.browser.newPage({ viewport: { width, height: 900 } })
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
