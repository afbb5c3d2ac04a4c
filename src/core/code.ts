/** The closed vocabulary of outcomes: the 16 gRPC codes (google/rpc/code.proto). There are no user-defined codes and no HTTP here. */
export const codes = [
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const

/** One of the 16 codes. */
export type Code = (typeof codes)[number]

/** One short sentence a code, used as the `title` of a problem (RFC 9457 §3.1.3). */
export const titles: Record<Code, string> = {
  CANCELLED: "The call was cancelled",
  UNKNOWN: "Unknown error",
  INVALID_ARGUMENT: "The request is not valid",
  DEADLINE_EXCEEDED: "The deadline passed",
  NOT_FOUND: "Not found",
  ALREADY_EXISTS: "It exists already",
  PERMISSION_DENIED: "Permission denied",
  RESOURCE_EXHAUSTED: "Too much was asked",
  FAILED_PRECONDITION: "A precondition does not hold",
  ABORTED: "The call lost a race; try again",
  OUT_OF_RANGE: "Out of range",
  UNIMPLEMENTED: "Not implemented",
  INTERNAL: "Internal error",
  UNAVAILABLE: "Temporarily unavailable",
  DATA_LOSS: "Data loss",
  UNAUTHENTICATED: "Authentication is needed",
}
