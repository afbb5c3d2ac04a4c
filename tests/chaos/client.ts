/**
 * A client that signs in, refreshes and ends sessions in a loop, and writes down what it was told: an answer that arrived is a promise, one
 * that did not is none. What stands in its ledger is what must hold afterwards.
 */

/** A session as its client knows it. */
export interface Known {
  readonly id: string
  /** The newest that was acknowledged. */
  refreshToken: string
  accessToken: string
  /** `asked`: its end was asked for and no answer came. `lost`: it was refused though nobody ended it. */
  state: "alive" | "asked" | "ended" | "lost"
  /** A refresh went unanswered: it is repeated next, with the same token. */
  isPending: boolean
}

/** What the client counted. */
export interface Counts {
  signIns: number
  refreshes: number
  ends: number
  /** Calls without an answer. */
  unanswered: number
  /** Answers that ask to come back later: 429 and 503. */
  postponed: number
}

/** What went wrong while it ran, in words. */
export type Complaint = string

/** Where the Worker answers now; waits while it is down. */
export type Origin = () => Promise<string>

interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, string>>
}

const patienceMs = 15_000

/** A client for one person. */
export class Client {
  readonly sessions: Known[] = []
  readonly counts: Counts = { signIns: 0, refreshes: 0, ends: 0, unanswered: 0, postponed: 0 }
  readonly complaints: Complaint[] = []
  readonly #person: { readonly email: string; readonly password: string; readonly number: number }
  readonly #origin: Origin
  #networks = 0

  constructor(person: { email: string; password: string; number: number }, origin: Origin) {
    this.#person = person
    this.#origin = origin
  }

  /** Acts until it is told to stop, and then until nothing hangs in the air. */
  async run(isOver: () => boolean): Promise<void> {
    for (;;) {
      const hanging = this.sessions.find((one) => one.isPending || one.state === "asked")
      if (hanging) await (hanging.state === "asked" ? this.#end(hanging) : this.#refresh(hanging))
      else if (isOver()) return
      else await this.#act()
    }
  }

  /** Asks whether a session still refreshes: with its newest acknowledged token. */
  async refreshes({ refreshToken }: Known): Promise<boolean> {
    const answer = await this.#insist("POST", "/v1/auth/refresh", { refreshToken })
    return answer.status === 200
  }

  /** Asks whether an access token still opens anything. */
  async opens({ accessToken }: Known): Promise<boolean> {
    return (await this.#insist("GET", "/v1/me", undefined, accessToken)).status === 200
  }

  async #act(): Promise<void> {
    const alive = this.sessions.filter((one) => one.state === "alive")
    const chosen = alive[Math.floor(Math.random() * alive.length)]
    const dice = Math.random()
    if (!chosen || dice < 0.3) await this.#signIn()
    else if (dice < 0.8) await this.#refresh(chosen)
    else await this.#end(chosen)
  }

  async #signIn(): Promise<void> {
    // A new address each time: what counts sign-ins by address is tried elsewhere.
    this.#networks++
    const { email, password } = this.#person
    const answer = await this.#call("POST", "/v1/auth/sign-in", { email, password })
    if (answer === null) return
    const { sessionId: id, refreshToken, accessToken } = answer.body
    if (answer.status !== 200 || !id || !refreshToken || !accessToken) return this.#complain("sign-in", answer)
    this.counts.signIns++
    this.sessions.push({ id, refreshToken, accessToken, state: "alive", isPending: false })
  }

  async #refresh(session: Known): Promise<void> {
    const answer = await this.#call("POST", "/v1/auth/refresh", { refreshToken: session.refreshToken })
    session.isPending = answer === null
    if (answer === null) return
    const { refreshToken, accessToken } = answer.body
    if (answer.status !== 200 || !refreshToken || !accessToken) {
      session.state = "lost"
      return this.#complain(`refresh of ${session.id}`, answer)
    }
    this.counts.refreshes++
    Object.assign(session, { refreshToken, accessToken })
  }

  async #end(session: Known): Promise<void> {
    const wasAsked = session.state === "asked"
    const answer = await this.#call("DELETE", `/v1/sessions/${session.id}`, undefined, session.accessToken)
    session.state = answer === null ? "asked" : "ended"
    if (answer === null) return
    // Asked for once more after the first went unanswered, it may be over already.
    if (answer.status !== 200 && !(wasAsked && (answer.status === 401 || answer.status === 404))) {
      session.state = "lost"
      return this.#complain(`end of ${session.id}`, answer)
    }
    this.counts.ends++
  }

  #complain(what: string, { status, body }: Answer): void {
    this.complaints.push(`${what}: ${status} ${body.detail ?? ""}`)
  }

  /** One call; null when no answer came, or one that asks to come back. */
  async #call(method: string, path: string, body?: object, bearer?: string): Promise<Answer | null> {
    const origin = await this.#origin()
    const { number } = this.#person
    const headers = {
      "CF-Connecting-IP": `10.${number}.${(this.#networks >> 8) & 255}.${this.#networks & 255}`,
      ...(body ? { "Content-Type": "application/json" } : {}),
      ...(bearer ? { Authorization: `Bearer ${bearer}` } : {}),
    }
    let answer: Answer
    try {
      const signal = AbortSignal.timeout(patienceMs)
      const response = await fetch(origin + path, {
        method,
        headers,
        signal,
        ...(body ? { body: JSON.stringify(body) } : {}),
      })
      answer = { status: response.status, body: (await response.json()) as Answer["body"] }
    } catch {
      // No answer arrived in full: that is what this suite is about, and it is counted.
      this.counts.unanswered++
      return null
    }
    if (answer.status !== 429 && answer.status !== 503) return answer
    this.counts.postponed++
    await new Promise((resolve) => setTimeout(resolve, 250))
    return null
  }

  async #insist(method: string, path: string, body?: object, bearer?: string): Promise<Answer> {
    for (let turn = 0; turn < 20; turn++) {
      const answer = await this.#call(method, path, body, bearer)
      if (answer !== null) return answer
    }
    throw new Error(`${method} ${path} gets no answer`)
  }
}
