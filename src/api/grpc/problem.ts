/** Problem -> ConnectError: the same number, with the details that gRPC's clients know (google.rpc.ErrorInfo, BadRequest, RetryInfo). */
import type { FileRegistry } from "@bufbuild/protobuf"
import { ConnectError } from "@connectrpc/connect"
import { codes } from "../../core/code.ts"
import type { Problem } from "../../core/problem.ts"
import { messageIn } from "./descriptors.ts"

/** A problem as an error of a call. */
export function errorOf(problem: Problem, requestId: string | null, registry: FileRegistry): ConnectError {
  const { violations = [], retryAfterSeconds, maxAgeSeconds, type, approval } = problem.options
  const info = {
    reason: (type ?? problem.code).toUpperCase().replaceAll("-", "_"),
    domain: "selvage",
    metadata: {
      ...(requestId === null ? {} : { requestId }),
      ...(maxAgeSeconds === undefined ? {} : { maxAge: String(maxAgeSeconds) }),
      ...(approval === undefined ? {} : { approval: approval.id, page: approval.page }),
    },
  }
  const fieldViolations = violations.map(({ path, code, message }) => ({
    field: path,
    description: message,
    reason: code,
  }))
  const details = [
    { desc: messageIn(registry, "google.rpc.ErrorInfo"), value: info },
    ...(violations.length === 0
      ? []
      : [{ desc: messageIn(registry, "google.rpc.BadRequest"), value: { fieldViolations } }]),
    ...(retryAfterSeconds === undefined
      ? []
      : [
          {
            desc: messageIn(registry, "google.rpc.RetryInfo"),
            value: { retryDelay: { seconds: BigInt(Math.ceil(retryAfterSeconds)) } },
          },
        ]),
  ]
  // The numbers of gRPC begin with 1, in the order of the vocabulary.
  return new ConnectError(problem.message, codes.indexOf(problem.code) + 1, undefined, details as never)
}
