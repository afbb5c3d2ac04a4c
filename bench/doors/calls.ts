/** The same read and the same write as each door has them: a task by its id with all of its fields, and a new task of a project. */
import { createFileRegistry, type DescMessage, fromBinary, fromJson, toBinary } from "@bufbuild/protobuf"
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt"
import type { Call } from "../cases.ts"

/** What is called. */
export type Act = "read" | "write"

/** Its input: the id of a task, or the project and the title of a new one. */
export type Input = Readonly<Record<string, string>>

/** A door, as it is called over HTTP. */
export interface HttpDoor {
  readonly name: string
  readonly title: string
  call(act: Act, input: Input): Pick<Call, "method" | "path" | "headers" | "body">
}

const fields = `id version createdAt updatedAt organizationId projectId title body status priority estimateHours dueAt assigneeId internalNote createdBy`
const documents: Readonly<Record<Act, string>> = {
  read: `query ($id: ID!) { task(id: $id) { ${fields} } }`,
  write: `mutation ($input: TaskCreateInput!) { createTask(input: $input) { ${fields} } }`,
}
const methods: Readonly<Record<Act, string>> = { read: "GetTask", write: "CreateTask" }
const tools: Readonly<Record<Act, string>> = { read: "tasks_get", write: "tasks_create" }
const elements: Readonly<Record<Act, string>> = { read: "TasksGet", write: "TasksCreate" }

const json = { "content-type": "application/json" }

const rest: HttpDoor = {
  name: "rest",
  title: "REST",
  call: (act, input) =>
    act === "read"
      ? { method: "GET", path: `/v1/tasks/${input.id}`, headers: {} }
      : { method: "POST", path: "/v1/tasks", headers: json, body: JSON.stringify(input) },
}

const graphql: HttpDoor = {
  name: "graphql",
  title: "GraphQL",
  call: (act, input) => ({
    method: "POST",
    path: "/graphql",
    headers: { ...json, accept: "application/graphql-response+json" },
    body: JSON.stringify({ query: documents[act], variables: act === "read" ? input : { input } }),
  }),
}

const soap: HttpDoor = {
  name: "soap",
  title: "SOAP 1.1",
  call: (act, input) => {
    const members = Object.entries(input).map(([name, value]) => `<${name}>${value}</${name}>`)
    const name = elements[act]
    const element = `<${name} xmlns="urn:selvage:v1">${members.join("")}</${name}>`
    const body = `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>${element}</e:Body></e:Envelope>`
    return { method: "POST", path: "/soap", headers: { "content-type": "text/xml", accept: "text/xml" }, body }
  },
}

const mcp: HttpDoor = {
  name: "mcp",
  title: "MCP",
  call: (act, input) => ({
    method: "POST",
    path: "/mcp",
    headers: { ...json, accept: "application/json, text/event-stream", "mcp-protocol-version": "2025-11-25" },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name: tools[act], arguments: input },
    }),
  }),
}

const servicePath = (act: Act) => `/workspace.v1.TasksService/${methods[act]}`

const connectJson: HttpDoor = {
  name: "connect-json",
  title: "Connect, JSON",
  call: (act, input) => ({
    method: "POST",
    path: servicePath(act),
    headers: { ...json, "connect-protocol-version": "1" },
    body: JSON.stringify(input),
  }),
}

/** A message of gRPC-Web: a flag that says it is not compressed, its length, itself. */
function framed(message: Uint8Array): Buffer<ArrayBuffer> {
  const frame = Buffer.alloc(5 + message.length)
  frame.writeUInt32BE(message.length, 1)
  frame.set(message, 5)
  return frame
}

/** The doors that speak protobuf, with the descriptors that a server tells. */
export async function binaryDoors(origin: string): Promise<readonly HttpDoor[]> {
  const told = await fetch(`${origin}/api.binpb`)
  const set = fromBinary(FileDescriptorSetSchema, new Uint8Array(await told.arrayBuffer()))
  const registry = createFileRegistry(set)
  const encode = (act: Act, input: Input) => {
    const desc = registry.getMessage(`workspace.v1.${methods[act]}Request`) as DescMessage
    return toBinary(desc, fromJson(desc, input, { registry }))
  }
  const post = (act: Act, headers: Record<string, string>, body: Buffer<ArrayBuffer>) =>
    ({ method: "POST", path: servicePath(act), headers, body }) as const
  return [
    {
      name: "connect",
      title: "Connect, binary",
      call: (act, input) =>
        post(
          act,
          { "content-type": "application/proto", "connect-protocol-version": "1" },
          Buffer.from(encode(act, input)),
        ),
    },
    {
      name: "grpc-web",
      title: "gRPC-Web",
      call: (act, input) =>
        post(act, { "content-type": "application/grpc-web+proto", "x-grpc-web": "1" }, framed(encode(act, input))),
    },
  ]
}

/** Every door that is called over HTTP with text, REST first. */
export function httpDoors(): readonly HttpDoor[] {
  return [rest, graphql, connectJson, soap, mcp]
}
