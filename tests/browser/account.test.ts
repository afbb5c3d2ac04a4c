/** What a newcomer does with a browser alone, in Chromium with scripts switched off: sign-up to sign-out, a forgotten password, a link by mail. */
import type { BrowserContext, Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import {
  signIn as enter,
  followLetter as follow,
  heading as headingOf,
  look as lookAt,
  newcomer,
  pathOf,
  sizes,
  watch,
} from "./looking.ts"
import { type Started, start } from "./started.ts"

let started: Started
let context: BrowserContext
let page: Page
const watched = { complaints: [] as string[], asked: [] as string[] }

const who = newcomer("Ada Lovelace")
const nextPassword = `once more ${who.password}`

beforeAll(async () => {
  started = await start()
  context = await started.browser.newContext({ javaScriptEnabled: false, viewport: sizes.desktop })
  page = await context.newPage()
  watch(page, watched)
})

afterAll(() => started?.stop())

const look = (name: string) => lookAt(page, name)
const followLetter = (button: string) => follow(page, started.origin, who.email, button)
const signIn = (password: string) => enter(page, started.origin, { email: who.email, password })
const heading = () => headingOf(page)
const path = () => pathOf(page)

describe("a newcomer with a browser and without script", () => {
  test("who is nobody yet is asked to sign in, and finds the way to an account", async () => {
    await page.goto(`${started.origin}/account`)
    expect(path()).toBe("/account/sign-in")
    await look("sign-in")
    await page.getByRole("link", { name: "Make an account" }).click()
    expect(await heading()).toBe("Make an account")
  })

  test("is told what is wrong beside the field, and keeps what was typed", async () => {
    await page.getByLabel("Name").fill(who.name)
    await page.getByLabel("E-mail address").fill(who.email)
    await page.getByLabel("Password").fill("too short")
    await page.getByRole("button", { name: "Make the account" }).click()
    const password = page.getByLabel("Password")
    expect(await page.locator("#password-wrong").textContent()).toContain("fewer than 15 characters")
    expect(await password.getAttribute("aria-describedby")).toContain("password-wrong")
    expect(await password.inputValue()).toBe("")
    expect(await page.getByLabel("Name").inputValue()).toBe(who.name)
    await look("sign-up-wrong")
  })

  test("makes an account and confirms the address with the letter", async () => {
    await page.getByLabel("Password").fill(who.password)
    await page.getByRole("button", { name: "Make the account" }).click()
    expect(await heading()).toBe("Look into your mail")
    await look("sent")
    await followLetter("Confirm the address")
    expect(path()).toBe("/account/verify-email")
    await look("verify-email")
    await page.getByRole("button", { name: "Confirm the address" }).click()
    expect(await page.getByRole("status").textContent()).toContain("Your address is confirmed.")
    await page.goto(`${started.origin}/dev/mailbox`)
    await look("mailbox")
  })

  test("signs in with the keyboard alone, sees the session, and signs out", async () => {
    await page.goto(`${started.origin}/account/sign-in`)
    await page.getByLabel("E-mail address").focus()
    await page.keyboard.type(who.email)
    await page.keyboard.press("Tab")
    await page.keyboard.type(who.password)
    await page.keyboard.press("Enter")
    await page.waitForURL("**/account")
    expect(await heading()).toBe("Your account")
    expect(await page.locator("dd").first().textContent()).toBe(who.name)
    expect(await page.locator(".rows li").allTextContents()).toEqual([expect.stringContaining("This browser")])
    const cookies = (await context.cookies()).map(({ name, secure, httpOnly }) => [name, secure, httpOnly])
    expect(cookies.toSorted()).toEqual([
      ["__Host-at", true, true],
      ["__Host-device", true, true],
      ["__Host-rt", true, true],
    ])
    await page.getByRole("button", { name: "Sign out" }).click()
    expect(await page.getByRole("status").textContent()).toBe("You are signed out.")
    expect((await context.cookies()).map(({ name }) => name)).toEqual(["__Host-device"])
    await page.goto(`${started.origin}/account`)
    expect(path()).toBe("/account/sign-in")
  })

  test("ends a session of another browser", async () => {
    const other = await started.browser.newContext({ javaScriptEnabled: false })
    const elsewhere = await other.newPage()
    await elsewhere.goto(`${started.origin}/account/sign-in`)
    await elsewhere.getByLabel("E-mail address").fill(who.email)
    await elsewhere.getByLabel("Password").fill(who.password)
    await elsewhere.getByRole("button", { name: "Sign in" }).click()
    await elsewhere.waitForURL("**/account")

    await signIn(who.password)
    expect(await page.locator(".rows li").count()).toBe(2)
    await look("account")
    await page.getByRole("button", { name: "End the session" }).click()
    expect(await page.getByRole("status").textContent()).toBe("That session has ended.")
    expect(await page.locator(".rows li").count()).toBe(1)
    await elsewhere.reload()
    expect(new URL(elsewhere.url()).pathname).toBe("/account/sign-in")
    await other.close()
  })

  test("who forgot the password sets a new one by mail; the old one is no use, and the link works once", async () => {
    await page.goto(`${started.origin}/account/sign-in`)
    await page.getByRole("link", { name: "Forgotten the password?" }).click()
    await page.getByLabel("E-mail address").fill(who.email)
    await page.getByRole("button", { name: "Send the letter" }).click()
    await followLetter("Set a new password")
    const link = page.url()
    await look("reset-password")
    await page.getByLabel("New password").fill(nextPassword)
    await page.getByRole("button", { name: "Set the password" }).click()
    expect(await page.getByRole("status").textContent()).toContain("The new password is set.")
    await signIn(who.password)
    expect(await page.getByRole("alert").textContent()).toBe("The address or the password is wrong.")
    await signIn(nextPassword)
    expect(path()).toBe("/account")

    await page.goto(link)
    await page.getByLabel("New password").fill(who.password)
    await page.getByRole("button", { name: "Set the password" }).click()
    expect(await page.getByRole("alert").textContent()).toContain("This link is not valid any more")
    await look("link-over")
  })

  test("signs in with a link by mail", async () => {
    await context.clearCookies()
    await page.goto(`${started.origin}/account/sign-in`)
    await page.getByRole("link", { name: "Sign in with a link by mail" }).click()
    await page.getByLabel("E-mail address").fill(who.email)
    await page.getByRole("button", { name: "Send the letter" }).click()
    await followLetter("Sign in")
    await page.getByRole("button", { name: "Sign in" }).click()
    expect(path()).toBe("/account")
  })

  test("a page of another site cannot send the form, though the browser sends the cookies that it may", async () => {
    const evil = await context.newPage()
    const form = `<form method="post" action="${started.origin}/account/sign-out"><button>Win</button></form>`
    await evil.route("http://evil.test/", (route) => route.fulfill({ contentType: "text/html", body: form }))
    await evil.goto("http://evil.test/")
    await evil.getByRole("button", { name: "Win" }).click()
    expect(await evil.getByRole("heading", { level: 1 }).textContent()).toBe("This is refused")
    await evil.close()
    await page.goto(`${started.origin}/account`)
    expect(path()).toBe("/account")
  })

  test("nothing complained, and nothing was asked of another origin", () => {
    // A refusal is told in the console by its status; a policy that was broken would say so.
    const { complaints, asked } = watched
    expect(complaints.filter((text) => !/status of (400|403)/.test(text))).toEqual([])
    expect(asked.filter((url) => !url.startsWith(started.origin) && !url.startsWith("data:"))).toEqual([])
  })
})
