/** What the pages refuse, and what they never do: run anything, show markup from outside, use up a token by being looked at. */
import { env } from "cloudflare:workers"
import { describe, expect, test } from "vitest"
import application from "../../src/app/index.ts"
import { serve } from "../../src/app.ts"
import type { Observation } from "../../src/core/observation.ts"
import { call } from "../support/calls.ts"
import { letterTo, newAddress, person, signUp } from "../support/people.ts"
import { production, runtime } from "../support/runtime.ts"
import { rowCount } from "../support/workspace.ts"
import { fromHere, newVisitor, pathOf } from "./visitor.ts"

const pages = ["sign-up", "sign-in", "forgot-password", "sign-in-link", "sent"].map((page) => `/account/${page}`)
const letterPages = ["verify-email", "reset-password", "magic-link", "confirm-sign-in"].map(
  (page) => `/account/${page}`,
)

describe("every page", () => {
  test.each([...pages, ...letterPages, "/account/nothing", "/dev/mailbox"])(
    "%s runs, loads and frames nothing",
    async (path) => {
      const { headers, text } = await newVisitor().get(`${path}?token=sv_em_x`)
      const policy = headers.get("Content-Security-Policy") ?? ""
      expect(policy.split("; ").toSorted()).toEqual([
        "base-uri 'none'",
        "default-src 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "img-src data:",
        expect.stringMatching(/^style-src 'sha256-[A-Za-z0-9+/]{43}='$/),
      ])
      const style = /<style>([\s\S]*)<\/style>/.exec(text)?.[1] ?? ""
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(style)))
      expect(policy).toContain(btoa(String.fromCharCode(...digest)))
      expect(text).not.toMatch(/<script|<link rel="stylesheet|<img|<[^>]*\s(on\w+|style|src)=/i)
      expect(headers.get("Cache-Control")).toBe("no-store")
      expect(headers.get("Referrer-Policy")).toBe("no-referrer")
      expect(headers.get("X-Content-Type-Options")).toBe("nosniff")
      expect(headers.get("Strict-Transport-Security")).toContain("max-age=")
      expect(headers.get("Content-Type")).toBe("text/html; charset=utf-8")
      expect(headers.getSetCookie()).toEqual([])
    },
  )

  test.each([...pages, ...letterPages])("%s names its fields for people and for password managers", async (path) => {
    const { text } = await newVisitor().get(`${path}?token=x`)
    expect(text).toContain('<html lang="en">')
    expect(text.match(/<h1>/g)).toHaveLength(1)
    for (const [, id] of text.matchAll(/<input id="([^"]+)"/g)) {
      expect(text).toContain(`<label for="${id}">`)
      expect(text).toMatch(new RegExp(`<input id="${id}"[^>]* autocomplete="[a-z-]+"`))
    }
  })

  test("the same look for a page that is not there: 404", async () => {
    const { status, text } = await newVisitor().get("/account/invented")
    expect(status).toBe(404)
    expect(text).toContain("There is no such page")
  })
})

describe("methods", () => {
  test.each(["/account/sign-in", "/account/verify-email?token=x"])(
    "HEAD %s has the headers and no body",
    async (path) => {
      const head = await call(null, `HEAD ${path}`)
      expect([head.status, head.body]).toEqual([200, null])
      expect(head.headers.get("Content-Type")).toBe("text/html; charset=utf-8")
    },
  )

  test.each([
    ["PUT", "/account/sign-in", "GET, HEAD, POST, OPTIONS"],
    ["DELETE", "/account", "GET, HEAD, OPTIONS"],
    ["GET", "/account/sign-out", "POST, OPTIONS"],
    ["HEAD", "/account/sign-out", "POST, OPTIONS"],
    ["POST", "/account/sent", "GET, HEAD, OPTIONS"],
  ])("%s %s is 405 and says what may be done", async (method, path, allow) => {
    const answer = await call(null, `${method} ${path}`, { headers: fromHere })
    expect([answer.status, answer.headers.get("Allow")]).toEqual([405, allow])
  })

  test("OPTIONS tells, too", async () => {
    const answer = await call(null, "OPTIONS /account/sign-in")
    expect([answer.status, answer.headers.get("Allow")]).toEqual([204, "GET, HEAD, POST, OPTIONS"])
    expect(answer.headers.get("Access-Control-Allow-Origin")).toBeNull()
  })
})

describe("a link that a scanner of mail follows", () => {
  test("is not used up, whatever it asks for and however often", async () => {
    const who = newAddress()
    await signUp(who)
    const { action } = await letterTo(who.email, "Confirm")
    const path = pathOf(action.url)
    const visitor = newVisitor(who)
    const events = await rowCount("events")
    for (let n = 0; n < 3; n++) expect((await visitor.get(path)).status).toBe(200)
    await call(null, `HEAD ${path}`, { headers: who.headers })
    await call(null, `OPTIONS ${path}`, { headers: who.headers })
    expect(await rowCount("events")).toBe(events)
    expect((await visitor.post("/account/verify-email", { token: action.token })).status).toBe(303)
  })

  test("without its token says so, and has no form", async () => {
    const { status, text } = await newVisitor().get("/account/reset-password")
    expect(status).toBe(200)
    expect(text).toContain("This address is not complete")
    expect(text).not.toContain("<form")
  })
})

describe("a form from elsewhere", () => {
  const foreign: Record<string, Record<string, string>> = {
    "another site": { "Sec-Fetch-Site": "cross-site", Origin: "https://evil.test" },
    "another host of this domain": { "Sec-Fetch-Site": "same-site", Origin: "https://other.selvage.test" },
    "a program of the address bar": { "Sec-Fetch-Site": "none" },
    "an old browser on another site": { Origin: "https://evil.test" },
    "a sandboxed frame in an old browser": { Origin: "null" },
    "one that says nothing": {},
  }

  test.each(Object.entries(foreign))("%s changes nothing", async (_, headers) => {
    const who = await person()
    const visitor = newVisitor({ ...newAddress(), email: who.email })
    const forged = await visitor.post("/account/sign-in", { email: who.email, password: who.password }, headers)
    expect(forged.status).toBe(403)
    expect(forged.text).toContain("This form was not sent from a page of this site")
    expect(visitor.cookies.size).toBe(0)

    await visitor.post("/account/sign-in", { email: who.email, password: who.password })
    expect((await visitor.post("/account/sign-out", {}, headers)).status).toBe(403)
    expect((await visitor.get("/account")).status).toBe(200)
    // Nor when the access token is over, and only the refresh token would speak for the visitor.
    visitor.cookies.delete("__Host-at")
    const refresh = visitor.cookies.get("__Host-rt")
    expect((await visitor.post("/account/end-other-sessions", {}, headers)).status).toBe(403)
    expect(visitor.cookies.get("__Host-rt")).toBe(refresh)
    expect((await call(who, "GET /v1/me")).status).toBe(200)
  })

  test("this origin by Origin alone is taken, for browsers without Sec-Fetch-Site", async () => {
    const visitor = newVisitor()
    const sent = await visitor.post(
      "/account/forgot-password",
      { email: visitor.who.email },
      { Origin: "https://selvage.test" },
    )
    expect(sent.status).toBe(303)
  })
})

describe("a form that is none", () => {
  const post = (body: string | Uint8Array, type = "application/x-www-form-urlencoded") =>
    call(null, "POST /account/sign-in", {
      body,
      headers: { ...fromHere, ...newAddress().headers, "Content-Type": type },
    })

  test.each([
    ["JSON", '{"email":"a@example.com"}', "application/json", 415],
    ["plain text", "email=a@example.com", "text/plain", 415],
    ["a long one", `email=${"a".repeat(17_000)}`, undefined, 413],
    ["a field twice", "email=a%40example.com&email=b%40example.com&password=x", undefined, 400],
    ["broken UTF-8", "email=a%40example.com&password=%ff", undefined, 400],
    ["broken percents", "email=a%40example.com&password=%zz", undefined, 400],
  ])("%s is refused", async (_, body, type, status) => {
    const answer = await post(body, type)
    expect(answer.status).toBe(status)
    expect(answer.headers.getSetCookie()).toEqual([])
  })

  test("bytes that are not UTF-8 are refused", async () => {
    expect((await post(new Uint8Array([0x65, 0x3d, 0xff]))).status).toBe(400)
  })

  test("fields of the operation that the page has not are not taken: the session goes into cookies, never into the page", async () => {
    const who = await person()
    const visitor = newVisitor({ ...newAddress(), email: who.email })
    const entered = await visitor.post("/account/sign-in", {
      email: who.email,
      password: who.password,
      transport: "bearer",
      told: "x",
    })
    expect(entered.status).toBe(303)
    expect(entered.text).toBe("")
    expect(visitor.cookies.has("__Host-at")).toBe(true)
  })
})

describe("what was typed", () => {
  const markup = `"><script>alert(1)</script>`

  test("is shown again as text, with what is wrong beside its field; a password is not", async () => {
    const { status, text } = await newVisitor().post("/account/sign-up", {
      name: markup,
      email: `not"an<address`,
      password: "hunter2 secret",
    })
    expect(status).toBe(400)
    expect(text).not.toContain("<script")
    expect(text).toContain("&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;")
    expect(text).toContain('value="not&quot;an&lt;address"')
    expect(text).toContain('<p class="wrong" id="email-wrong">This is not an e-mail address.')
    expect(text).toMatch(/<input id="email"[^>]* aria-describedby="email-wrong" aria-invalid="true" autofocus>/)
    expect(text).not.toContain("hunter2")
  })

  test("and nothing at all is asked for by name", async () => {
    const { status, text } = await newVisitor().post("/account/sign-up", { name: " ", email: "", password: "" })
    expect(status).toBe(400)
    expect(text).toContain("Enter the name that others are to see.")
    expect(text).toContain("Enter your e-mail address.")
    expect(text).toContain("Choose a password.")
  })

  test("a name of markup is text on the account page", async () => {
    const who = await person(`<script>alert("${crypto.randomUUID()}")</script>`)
    const visitor = newVisitor({ ...newAddress(), email: who.email })
    await visitor.post(
      "/account/sign-in",
      { email: who.email, password: who.password },
      { ...fromHere, "User-Agent": "<img src=x>" },
    )
    const { text } = await visitor.get("/account")
    expect(text).toContain("<dd>&lt;script&gt;alert(&quot;")
    expect(text).toContain("&lt;img src=x&gt;")
    expect(text).not.toMatch(/<script|<img/)
  })

  test("a token of markup is text", async () => {
    const { text } = await newVisitor().get(`/account/magic-link?token=${encodeURIComponent(markup)}`)
    expect(text).toContain('value="&quot;&gt;&lt;script&gt;')
    expect(text).not.toContain("<script")
  })

  test("what the address bar asks to tell is told only from a list", async () => {
    const { text } = await newVisitor().get("/account/sign-in?told=Your+account+is+closed,+call+555")
    expect(text).not.toContain("555")
    expect((await newVisitor().get("/account/sign-in?told=constructor")).text).not.toContain("native code")
  })
})

describe("limits", () => {
  test("too many guesses: the page says how long to wait", async () => {
    const visitor = newVisitor(await person())
    const guess = () =>
      visitor.post("/account/sign-in", { email: visitor.who.email, password: "a wrong password, again" })
    let answer = await guess()
    for (let n = 0; n < 10 && answer.status === 400; n++) answer = await guess()
    expect(answer.status).toBe(429)
    expect(answer.text).toMatch(/Too many attempts\. Try again in \d+ (second|minute)s?\./)
    expect(Number(answer.headers.get("Retry-After"))).toBeGreaterThan(0)
    expect(answer.text).toContain(`value="${visitor.who.email}"`)
  })
})

describe("in production", () => {
  test.each(["/dev/mailbox", "/dev/mailbox.json"])("%s is not there", async (path) => {
    const served = serve(application, production().env, runtime())
    const answer = await served.fetch(new Request(`https://selvage.test${path}`))
    expect(answer.status).toBe(404)
    expect(await answer.text()).not.toMatch(/example\.com|token=/)
  })

  test("the pages are, and do not speak of the mailbox", async () => {
    const served = serve(application, production().env, runtime())
    expect((await served.fetch(new Request("https://selvage.test/account/sign-in"))).status).toBe(200)
    const sent = await served.fetch(new Request("https://selvage.test/account/sent?for=sign-up"))
    expect(await sent.text()).not.toContain("mailbox")
    const development = await newVisitor().get("/account/sent?for=sign-up")
    expect(development.text).toContain('href="/dev/mailbox"')
  })
})

describe("a fault of the pages", () => {
  test("is a page with a number, under which the operator finds the cause; the visitor is not told it", async () => {
    const told: Observation[] = []
    const CACHE = { list: () => Promise.reject(new Error("the cache burnt down")) }
    const served = serve(
      application,
      { ...env, CACHE } as never,
      runtime((one) => told.push(one)),
    )
    const answer = await served.fetch(
      new Request("https://selvage.test/dev/mailbox", { headers: { "X-Request-Id": "number-7" } }),
    )
    const text = await answer.text()
    expect(answer.status).toBe(500)
    expect(text).toContain("tell whoever runs this site the number number-7")
    expect(text).not.toContain("burnt")
    expect(answer.headers.get("Content-Security-Policy")).toContain("default-src 'none'")
    expect(told.filter(({ kind }) => kind === "call")).toMatchObject([
      { door: "pages", requestId: "number-7", code: "INTERNAL", cause: { message: "the cache burnt down" } },
    ])
  })
})
