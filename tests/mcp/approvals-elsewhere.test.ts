/** A program whose changes wait, at the other doors: each tells where it is decided in its own form, and makes the change once it was. */
import { describe, expect, test } from "vitest"
import { issuer } from "../oauth/program.ts"
import { call } from "../support/calls.ts"
import { serving } from "../support/serving.ts"
import { type Asking, asking, decide, titlesIn } from "./asking.ts"

const isolate = serving()

type Told = { readonly made: boolean; readonly approval: { readonly id: string; readonly page: string } | null }

async function send(at: Asking, path: string, type: string, body: string): Promise<string> {
  const headers = { "Content-Type": type, Accept: "*/*", Authorization: `Bearer ${at.tokens.access}` }
  return (await isolate.fetch(new Request(issuer + path, { method: "POST", headers, body }))).text()
}

const input = ({ projectId }: Asking) => ({ projectId, title: "One" })

const doors: Record<string, (at: Asking) => Promise<Told>> = {
  async rest(at) {
    const { status, body } = await call({ token: at.tokens.access }, "POST /v1/tasks", { body: input(at) })
    return { made: status === 201, approval: body.approval ?? null }
  },
  async graphql(at) {
    const query = "mutation ($input: TaskCreateInput!) { createTask(input: $input) { id } }"
    const text = await send(
      at,
      "/graphql",
      "application/json",
      JSON.stringify({ query, variables: { input: input(at) } }),
    )
    const { errors } = JSON.parse(text)
    return { made: errors === undefined, approval: errors?.[0].extensions.approval ?? null }
  },
  async connect(at) {
    const text = await send(at, "/workspace.v1.TasksService/CreateTask", "application/json", JSON.stringify(input(at)))
    const { details = [], code } = JSON.parse(text)
    const metadata = details.find(({ type }: { type: string }) => type === "google.rpc.ErrorInfo")?.debug?.metadata
    return { made: code === undefined, approval: metadata ? { id: metadata.approval, page: metadata.page } : null }
  },
  async soap(at) {
    const { projectId, title } = input(at)
    const body = `<TasksCreate xmlns="urn:selvage:v1"><projectId>${projectId}</projectId><title>${title}</title></TasksCreate>`
    const envelope = `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>${body}</e:Body></e:Envelope>`
    const text = await send(at, "/soap", "text/xml", envelope)
    const [, id = "", page = ""] = /<approval><id>(.+)<\/id><page>(.+)<\/page><\/approval>/.exec(text) ?? []
    return { made: text.includes("TasksCreateResponse"), approval: id === "" ? null : { id, page } }
  },
}

describe.each(Object.entries(doors))("at %s", (_, create) => {
  test("a change waits, tells where, is made once after a yes, and then waits anew", async () => {
    const at = await asking({ resource: issuer })
    const { made, approval } = await create(at)
    expect([made, approval?.page]).toEqual([false, `${issuer}/account/approvals/${approval?.id}`])
    expect(await titlesIn(at)).toEqual([])
    expect((await decide(at.ada, approval?.id ?? "", "grant")).status).toBe(200)
    expect(await create(at)).toEqual({ made: true, approval: null })
    expect((await create(at)).made).toBe(false)
    expect(await titlesIn(at)).toEqual(["One"])
  })
})
