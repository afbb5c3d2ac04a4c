/** Jobs as the registry and the runtime take them. */
import type { Application, EngineParts } from "../core/registry.ts"
import { sendLetter } from "./mail.ts"
import { replayDeadLetter } from "./operations.ts"
import { deadLetters, jobRuns } from "./resources.ts"
import { scheduledJobs, schedulesOf } from "./schedule.ts"

export { consumer } from "./consumer.ts"
export type { JobPorts } from "./ports.ts"
export { type JobPump, jobPump } from "./pump.ts"
export type { Schedule } from "./schedule.ts"
export { schedulesOf }

/**
 * What jobs add to every application.
 * @throws Error for schedules that could not run
 */
export function jobParts(application: Application): Required<EngineParts> {
  schedulesOf(application)
  return {
    resources: [deadLetters, jobRuns] as readonly unknown[] as NonNullable<EngineParts["resources"]>,
    operations: [replayDeadLetter],
    jobs: [sendLetter, ...scheduledJobs(application)],
  }
}
