/** Live connections of programs: they reach what the grant reaches, and end with it. */
import { beforeAll, expect, test } from "vitest"
import { call } from "../support/calls.ts"
import { connect, handshake, tryConnect, watching } from "../support/live.ts"
import { inObject, objectOf } from "../support/user-objects.ts"
import { must } from "../support/workspace.ts"
import { type Host, host, letIn, type Program, register } from "./program.ts"

let ada: Host
let program: Program
let filter: { readonly organizationId: string }

beforeAll(async () => {
  ;[ada, program] = await Promise.all([host(), register()])
  const { id: organizationId } = await must(ada as never, "POST /v1/organizations", { name: "Acme" })
  filter = { organizationId }
})

test("a program watches what its scopes reach, until its user takes the access away", async () => {
  const { access, grant } = await letIn(ada, program)
  const lost = await watching({ token: access }, "tasks.watch", { filter })
  await expect(lost.connection.call("projects.watch", { filter })).rejects.toMatchObject({ code: -32007 })
  const kept = await watching(ada, "tasks.watch", { filter })
  expect((await call(ada, `DELETE /v1/grants/${grant}`)).status).toBe(200)
  expect(await lost.connection.closed).toMatchObject({ code: 4401 })
  expect(await tryConnect({ token: access })).toMatchObject({ status: 401 })
  kept.connection.close()
})

test("its token may stand among the subprotocols, where browsers put it", async () => {
  const { access } = await letIn(ada, program)
  const answer = await handshake(null, { "Sec-WebSocket-Protocol": `jsonrpc.v1, bearer.${access}` })
  expect([answer.status, answer.headers.get("Sec-WebSocket-Protocol")]).toEqual([101, "jsonrpc.v1"])
  answer.webSocket?.accept()
  answer.webSocket?.close()
})

test("nothing is opened by a token that is still believed though its grant is over", async () => {
  const { access } = await letIn(ada, program)
  const connection = await connect({ token: access })
  connection.close()
  await inObject(objectOf(ada), 'delete from "grants"')
  expect((await call({ token: access }, "GET /v1/tasks")).status).toBe(200)
  expect(await tryConnect({ token: access })).toMatchObject({ status: 401, body: { code: "UNAUTHENTICATED" } })
})
