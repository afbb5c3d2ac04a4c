/** Brings a command of the outbox to a user's object. The object knows the message's id, so twice is once. */
import type { Cause, Command, UserObject } from "../core/user-object.ts"
import { type Delivery, Refused } from "./outbox.ts"

/** The objects by what they stand for. */
export interface CommandReceivers {
  user(id: string): UserObject
  ghost(bucket: number): UserObject
}

/**
 * Delivers one command.
 * @throws Refused when a bound of the object is reached: it would be refused again; Error when the object did not acknowledge
 */
export async function deliverCommand(objects: CommandReceivers, { id, subject, payload }: Delivery): Promise<void> {
  const { command, cause } = payload as unknown as { command: Command; cause: Cause }
  const object = subject.startsWith("ghost/")
    ? objects.ghost(Number(subject.slice("ghost/".length)))
    : objects.user(subject)
  const answer = await object.apply(id, command, cause)
  if (!("error" in answer)) return
  const sentence = `The object of ${subject} answered ${answer.error}: ${answer.cause ?? ""}`
  throw answer.error === "LIMIT" ? new Refused(sentence) : new Error(sentence)
}
