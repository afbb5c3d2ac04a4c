/** Jobs as the registry and the runtime take them. */
import type { Application, EngineParts } from "../core/registry.ts"
import { sendLetter } from "./mail.ts"
import { replayDeadLetter } from "./operations.ts"
import { deadLetters, jobRuns } from "./resources.ts"
import { scheduledJobs } from "./schedule.ts"

export { consumer } from "./consumer.ts"
export type { JobPorts } from "./ports.ts"
export { type JobPump, jobPump } from "./pump.ts"
export { type Schedule, schedulesOf } from "./schedule.ts"

/** What jobs add to every application. */
export function jobParts(application: Application): Required<EngineParts> {
  return {
    resources: [deadLetters, jobRuns] as readonly unknown[] as NonNullable<EngineParts["resources"]>,
    operations: [replayDeadLetter],
    jobs: [sendLetter, ...scheduledJobs(application)],
  }
}
