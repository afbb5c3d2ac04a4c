/** A limit of time for work that may not listen to it. */

/**
 * The work's result, unless the signal is aborted first: then its reason is thrown, and whatever the work comes to is nobody's any more.
 * @param signal says when to give up
 */
export function unless<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((settle, refuse) => {
    const stop = () => refuse(signal.reason)
    if (signal.aborted) stop()
    signal.addEventListener("abort", stop, { once: true })
    work.then(settle, refuse).finally(() => signal.removeEventListener("abort", stop))
  })
}
