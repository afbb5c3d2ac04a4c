/**
 * The values and refusals of the parity suite once more, inside the runtime of these tests: there the coverage of the doors is seen. The clients are the
 * same; only the network between is not.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest"
import type { CompiledOperation } from "../../src/core/registry.ts"
import { application } from "../parity/application.ts"
import type { DoorClient } from "../parity/doors/door.ts"
import { graphqlClient } from "../parity/doors/graphql.ts"
import { connectClient, grpcWebClient } from "../parity/doors/grpc.ts"
import { mcpClient } from "../parity/doors/mcp.ts"
import { normal } from "../parity/doors/normal.ts"
import { valueRows } from "../parity/rows-values.ts"
import { newActor } from "../support/actors.ts"
import { serving } from "../support/serving.ts"

const isolate = serving({}, application)
const origin = "http://selvage.test"
const rows = valueRows.filter(({ operation, code }) => operation !== "echo.limited" && code !== "RESOURCE_EXHAUSTED")

/** The runtime knows of no redirect that is an error; there is none here. */
const inside: typeof fetch = async (input, init) => {
  const { method = "GET", headers = {}, body = null, signal = null } = (init ?? {}) as RequestInit
  return (await isolate.fetch(new Request(input as RequestInfo, { method, headers, body, signal }))) as Response
}

const makers: Record<string, () => Promise<DoorClient> | DoorClient> = {
  graphql: () => graphqlClient(origin, isolate.registry),
  connect: () => connectClient(origin),
  "grpc-web": () => grpcWebClient(origin),
  mcp: () => mcpClient(origin, false),
}

describe.each(Object.keys(makers))("%s", (name) => {
  let client: DoorClient
  let token: string
  beforeAll(async () => {
    vi.stubGlobal("fetch", inside)
    client = await (makers[name] as () => Promise<DoorClient>)()
    token = (await newActor("Ada")).token
  })
  afterEach(() => expect(isolate.observations.filter((one) => one.kind === "fault")).toEqual([]))
  afterAll(async () => {
    await client.close()
    vi.unstubAllGlobals()
  })

  test.each(rows.map((row) => [row.name, row] as const))("%s", async (_, row) => {
    const operation = isolate.registry.operations.get(row.operation) as CompiledOperation
    const input = row.input as never
    const ending = await client.call({ token: row.actor === "nobody" ? null : token, operation, input })
    const { shape } = operation.outputType
    if ("value" in ending) expect(normal(shape, ending.value)).toEqual(normal(shape, row.value as never))
    else expect(ending.code).toBe(row.code)
  })
})
