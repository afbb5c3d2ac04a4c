/** Letters as they are sent: what somebody typed is text in them, never markup, never a header. */
import { env } from "cloudflare:workers"
import { describe, expect, test } from "vitest"
import { changedMail, impersonationMail, magicMail } from "../../src/authentication/mails.ts"
import { sendByCloudflare } from "../../src/integrations/mail/cloudflare.ts"
import { htmlOf, type Letter, subjectOf, textOf } from "../../src/integrations/mail/letter.ts"
import { readMailbox, toMailbox } from "../../src/integrations/mail/mailbox.ts"
import { mailboxPrefix } from "../../src/server/keys.ts"
import { call } from "../support/calls.ts"

const hostile = `<img src=x onerror="alert('1')"> & "quotes"`
const to = "ada@example.com"
const url = "https://selvage.test/account/magic-link?token=sv_ml_abc"
const addressed = (mail: object) => ({ to, ...mail }) as Letter

describe("the HTML of a letter", () => {
  test("shows hostile words as words: no tag, no attribute and no handler comes of them", () => {
    const html = htmlOf(impersonationMail(to, hostile, hostile))
    expect(html).not.toContain("<img")
    expect(html).not.toContain('onerror="')
    expect(html).toContain("&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt; &amp; &quot;quotes&quot;")
  })

  test("holds the link once as a button and once to copy, escaped within the attribute", () => {
    const html = htmlOf(magicMail(to, "Workspace", `${url}"><script>`))
    expect(html).not.toContain("<script>")
    expect(html.match(/href="([^"]*)"/)?.[1]).toBe(`${url}&quot;&gt;&lt;script&gt;`)
    expect(html.split(url)).toHaveLength(3)
  })

  test("loads nothing and runs nothing", () => {
    const html = htmlOf(magicMail(to, "Workspace", url))
    expect(html).not.toMatch(/<(script|img|link|iframe|form|style)|\ssrc=|@import|url\(/i)
  })
})

describe("the subject", () => {
  test.each(["\r\nBcc: everybody@example.com", "\nBcc: x", "\u2028Bcc: x", "\u0000Bcc", "\u0085x"])(
    "is one line, also with %j in it",
    (tail) => {
      const subject = subjectOf(changedMail(to, `Workspace${tail}`, "Your password was changed"))
      expect(subject).not.toMatch(/[\p{Cc}\u2028\u2029]/u)
      expect(subject).toContain("Workspace")
    },
  )

  test("is short", () => {
    expect(subjectOf(changedMail(to, "x".repeat(1000), "Changed"))).toHaveLength(200)
  })
})

test("the plain text holds the link in a line of its own", () => {
  expect(textOf(magicMail(to, "Workspace", url)).split("\n")).toContain(url)
  expect(textOf(changedMail(to, "Workspace", "Changed"))).not.toContain("http")
})

test("Cloudflare gets sender, recipient, subject and both forms; its refusal reaches the outbox", async () => {
  const sent: object[] = []
  const binding = { send: async (letter: object) => void sent.push(letter) }
  const letter = addressed(magicMail(to, "Workspace", url))
  await sendByCloudflare({ binding: binding as never, from: "no-reply@selvage.test" }, letter)
  expect(sent).toEqual([
    { from: "no-reply@selvage.test", to, subject: "Sign in to Workspace", text: textOf(letter), html: htmlOf(letter) },
  ])
  const broken = { send: () => Promise.reject(new Error("550")) }
  await expect(sendByCloudflare({ binding: broken as never, from: "x@selvage.test" }, letter)).rejects.toThrow("550")
})

test("the mailbox of development shows a letter and its token, and hostile words as words", async () => {
  const mine = `${crypto.randomUUID()}@example.com`
  const box = { cache: env.CACHE, prefix: mailboxPrefix }
  await toMailbox(box, crypto.randomUUID(), { ...addressed(magicMail(mine, hostile, url)), to: mine })
  const letters = (await readMailbox(box)).filter((one) => one.to === mine)
  expect(letters).toMatchObject([{ to: mine, action: { url, token: "sv_ml_abc" } }])
  const page = (await call(null, "GET /dev/mailbox", { headers: { Accept: "text/html" } })).body
  expect(page).toContain(mine)
  expect(page).toContain("&lt;img src=x")
  expect(page).toContain("sv_ml_abc")
  expect(page).not.toContain("<img")
})
