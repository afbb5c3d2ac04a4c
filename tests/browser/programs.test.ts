/** Programs of others and of one's own in Chromium: let in by consent, seen, ended; API keys made and ended. */
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import type { BrowserContext, Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type Authenticator, authenticator } from "../support/authenticator.ts"
import { followLetter, heading, look, newcomer, pathOf, signIn, sizes, watch } from "./looking.ts"
import { type Started, start } from "./started.ts"

let started: Started
let origin: string
let context: BrowserContext
let page: Page
let app: Authenticator
/** The program's own end, on a port of this machine. */
let loopback: Server
const arrived: URLSearchParams[] = []
const watched = { complaints: [] as string[], asked: [] as string[] }
const hedy = newcomer("Hedy Lamarr")

const verifier = "a-verifier-of-forty-three-characters-at-the-least"
const base64url = (bytes: ArrayBuffer) => Buffer.from(bytes).toString("base64url")
const callback = () => `http://127.0.0.1:${(loopback.address() as AddressInfo).port}/callback`
const press = (name: string) => page.getByRole("button", { name }).click()
const follow = (name: string) => page.getByRole("link", { name }).click()
const told = () => page.getByRole("status").textContent()

beforeAll(async () => {
  loopback = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://127.0.0.1")
    if (url.pathname === "/callback") arrived.push(url.searchParams)
    response.setHeader("Content-Type", "text/html").end("<!doctype html><title>Robot</title><h1>Back at the robot</h1>")
  })
  await new Promise<void>((resolve) => loopback.listen(0, "127.0.0.1", resolve))
  started = await start()
  origin = started.origin
  context = await started.browser.newContext({ javaScriptEnabled: false, viewport: sizes.desktop })
  page = await context.newPage()
  watch(page, watched)
  await page.goto(`${origin}/account/sign-up`)
  await page.getByLabel("Name").fill(hedy.name)
  await page.getByLabel("E-mail address").fill(hedy.email)
  await page.getByLabel("Password").fill(hedy.password)
  await press("Make the account")
  await followLetter(page, origin, hedy.email, "Confirm the address")
  await press("Confirm the address")
})

afterAll(async () => {
  await started?.stop()
  loopback?.closeAllConnections()
  loopback?.close()
})

function post(path: string, body: Record<string, string> | string): Promise<Response> {
  const type = typeof body === "string" ? "application/json" : "application/x-www-form-urlencoded"
  return fetch(`${origin}${path}`, {
    method: "POST",
    headers: { "Content-Type": type },
    body: typeof body === "string" ? body : new URLSearchParams(body),
  })
}

async function bodyOf<T>(answer: Promise<Response>): Promise<T> {
  return (await (await answer).json()) as T
}

function tasks(bearer: string, body?: object): Promise<Response> {
  return fetch(`${origin}/v1/tasks`, {
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
    headers: { Authorization: `Bearer ${bearer}`, "Content-Type": "application/json" },
  })
}

const task = { projectId: "project_01kaj700000000000000000000", title: "Out of reach" }

describe("an API key", () => {
  let key = ""

  test("asks for the sign-in first, and comes back to where one was", async () => {
    await page.goto(`${origin}/account/keys`)
    expect(pathOf(page)).toBe("/account/sign-in")
    await signIn(page, origin, hedy)
    expect(pathOf(page)).toBe("/account/keys")
    expect(await page.locator("main").textContent()).toContain("You have none.")
    await look(page, "keys-none")
  })

  test("that may do nothing is not made, and what was typed stays", async () => {
    await follow("Make a key")
    await page.getByLabel("Name").fill("Night run")
    await press("Make the key")
    expect(await page.getByRole("alert").textContent()).toBe("Choose what the key may do.")
    expect(await page.getByLabel("Name").inputValue()).toBe("Night run")
    await look(page, "key-new")
  })

  test("is shown once, and reaches what it was made for", async () => {
    await page.getByLabel("tasks", { exact: true }).selectOption("tasks:read")
    await page.getByLabel("comments", { exact: true }).selectOption("comments:write")
    await page.getByLabel("It ends after").selectOption("30")
    await look(page, "key-chosen")
    await press("Make the key")
    expect(await heading(page)).toBe("Keep this key")
    key = (await page.locator("code.secret").textContent()) ?? ""
    await look(page, "key-made")
    expect((await tasks(key)).status).toBe(200)
    expect((await tasks(key, task)).status).toBe(403)
    await follow("I have kept it")
    const row = (await page.locator(".rows > li").allTextContents()).join()
    expect(row).toContain("Night run")
    expect(row).toContain("tasks:read")
    expect(await page.content()).not.toContain(key)
    await look(page, "keys")
  })

  test("that is ended reaches nothing", async () => {
    await press("End the key Night run")
    expect(await told()).toBe("The key has ended.")
    expect(await page.locator(".rows").count()).toBe(0)
    // Another isolate may believe in a key for some seconds; this one has heard.
    await expect.poll(async () => (await tasks(key)).status, { timeout: 40_000, interval: 500 }).toBe(401)
  })
})

describe("a program", () => {
  let client = ""
  let access = ""

  test("is let in by somebody who signs in on the way, with the second factor: the question comes after it", async () => {
    await page.goto(`${origin}/account/factors/app`)
    app = authenticator(((await page.locator(".secret").textContent()) ?? "").replaceAll(" ", ""))
    await page.getByLabel("Code").fill(await app.next())
    await press("Add the app")
    await page.goto(`${origin}/account`)
    await press("Sign out")

    const metadata = { client_name: "Robot", redirect_uris: [callback()], token_endpoint_auth_method: "none" }
    client = (await bodyOf<{ client_id: string }>(post("/oauth/register", JSON.stringify(metadata)))).client_id
    const query = new URLSearchParams({
      response_type: "code",
      client_id: client,
      redirect_uri: callback(),
      scope: "tasks:read me:read",
      state: "of the robot",
      code_challenge: base64url(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))),
      code_challenge_method: "S256",
      resource: origin,
    })
    await page.goto(`${origin}/oauth/authorize?${query}`)
    expect(await told()).toBe("Sign in, then you are asked whether to let the program in.")
    await page.getByLabel("E-mail address").fill(hedy.email)
    await page.getByLabel("Password", { exact: true }).fill(hedy.password)
    await press("Sign in")
    await page.getByLabel("Code").fill(await app.next())
    await press("Sign in")
    expect(await heading(page)).toBe("Let this program in?")
    await look(page, "consent")
    expect(arrived).toEqual([])
    await press("Let it in")
    await page.getByRole("heading", { name: "Back at the robot" }).waitFor()
    expect(arrived.map((search) => search.get("state"))).toEqual(["of the robot"])

    const tokens = post("/oauth/token", {
      grant_type: "authorization_code",
      code: arrived[0]?.get("code") ?? "",
      redirect_uri: callback(),
      client_id: client,
      code_verifier: verifier,
    })
    access = (await bodyOf<{ access_token: string }>(tokens)).access_token
    expect((await tasks(access)).status).toBe(200)
    expect((await tasks(access, task)).status).toBe(403)
  })

  test("is seen, and has no access once it is taken away", async () => {
    await page.goto(`${origin}/account/grants`)
    const row = (await page.locator(".rows > li").allTextContents()).join()
    expect(row).toContain("“Robot”")
    expect(row).toContain("See tasks")
    await look(page, "grants")
    await press("Take the access of Robot away")
    expect(await told()).toBe("The program has no access any more.")
    expect(await page.locator("main").textContent()).toContain("There are none.")
    await expect.poll(async () => (await tasks(access)).status, { timeout: 40_000, interval: 500 }).toBe(401)
  })
})

test("a password is changed by who knows the one before, and the page is all that it takes", async () => {
  await page.goto(`${origin}/account`)
  await follow("Change it")
  await look(page, "password")
  const next = `once more ${hedy.password}`
  await page.getByLabel("Current password").fill("not the password at all")
  await page.getByLabel("New password").fill(next)
  await press("Change the password")
  expect(await page.locator("#currentPassword-wrong").textContent()).toContain("The current password is wrong")
  await page.getByLabel("Current password").fill(hedy.password)
  await page.getByLabel("New password").fill(next)
  await press("Change the password")
  expect(await told()).toContain("The new password is set")
})

test("nothing complained, and nothing was asked of others but of the program", () => {
  const { complaints, asked } = watched
  expect(complaints.filter((text) => !/status of (400|403|404)/.test(text))).toEqual([])
  const own = [origin, "data:", callback().replace("/callback", "")]
  expect(asked.filter((url) => !own.some((start) => url.startsWith(start)))).toEqual([])
})
