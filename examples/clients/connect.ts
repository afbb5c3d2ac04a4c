/** Connect with connect-web: messages and services are those of the .proto. gRPC-Web is the same with createGrpcWebTransport. */
import { Code, ConnectError, createClient } from "@connectrpc/connect"
import { createConnectTransport } from "@connectrpc/connect-web"
import { TaskStatus, TasksService } from "./client/api_pb.js"

export async function addAndComplete(origin: string, token: string, projectId: string) {
  const tasks = createClient(TasksService, createConnectTransport({ baseUrl: origin, useBinaryFormat: true }))
  const headers = { Authorization: `Bearer ${token}` }

  const made = await tasks.createTask({ projectId, title: "Typed by Protobuf", priority: 2 }, { headers })
  const done = await tasks.complete({ id: made.id, note: "Done." }, { headers })
  if (done.status !== TaskStatus.DONE) throw new Error("It is still open")

  // Once is enough: the second time is refused.
  const again = await tasks.complete({ id: made.id }, { headers }).catch((fault) => ConnectError.from(fault))
  return { title: done.title, refused: again instanceof ConnectError && again.code === Code.FailedPrecondition }
}
