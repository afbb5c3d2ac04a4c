/** What a single call costs, the first of its kind above all. */
import type { Call } from "./cases.ts"
import { cpuMicroseconds, type Server } from "./server.ts"

/** Waits until a server has nothing more to do. */
export async function settle({ pid }: Server): Promise<void> {
  for (let before = -1, now = cpuMicroseconds(pid); now - before > 100; before = now, now = cpuMicroseconds(pid)) {
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** CPU that a call costs the Worker's process, milliseconds, with what it does after the answer. */
export async function cost(server: Server, { method, path, headers, body }: Omit<Call, "values">): Promise<number> {
  const before = cpuMicroseconds(server.pid)
  const response = await fetch(server.url + path, { method, headers, ...(body === undefined ? {} : { body }) })
  const text = await response.text()
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`)
  const spent = (cpuMicroseconds(server.pid) - before) / 1000
  await settle(server)
  return spent
}
