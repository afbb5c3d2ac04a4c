/** Which faults pass by themselves, and how long to wait for that. */
import type { Code } from "../core/code.ts"
import type { Retry } from "../core/job.ts"
import type { Problem } from "../core/problem.ts"

/** True: the same job may succeed later. False: it would fail the same way for ever, and is given up at once. */
const passes: Readonly<Record<Code, boolean>> = {
  UNAVAILABLE: true,
  DEADLINE_EXCEEDED: true,
  ABORTED: true,
  RESOURCE_EXHAUSTED: true,
  // A throw that nobody foresaw: a mistake in the code is mended by a deploy, a network that broke by itself.
  UNKNOWN: true,
  INTERNAL: true,
  // Whoever gave up the call did not judge the job.
  CANCELLED: true,
  INVALID_ARGUMENT: false,
  NOT_FOUND: false,
  ALREADY_EXISTS: false,
  PERMISSION_DENIED: false,
  FAILED_PRECONDITION: false,
  OUT_OF_RANGE: false,
  UNIMPLEMENTED: false,
  DATA_LOSS: false,
  UNAUTHENTICATED: false,
}

/** Whether a job that failed so is tried again. */
export function isPassing({ code }: Problem): boolean {
  return passes[code]
}

const retryAfterMaxSeconds = 86_400

/**
 * How long to wait before the next attempt, milliseconds: exponential steps with full jitter, and no less than the fault asked for.
 * @param attempt the one that failed; 1 for the first
 * @param chance 0 to 1
 */
export function pauseMs(retry: Retry, attempt: number, problem: Problem, chance: number): number {
  const step = Math.min(retry.maxSeconds, retry.firstSeconds * 2 ** Math.min(attempt - 1, 30))
  const asked = Math.min(problem.options.retryAfterSeconds ?? 0, retryAfterMaxSeconds)
  return Math.max(chance * step, asked) * 1000
}
