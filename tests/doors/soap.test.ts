/** SOAP as others speak it: npm's `soap` builds its client from the WSDL; libxml2 holds every message against the schema in it. */
import { type Client, createClientAsync } from "soap"
import { beforeAll, describe, expect, inject, test } from "vitest"
import { validateXML } from "xmllint-wasm"
import { newcomer } from "./newcomer.ts"

const origin = inject("origin")
const { ada, nobody } = inject("tokens")
const projectId = inject("projectId")

async function clientOf(version: "1.1" | "1.2", token = ada): Promise<Client> {
  const client = await createClientAsync(`${origin}/soap?wsdl`, { forceSoap12Headers: version === "1.2" })
  client.addHttpHeader("Authorization", `Bearer ${token}`)
  return client
}

/** The port of the version: the WSDL has one each. */
function port(client: Client, version: "1.1" | "1.2") {
  return (client as unknown as Record<string, Record<string, Record<string, (input: object, done: Done) => void>>>)
    .Api?.[version === "1.1" ? "Soap11" : "Soap12"] as Record<string, (input: object, done: Done) => void>
}
// biome-ignore lint/suspicious/noExplicitAny: what the client made of the answer
type Done = (fault: any, result: any) => void

// biome-ignore lint/suspicious/noExplicitAny: the same
function call(client: Client, version: "1.1" | "1.2", method: string, input: object): Promise<any> {
  return new Promise((resolve, reject) => {
    port(client, version)[method]?.(input, (fault, result) => (fault ? reject(fault) : resolve(result)))
  })
}

let schema: string
beforeAll(async () => {
  const wsdl = await (await fetch(`${origin}/soap?wsdl`)).text()
  schema = /<xs:schema[\s\S]*<\/xs:schema>/.exec(wsdl)?.[0] ?? ""
})

/** What stands in the body of a message, as a document of its own, held against the schema. */
async function validated(message: string, element: RegExp): Promise<readonly string[]> {
  const content = element.exec(message)?.[0]
  if (!content) throw new Error(`No such element in ${message}`)
  const namespaces = [...message.matchAll(/xmlns:[a-z0-9]+="[^"]+"/gi)].map(([text]) => text)
  const missing = [...new Set(namespaces)].filter((text) => !content.includes(text)).join(" ")
  const whole = content.replace(/^<([\w:]+)/, (tag) => `${tag} ${missing}`)
  const { errors } = await validateXML({
    xml: [{ fileName: "message.xml", contents: whole }],
    schema: [{ fileName: "api.xsd", contents: schema }],
  })
  return errors.map(({ message: text }) => text)
}

describe.each(["1.1", "1.2"] as const)("npm soap, SOAP %s", (version) => {
  test("creates, reads, changes, lists and deletes; request and answer are valid by the schema", async () => {
    const client = await clientOf(version)
    const { result } = await call(client, version, "TasksCreate", { projectId, title: "From SOAP", priority: 2 })
    expect(result).toMatchObject({ title: "From SOAP", priority: 2, status: "open" })
    expect(
      await validated(client.lastRequest ?? "", /<(?:\w+:)?TasksCreate[ >][\s\S]*<\/(?:\w+:)?TasksCreate>/),
    ).toEqual([])
    expect(await validated(String(client.lastResponse), /<TasksCreateResponse[\s\S]*<\/TasksCreateResponse>/)).toEqual(
      [],
    )
    const got = await call(client, version, "TasksGet", { id: result.id })
    expect(got.result.title).toBe("From SOAP")
    const changed = await call(client, version, "TasksUpdate", { id: result.id, patch: { title: "Größe 😀 <&>" } })
    expect(changed.result.title).toBe("Größe 😀 <&>")
    const page = await call(client, version, "TasksList", {
      filter: { entry: [{ key: "projectId", value: JSON.stringify(projectId) }] },
      limit: 2,
    })
    expect(page.result.items).toHaveLength(2)
    expect(await validated(String(client.lastResponse), /<TasksListResponse[\s\S]*<\/TasksListResponse>/)).toEqual([])
    const gone = await call(client, version, "TasksDelete", { id: result.id })
    expect(gone.result.id).toBe(result.id)
    await expect(call(client, version, "TasksGet", { id: result.id })).rejects.toThrow(/No such record/)
  })
  test("a problem reaches the client as a fault that is valid by the schema", async () => {
    const client = await clientOf(version)
    const refused = await call(client, version, "TasksCreate", { projectId, title: "x", priority: "high" }).catch(
      (fault) => fault,
    )
    expect(JSON.stringify(refused.root.Envelope.Body.Fault)).toMatch(/INVALID_ARGUMENT.*\/priority/)
    expect(await validated(String(client.lastResponse), /<Problem[\s\S]*<\/Problem>/)).toEqual([])
  })
  test("who may see nothing sees nothing", async () => {
    const client = await clientOf(version, nobody)
    const page = await call(client, version, "TasksList", {
      filter: { entry: [{ key: "projectId", value: JSON.stringify(projectId) }] },
    })
    expect(page.result?.items ?? []).toEqual([])
  })
  test("a browser signs in by cookies from a page of this site, and from no other", async () => {
    const someone = await newcomer(origin)
    const signIn = async (Origin: string) => {
      const client = await createClientAsync(`${origin}/soap?wsdl`, { forceSoap12Headers: version === "1.2" })
      client.addHttpHeader("Origin", Origin)
      const { result } = await call(client, version, "AuthSignIn", { ...someone, transport: "cookie" })
      const set = (client.lastResponseHeaders as Record<string, readonly string[]>)["set-cookie"] ?? []
      return { result, set: set.map((text) => text.slice(0, text.indexOf("="))) }
    }
    const { result, set } = await signIn(origin)
    expect(set).toEqual(["__Host-at", "__Host-rt", "__Host-device"])
    expect(JSON.stringify(result)).not.toMatch(/eyJ|[Tt]oken/)
    const refused = await signIn("https://evil.example").catch((fault) => fault)
    expect(JSON.stringify(refused.root.Envelope.Body.Fault)).toContain("PERMISSION_DENIED")
    expect(refused.response.headers["set-cookie"]).toBeUndefined()
  })
})
