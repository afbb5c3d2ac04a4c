/**
 * Work that many calls of an isolate want at once is done once. A call that does it may go away, and with it whatever it waited for: so others wait for
 * a while only, and then one of them begins anew.
 */

/** The answer of work that came in time, or null. */
export async function inTime<T>(milliseconds: number, work: Promise<T>): Promise<{ readonly value: T } | null> {
  const over = new AbortController()
  const late = scheduler.wait(milliseconds, { signal: over.signal }).then(
    () => null,
    () => null,
  )
  try {
    return await Promise.race([work.then((value) => ({ value })), late])
  } finally {
    over.abort()
  }
}

/** Does work under a key, or waits for whoever does it already. Throws what the work throws, to all who waited. */
export type Flights<T> = (key: string, work: () => Promise<T>) => Promise<T>

/**
 * Makes the flights of an isolate.
 * @param options.behind keeps work going when the call that began it is over
 * @param options.patienceMs what takes longer is taken to be lost by those who wait for it
 */
export function flights<T>(options: { behind(work: Promise<unknown>): void; readonly patienceMs: number }): Flights<T> {
  const { behind, patienceMs } = options
  const underWay = new Map<string, Promise<T>>()
  const begin = (key: string, work: () => Promise<T>): Promise<T> => {
    const own = work().finally(() => {
      if (underWay.get(key) === own) underWay.delete(key)
    })
    underWay.set(key, own)
    // Its fault is told by whoever waits for it.
    behind(own.catch(() => undefined))
    return own
  }
  return async (key, work) => {
    for (;;) {
      const other = underWay.get(key)
      if (other === undefined) return begin(key, work)
      const outcome = await inTime(patienceMs, other)
      if (outcome !== null) return outcome.value
      if (underWay.get(key) === other) return begin(key, work)
    }
  }
}
