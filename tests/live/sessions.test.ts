/** Who may open a connection, and what ends it: sockets live as long as what opened them, and not a moment longer. */
import { runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { beforeAll, describe, expect, test } from "vitest"
import { mintToken } from "../support/actors.ts"
import { newBrowser } from "../support/browser.ts"
import { call } from "../support/calls.ts"
import { connect, handshake, type Refused, tryConnect, watch, watching } from "../support/live.ts"
import { type Person, person, session } from "../support/people.ts"
import { must } from "../support/workspace.ts"

let ada: Person
let organizationId: string
let projectId: string

beforeAll(async () => {
  ada = await person("Ada")
  organizationId = (await must(ada, "POST /v1/organizations", { name: "Acme" })).id
  projectId = (await must(ada, "POST /v1/projects", { organizationId, name: "Launch" })).id
})

const all = () => ({ filter: { organizationId } })
const newKey = (scopes: readonly string[]): Promise<{ id: string; key: string }> =>
  must(ada, "POST /v1/api-keys", { name: "A program", scopes }) as never

describe("revoking closes", () => {
  test("the sockets of a session, and no others", async () => {
    const [phone, laptop] = [await session(ada), await session(ada)]
    const lost = await watching(phone, "tasks.watch", all())
    const kept = await watching(laptop, "tasks.watch", all())
    expect((await call(laptop, `DELETE /v1/sessions/${phone.sessionId}`)).status).toBeLessThan(300)
    expect(await lost.connection.closed).toMatchObject({ code: 4401 })
    const task = await must(ada, "POST /v1/tasks", { projectId, title: "After" })
    await kept.until(({ records }) => records.has(task.id))
    expect(lost.records.has(task.id)).toBe(false)
    expect(await tryConnect(phone)).toMatchObject({ status: 401 })
  })

  test("all of them, when the others are revoked or the password changes", async () => {
    const [phone, laptop] = [await session(ada), await session(ada)]
    const lost = await connect(phone)
    await call(laptop, "POST /v1/sessions/revoke-others", { body: {} })
    expect(await lost.closed).toMatchObject({ code: 4401 })
    ada = laptop
  })

  test("what a key has opened", async () => {
    const [one, other] = [await newKey(["tasks:read"]), await newKey(["tasks:read"])]
    const lost = await watching({ token: one.key }, "tasks.watch", all())
    const kept = await watching({ token: other.key }, "tasks.watch", all())
    await must(ada, `DELETE /v1/api-keys/${one.id}`)
    expect(await lost.connection.closed).toMatchObject({ code: 4401 })
    const task = await must(ada, "POST /v1/tasks", { projectId, title: "After the key" })
    await kept.until(({ records }) => records.has(task.id))
    kept.connection.close()
  })
})

test("a key watches what its scopes reach and nothing else, in an object apart from its owner's", async () => {
  const { key } = await newKey(["projects:read"])
  const connection = await connect({ token: key })
  await expect(connection.call("tasks.watch", all())).rejects.toMatchObject({ code: -32007 })
  const projects = await watch(connection, "projects.watch", all())
  await projects.until(({ records }) => records.has(projectId))
  const sockets = (name: string) =>
    runInDurableObject(env.USER.getByName(name), (_, state) => state.getWebSockets().length)
  expect(await sockets(`streams/service/${ada.id}`)).toBeGreaterThan(0)
  connection.close()
})

test("a connection of another issuer's token ends when the token does", async () => {
  const connection = await connect({ token: await mintToken(ada.id, { expiresIn: 2 }) })
  const kept = await watch(connection, "tasks.watch", all())
  await kept.until(({ words }) => words.includes("ready"))
  expect(await connection.closed).toMatchObject({ code: 4401 })
})

test("a token that does not hold opens nothing; one among the subprotocols does, and is not echoed", async () => {
  expect(await tryConnect({ token: "nonsense" })).toMatchObject({ status: 401, body: { code: "UNAUTHENTICATED" } })
  const answer = await handshake(null, { "Sec-WebSocket-Protocol": `jsonrpc.v1, bearer.${ada.token}` })
  expect([answer.status, answer.headers.get("Sec-WebSocket-Protocol")]).toEqual([101, "jsonrpc.v1"])
  answer.webSocket?.accept()
  answer.webSocket?.close()
  const unknown = await handshake(ada, { "Sec-WebSocket-Protocol": "soap" })
  expect(unknown.status).toBe(400)
  await unknown.text()
})

describe("a browser's cookies", () => {
  const cookies = async () => {
    const browser = newBrowser()
    expect((await browser.signIn(ada)).status).toBe(200)
    return [...browser.jar].map(([name, value]) => `${name}=${value}`).join("; ")
  }

  test("open a connection from a page of this site", async () => {
    const connection = await connect(null, { Cookie: await cookies(), Origin: "https://selvage.test" })
    const kept = await watch(connection, "tasks.watch", all())
    await kept.until(({ words }) => words.includes("ready"))
    connection.close()
  })

  test.each([["https://evil.example"], ["null"], [""]])("open none from a page of %j", async (origin) => {
    const headers = { Cookie: await cookies(), ...(origin === "" ? {} : { Origin: origin }) }
    const refused = (await tryConnect(null, headers)) as Refused
    expect(refused).toMatchObject({ status: 403, body: { code: "PERMISSION_DENIED" } })
  })
})

test("what is stated as the principal from outside is not believed", async () => {
  const principal = { kind: "user", id: ada.id, roles: ["admin"] }
  const forged = encodeURIComponent(JSON.stringify({ principal, address: null, isCounted: true }))
  const connection = await connect(null, { "X-Selvage-Sitter": forged })
  await expect(connection.call("tasks.watch", all())).rejects.toMatchObject({ code: -32016 })
  connection.close()
})
