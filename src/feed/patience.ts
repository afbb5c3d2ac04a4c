/** How long one object waits for another. What takes longer is none of the caller's time; its late answer changes nothing. */

/**
 * The answer, when it comes in time.
 * @throws Error when it does not
 */
export async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  const over = new AbortController()
  const late = scheduler.wait(milliseconds, { signal: over.signal }).then((): never => {
    throw new Error(`No answer within ${milliseconds} ms`)
  })
  late.catch(() => undefined)
  work.catch(() => undefined)
  try {
    return await Promise.race([work, late])
  } finally {
    over.abort()
  }
}

/** When to try again after so many failures: a second doubling to a minute. */
export function retryMs(tries: number): number {
  return Math.min(60_000, 1000 * 2 ** Math.min(tries, 10))
}
