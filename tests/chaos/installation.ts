/** An installation that is killed and begins again, in the middle of whatever it does. */
import type { Server } from "./server.ts"

/** Waits, milliseconds. */
export const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** A server that can go down: whoever asks for its address meanwhile waits. */
export class Installation {
  readonly restartMs: number[] = []
  #server: Promise<Server>
  readonly #start: () => Promise<Server>

  constructor(start: () => Promise<Server>) {
    this.#start = start
    this.#server = start()
  }

  origin = async (): Promise<string> => (await this.#server).url

  /** Ends the runtime in the middle of its work and begins again on what it left. */
  async killAndRestart(): Promise<void> {
    const server = await this.#server
    const begun = performance.now()
    this.#server = server.kill().then(this.#start)
    await this.#server
    this.restartMs.push(performance.now() - begun)
  }

  async stop(): Promise<void> {
    await (await this.#server).stop()
  }
}
