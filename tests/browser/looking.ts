/** What the suites of pages share: pictures, complaints of the browser, letters, and somebody with an account. */
import { join } from "node:path"
import type { Page } from "playwright-core"
import { expect } from "vitest"
import { pictures } from "./started.ts"

export const sizes = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 800 } }

/** What a browser complained of, and what it asked for. */
export interface Watched {
  readonly complaints: string[]
  readonly asked: string[]
}

/** Listens to a page. */
export function watch(page: Page, { complaints, asked }: Watched): void {
  page.on("request", (request) => asked.push(request.url()))
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()))
  page.on("pageerror", (error) => complaints.push(error.message))
}

/** Pictures of the page on a phone and a desktop, the phone in the dark; nothing may stand out at the side. */
export async function look(page: Page, name: string): Promise<void> {
  await page.setViewportSize(sizes.phone)
  await page.emulateMedia({ colorScheme: "dark" })
  await page.screenshot({ path: join(pictures, `account-${name}-phone.png`), fullPage: true })
  const { width } = (await page.locator("main").boundingBox()) ?? { width: Number.NaN }
  expect(width).toBeLessThanOrEqual(sizes.phone.width - 16)
  expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(sizes.phone.width)
  await page.setViewportSize(sizes.desktop)
  await page.emulateMedia({ colorScheme: "light" })
  await page.screenshot({ path: join(pictures, `account-${name}-desktop.png`), fullPage: true })
}

/** Opens the mailbox and follows the newest letter to an address whose button says so. */
export async function followLetter(page: Page, origin: string, email: string, button: string): Promise<void> {
  const letter = page.locator("article", { hasText: email }).filter({ has: page.getByRole("link", { name: button }) })
  for (let turn = 0; turn < 20; turn++) {
    await page.goto(`${origin}/dev/mailbox`)
    if ((await letter.count()) > 0) break
    await page.waitForTimeout(200)
  }
  await letter.first().getByRole("link", { name: button }).click()
}

/** Somebody who is going to sign up. */
export interface Newcomer {
  readonly name: string
  readonly email: string
  readonly password: string
}

/** Somebody nobody has heard of. */
export function newcomer(name: string): Newcomer {
  const id = crypto.randomUUID().slice(0, 8)
  const email = `${name.split(" ")[0]?.toLowerCase()}-${id}@example.com`
  return { name, email, password: `a loom of ${id} threads` }
}

/** Types address and password. */
export async function signIn(
  page: Page,
  origin: string,
  { email, password }: Pick<Newcomer, "email" | "password">,
): Promise<void> {
  await page.goto(`${origin}/account/sign-in`)
  await page.getByLabel("E-mail address").fill(email)
  await page.getByLabel("Password", { exact: true }).fill(password)
  await page.getByRole("button", { name: "Sign in" }).click()
}

export const heading = (page: Page) => page.getByRole("heading", { level: 1 }).textContent()
export const pathOf = (page: Page) => new URL(page.url()).pathname
