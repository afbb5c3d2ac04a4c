/**
 * A browser's session through every door that can carry cookies: the same cookies, and the same rule on where a page comes from. The socket, which cannot,
 * opens no session for them.
 */
import { exports } from "cloudflare:workers"
import { beforeAll, describe, expect, test } from "vitest"
import { connect, frame, grpcWeb } from "../grpc/wire.ts"
import { envelope, soap11, soap12 } from "../soap/messages.ts"
import { type Browser, cookiesSet, fromHere, newBrowser as newBrowserOf } from "../support/browser.ts"
import { type Answer, requestOf } from "../support/calls.ts"
import { connect as connectSocket } from "../support/live.ts"
import { type Person, person } from "../support/people.ts"
import { inObject, objectOf } from "../support/user-objects.ts"

let ada: Person
beforeAll(async () => {
  ada = await person("Ada")
})

/** A browser that leaves bodies as they are: frames of gRPC-Web are no JSON. */
const newBrowser = () =>
  newBrowserOf({
    async call(actor, line, options) {
      const answer = await exports.default.fetch(requestOf(actor, line, options))
      return { status: answer.status, body: await answer.text(), headers: answer.headers }
    },
  })

type Headers = Readonly<Record<string, string>>
type Calls = Record<"signIn" | "signOut" | "refresh" | "me", (browser: Browser, from?: Headers) => Promise<Answer>>

const credentials = () => ({ email: ada.email, password: ada.password })

function rest(): Calls {
  const send =
    (line: string, body: object) =>
    (browser: Browser, headers: Headers = fromHere) =>
      browser.fetch(line, { body, headers })
  return {
    signIn: (browser, from) => send("POST /v1/auth/sign-in", { ...credentials(), transport: "cookie" })(browser, from),
    signOut: send("POST /v1/auth/sign-out", {}),
    refresh: send("POST /v1/auth/refresh", {}),
    me: (browser, headers = fromHere) => browser.fetch("GET /v1/me", { headers }),
  }
}

function graphql(): Calls {
  const send =
    (query: string, variables = {}) =>
    (browser: Browser, headers: Headers = fromHere) =>
      browser.fetch("POST /graphql", { body: { query, variables }, headers })
  return {
    signIn: (browser, from) =>
      send(
        `mutation ($email: String!, $password: String!) {
          authSignIn(email: $email, password: $password, transport: COOKIE) { __typename ... on SignedIn { userId accessToken refreshToken deviceToken } } }`,
        credentials(),
      )(browser, from),
    signOut: send("mutation { authSignOut { ended } }"),
    refresh: send("mutation { authRefresh { userId accessToken refreshToken } }"),
    me: send("{ meGet { id } }"),
  }
}

function grpc(type: string): Calls {
  const send =
    (method: string, given: () => object) =>
    (browser: Browser, from: Headers = fromHere) => {
      const bytes = new TextEncoder().encode(JSON.stringify(given()))
      const headers = { "Content-Type": type, ...from }
      return browser.fetch(`POST /workspace.v1.${method}`, { body: type === connect ? bytes : frame(bytes), headers })
    }
  return {
    signIn: send("AuthService/SignIn", () => ({ ...credentials(), transport: "SIGN_IN_TRANSPORT_COOKIE" })),
    signOut: send("AuthService/SignOut", () => ({})),
    refresh: send("AuthService/Refresh", () => ({})),
    me: send("MeService/Get", () => ({})),
  }
}

function soap(version: typeof soap11): Calls {
  const send =
    (element: () => string) =>
    (browser: Browser, from: Headers = fromHere) => {
      const headers = { "Content-Type": version.type, ...from }
      return browser.fetch("POST /soap", { body: envelope(element(), version), headers })
    }
  const inner = () =>
    Object.entries({ ...credentials(), transport: "cookie" }).map(([name, value]) => `<t:${name}>${value}</t:${name}>`)
  return {
    signIn: send(() => `<t:AuthSignIn>${inner().join("")}</t:AuthSignIn>`),
    signOut: send(() => "<t:AuthSignOut/>"),
    refresh: send(() => "<t:AuthRefresh/>"),
    me: send(() => "<t:MeGet/>"),
  }
}

const doors: Readonly<Record<string, Calls>> = {
  REST: rest(),
  GraphQL: graphql(),
  Connect: grpc(connect),
  "gRPC-Web": grpc(grpcWeb),
  "SOAP 1.1": soap(soap11),
  "SOAP 1.2": soap(soap12),
}

/** The refusal that a body tells, in the word of its door. */
const refusalIn = ({ body }: Answer) =>
  /PERMISSION_DENIED|permission_denied|grpc-status: ?7|UNAUTHENTICATED|unauthenticated|grpc-status: ?16/.exec(
    body,
  )?.[0] ?? null
const denied = /^(permission_denied|grpc-status: ?7)$/i
const unknown = /^(unauthenticated|grpc-status: ?16)$/i

const sessions = async () => (await inObject(objectOf(ada), 'select count(*) as "n" from "sessions"'))[0]?.n

describe.each(Object.entries(doors))("%s", (_, door) => {
  test("a sign-in sets three cookies and tells no token; they let in; a refresh turns them over; sign-out clears them", async () => {
    const browser = newBrowser()
    const signedIn = await door.signIn(browser)
    expect([signedIn.status, refusalIn(signedIn)]).toEqual([200, null])
    expect([...cookiesSet(signedIn).keys()]).toEqual(["__Host-at", "__Host-rt", "__Host-device"])
    expect(signedIn.body).not.toMatch(/eyJ|sv_|s1\./)
    expect(signedIn.headers.get("Cache-Control")).toBe("no-store")
    for (const [name, { attributes }] of cookiesSet(signedIn))
      expect(attributes, name).toEqual(expect.arrayContaining(["path=/", "secure", "httponly"]))
    expect((await door.me(browser)).body).toContain(ada.id)
    const before = new Map(browser.jar)
    const refreshed = await door.refresh(browser)
    expect([...cookiesSet(refreshed).keys()]).toEqual(["__Host-at", "__Host-rt"])
    expect(browser.jar.get("__Host-rt")).not.toBe(before.get("__Host-rt"))
    const signedOut = await door.signOut(browser)
    expect([...cookiesSet(signedOut)].map(([name, { value }]) => [name, value])).toEqual([
      ["__Host-at", ""],
      ["__Host-rt", ""],
    ])
    expect([...browser.jar.keys()]).toEqual(["__Host-device"])
    for (const [name, value] of before) browser.jar.set(name, value)
    expect(refusalIn(await door.me(browser))).toMatch(unknown)
  })

  test("a refresh that is refused clears them, too", async () => {
    const browser = newBrowser()
    await door.signIn(browser)
    browser.jar.set("__Host-rt", "s1.nonsense")
    const refused = await door.refresh(browser)
    expect(refusalIn(refused)).toMatch(unknown)
    expect([...browser.jar.keys()]).toEqual(["__Host-device"])
  })

  test.each<[string, Headers]>([
    ["another site", { "Sec-Fetch-Site": "cross-site", Origin: "https://evil.example" }],
    ["another origin, by a browser without Sec-Fetch-Site", { Origin: "https://evil.example" }],
    ["nowhere", {}],
  ])(
    "a page of %s gets no cookies and opens no session, and with those of the browser does nothing",
    async (_name, from) => {
      const before = await sessions()
      const refused = await door.signIn(newBrowser(), { ...from })
      expect(refusalIn(refused)).toMatch(denied)
      expect([[...cookiesSet(refused).keys()], await sessions()]).toEqual([[], before])
      const browser = newBrowser()
      await door.signIn(browser)
      const opened = await sessions()
      const forged = await door.signOut(browser, { ...from })
      expect(refusalIn(forged)).toMatch(denied)
      expect([[...cookiesSet(forged).keys()], await sessions()]).toEqual([[], opened])
      await door.signOut(browser)
    },
  )
})

test("over a socket a sign-in with cookies is refused, and opens no session", async () => {
  const before = await sessions()
  const socket = await connectSocket(null)
  const asked = socket.call("auth.signIn", { ...credentials(), transport: "cookie" })
  await expect(asked).rejects.toMatchObject({ code: -32007 })
  socket.close()
  expect(await sessions()).toBe(before)
})
