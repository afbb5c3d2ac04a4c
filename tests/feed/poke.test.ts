/** Pokes of an isolate: few calls however many writes, none forgotten, and none held up for ever by one that the platform dropped. */
import { expect, test } from "vitest"
import type { FeedObject } from "../../src/core/feed-object.ts"
import { poker } from "../../src/feed/poke.ts"

/** A feed whose answers the test gives. */
function waiting() {
  let at = Date.UTC(2030, 0, 1)
  const answers: (() => void)[] = []
  const faults: unknown[] = []
  const feed = { poke: () => new Promise<void>((resolve) => answers.push(resolve)) } as unknown as FeedObject
  const behind = (work: Promise<unknown>) => void work.catch((fault) => faults.push(fault))
  return {
    poke: poker({ feed: () => feed, behind, now: () => new Date(at) }),
    answers,
    pass: (ms: number) => void (at += ms),
    /** Answers the oldest call. */
    async answer() {
      answers.shift()?.()
      await scheduler.wait(0)
    },
  }
}

test("a hundred writes at once are two calls: the second began after the last of them", async () => {
  const { poke, answers, answer } = waiting()
  for (let n = 0; n < 100; n++) poke()
  expect(answers).toHaveLength(1)
  await answer()
  expect(answers).toHaveLength(1)
  await answer()
  expect(answers).toHaveLength(0)
  poke()
  expect(answers).toHaveLength(1)
})

test("a call that never ends, because the platform dropped it, holds up the next for 35 seconds and no longer", async () => {
  const { poke, answers, pass, answer } = waiting()
  poke()
  pass(34_000)
  poke()
  expect(answers).toHaveLength(1)
  pass(2000)
  poke()
  expect(answers).toHaveLength(2)
  // Should the first end after all, it does not take the second's place.
  await answer()
  expect(answers).toHaveLength(1)
})

test("a call that fails holds up nobody", async () => {
  let calls = 0
  const feed = {
    poke: async () => {
      calls++
      throw new Error("unreachable")
    },
  } as unknown as FeedObject
  const told: unknown[] = []
  const behind = (work: Promise<unknown>) => void work.catch((fault) => told.push(fault))
  const poke = poker({ feed: () => feed, behind, now: () => new Date() })
  poke()
  await scheduler.wait(0)
  poke()
  await scheduler.wait(0)
  expect([calls, told.length]).toEqual([2, 2])
})
