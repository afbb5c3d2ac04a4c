/** The security of an account in Chromium, with a virtual authenticator: an app, recovery codes, a passkey, a fresh proof, sessions elsewhere. */
import type { BrowserContext, CDPSession, Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type Authenticator, authenticator } from "../support/authenticator.ts"
import { followLetter, heading, look, newcomer, pathOf, signIn, sizes, watch } from "./looking.ts"
import { type Started, start } from "./started.ts"

let started: Started
let origin: string
let context: BrowserContext
let page: Page
let device: CDPSession
let authenticatorId: string
let app: Authenticator
const codes: string[] = []
const watched = { complaints: [] as string[], asked: [] as string[] }
const grace = newcomer("Grace Hopper")

beforeAll(async () => {
  started = await start()
  origin = started.origin
  context = await started.browser.newContext({ viewport: sizes.desktop })
  page = await context.newPage()
  watch(page, watched)
  device = await context.newCDPSession(page)
  await device.send("WebAuthn.enable")
  const options = {
    protocol: "ctap2",
    transport: "internal",
    hasResidentKey: true,
    hasUserVerification: true,
    isUserVerified: true,
    automaticPresenceSimulation: true,
  } as const
  ;({ authenticatorId } = await device.send("WebAuthn.addVirtualAuthenticator", { options }))
  await page.goto(`${origin}/account/sign-up`)
  await page.getByLabel("Name").fill(grace.name)
  await page.getByLabel("E-mail address").fill(grace.email)
  await page.getByLabel("Password").fill(grace.password)
  await page.getByRole("button", { name: "Make the account" }).click()
  await followLetter(page, origin, grace.email, "Confirm the address")
  await page.getByRole("button", { name: "Confirm the address" }).click()
})

afterAll(() => started?.stop())

const press = (name: string) => page.getByRole("button", { name }).click()
const follow = (name: string) => page.getByRole("link", { name }).click()
const told = () => page.getByRole("status").textContent()
const factors = () => page.locator(".rows > li strong").allTextContents()
const takenCode = () => codes.shift() ?? ""

/** A browser without script in which somebody gave the password. */
async function elsewhere(): Promise<Page> {
  const other = await (await started.browser.newContext({ javaScriptEnabled: false })).newPage()
  await signIn(other, origin, grace)
  return other
}

/** The same, in whom the second factor let somebody in. */
async function inElsewhere(code: string): Promise<Page> {
  const other = await elsewhere()
  await other.getByRole("link", { name: "Use a recovery code" }).click()
  await other.getByLabel("Recovery code").fill(code)
  await other.getByRole("button", { name: "Sign in" }).click()
  return other
}

/** Goes on with Tab until the element has the focus. */
async function tabTo(label: string): Promise<void> {
  for (let n = 0; n < 8; n++) {
    await page.keyboard.press("Tab")
    if (await page.getByLabel(label, { exact: true }).evaluate((found) => found === found.ownerDocument.activeElement))
      return
  }
  throw new Error(`${label} is not reached with Tab`)
}

describe("an authenticator app", () => {
  test("is added with a code that it shows; a wrong one adds nothing, and recovery codes are shown once", async () => {
    const other = await elsewhere()
    expect(pathOf(other)).toBe("/account")
    await signIn(page, origin, grace)
    await follow("Apps, passkeys and recovery codes")
    expect(await heading(page)).toBe("Second factors")
    await look(page, "factors-none")
    await follow("Add an authenticator app")
    const picture = page.getByRole("img", { name: /QR code/ })
    expect(
      await picture.evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth),
    ).toBeGreaterThan(0)
    await look(page, "app")
    const secret = ((await page.locator(".secret").textContent()) ?? "").replaceAll(" ", "")
    app = authenticator(secret)
    await page.getByLabel("Code").fill("000000")
    await press("Add the app")
    expect(await page.locator("#code-wrong").textContent()).toContain("The code is wrong")
    await look(page, "app-wrong")
    await page.getByLabel("Code").fill(await app.next())
    await press("Add the app")
    expect(await heading(page)).toBe("Keep your recovery codes")
    codes.push(...(await page.locator(".codes code").allTextContents()))
    expect(new Set(codes).size).toBe(10)
    await look(page, "codes")
    await follow("I have kept them")
    expect(await factors()).toEqual(["Authenticator app"])
    expect(await page.content()).not.toContain(codes[0])
    // Whoever was in with the password alone is out.
    await other.reload()
    expect(pathOf(other)).toBe("/account/sign-in")
    await other.context().close()
  })

  test("is asked for at the sign-in, which takes the keyboard alone", async () => {
    await page.goto(`${origin}/account`)
    await press("Sign out")
    await page.goto(`${origin}/account/sign-in`)
    await tabTo("E-mail address")
    await page.keyboard.type(grace.email)
    await tabTo("Password")
    await page.keyboard.type(grace.password)
    await page.keyboard.press("Enter")
    await page.waitForURL("**/account/second-factor")
    await look(page, "second-factor")
    await tabTo("Code")
    await page.keyboard.type(await app.next())
    await page.keyboard.press("Enter")
    await page.waitForURL("**/account")
    expect(await heading(page)).toBe("Your account")
  })

  test("is not at hand: a recovery code lets in once, and the second time nobody", async () => {
    const code = takenCode()
    const first = await inElsewhere(code)
    expect(pathOf(first)).toBe("/account")
    await first.getByRole("button", { name: "Sign out" }).click()
    const second = await inElsewhere(code)
    expect(pathOf(second)).toBe("/account/recovery-code")
    expect(await second.locator("#recoveryCode-wrong").textContent()).toContain("There is no such recovery code")
    await look(second, "recovery-code-wrong")
    await second.goto(`${origin}/account`)
    expect(pathOf(second)).toBe("/account/sign-in")
    await Promise.all([first.context().close(), second.context().close()])
  })
})

describe("a session elsewhere", () => {
  test("is seen and ended, and that browser is out", async () => {
    const other = await inElsewhere(takenCode())
    await page.goto(`${origin}/account`)
    expect(await page.locator(".rows > li").count()).toBe(2)
    await look(page, "security")
    await press("End the session")
    expect(await told()).toBe("That session has ended.")
    expect(await page.locator(".rows > li").allTextContents()).toEqual([expect.stringContaining("This browser")])
    await other.reload()
    expect(pathOf(other)).toBe("/account/sign-in")
    await other.context().close()
  })
})

describe("a passkey", () => {
  test("takes script: without it the page says so, and shows no form that could not work", async () => {
    const plain = await started.browser.newContext({ javaScriptEnabled: false })
    await plain.addCookies(await context.cookies())
    const other = await plain.newPage()
    await other.goto(`${origin}/account/factors/passkey`)
    expect(await other.locator("noscript").textContent()).toContain("A passkey takes script")
    expect(await other.getByRole("button", { name: "Make the passkey" }).isVisible()).toBe(false)
    await look(other, "passkey-without-script")
    await plain.close()
  })

  test("is added under a name", async () => {
    await page.goto(`${origin}/account/factors`)
    await follow("Add a passkey")
    await page.getByLabel("Name").fill("The laptop")
    await look(page, "passkey")
    await press("Make the passkey")
    await page.waitForURL("**/account/factors?told=added")
    expect(await factors()).toEqual(["Authenticator app", "The laptop"])
    await look(page, "factors")
    expect((await device.send("WebAuthn.getCredentials", { authenticatorId })).credentials).toHaveLength(1)
  })

  test("signs in alone; where its owner is not known by the device, nobody is let in", async () => {
    await page.goto(`${origin}/account`)
    await press("Sign out")
    await device.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false })
    await follow("Sign in with a passkey")
    await page.getByText("That was not done").waitFor()
    expect((await context.cookies()).map(({ name }) => name)).not.toContain("__Host-at")
    await look(page, "passkey-refused")
    await device.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: true })
    await press("Use a passkey")
    await page.waitForURL("**/account")
    expect(await page.locator("dd").first().textContent()).toBe(grace.name)
  })

  test("completes a sign-in by password", async () => {
    await press("Sign out")
    await signIn(page, origin, grace)
    expect(pathOf(page)).toBe("/account/second-factor")
    await follow("Use a passkey")
    await page.waitForURL("**/account")
    expect(await heading(page)).toBe("Your account")
  })

  test("and the code are fresh proofs, which lead back to where one was", async () => {
    await page.goto(`${origin}/account/step-up?next=${encodeURIComponent("/account/factors")}`)
    await look(page, "step-up")
    await page.getByLabel("Code").fill(await app.next())
    await press("Go on")
    expect([pathOf(page), await told()]).toEqual(["/account/factors", "Thank you. Now go on with what you were doing."])
    await page.goto(`${origin}/account/step-up?next=${encodeURIComponent("https://evil.example/")}`)
    await follow("Use a passkey")
    await look(page, "step-up-passkey")
    await press("Use a passkey")
    await page.waitForURL("**/account?told=proved")
    expect(page.url().startsWith(origin)).toBe(true)
  })

  test("is renamed and removed, and then signs nobody in", async () => {
    await page.goto(`${origin}/account/factors`)
    const laptop = page.locator(".rows > li", { hasText: "The laptop" })
    await laptop.locator("summary").click()
    await look(page, "factors-renaming")
    await laptop.getByLabel("New name").fill("The <b>old</b> laptop")
    await laptop.getByRole("button", { name: "Rename" }).click()
    expect(await factors()).toEqual(["Authenticator app", "The <b>old</b> laptop"])
    await press("Remove The <b>old</b> laptop")
    expect(await factors()).toEqual(["Authenticator app"])
    await press("Make new ones")
    expect(await page.locator(".codes code").allTextContents()).toHaveLength(10)
    await page.goto(`${origin}/account`)
    await press("Sign out")
    await follow("Sign in with a passkey")
    await page.getByRole("heading", { name: "Sign in with a passkey" }).waitFor()
    await page.getByText("There is no such passkey here").waitFor()
    expect((await context.cookies()).map(({ name }) => name)).not.toContain("__Host-at")
    await look(page, "passkey-unknown")
  })
})

test("nothing complained, and nothing was asked of another origin", () => {
  const { complaints, asked } = watched
  // A refusal is told in the console by its status; a policy that was broken would say so.
  expect(complaints.filter((text) => !/status of (400|403)/.test(text))).toEqual([])
  expect(asked.filter((url) => !url.startsWith(origin) && !url.startsWith("data:"))).toEqual([])
})
