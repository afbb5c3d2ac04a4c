/**
 * What the Feed object answers to: types only. One for each database; it tails the log in order and hands what it reads to readers, each of
 * which has a cursor of its own, so that one that fails holds up no other.
 */

/** How far the readers are behind the log. */
export interface Lag {
  /** Events that the slowest reader has not read. */
  readonly events: number
  /** Age of the oldest of them, seconds; 0 when there is none. */
  readonly seconds: number
  /** Jobs that are due and not done. */
  readonly jobs: number
}

/** The feed as isolates and other objects call it. */
export interface FeedObject {
  /** The log or the outbox has grown. Answers when everything there was has been handed on, or when the turn is over and the alarm goes on. */
  poke(): Promise<void>
  lag(): Promise<Lag>
  /** A topic has its first watcher: from now on it is told. */
  openTopic(topic: TopicAddress): Promise<void>
  /** It has none any more. */
  closeTopic(name: string): Promise<void>
  /** An object holds live streams of this user, whose facts (memberships, shares, roles) it must be told to load anew when they change. */
  attend(userId: string, objectName: string): Promise<void>
  leave(userId: string, objectName: string): Promise<void>
}

/** Where the watchers of a resource meet: all of a tenant, or those of one record. */
export interface TopicAddress {
  /** Name of the topic object. */
  readonly name: string
  readonly resource: string
  /** null: the resource has no tenant. */
  readonly tenant: string | null
  /** Id of the one record that is watched; null: all. */
  readonly record: string | null
}
