/** Calls over HTTP to the Worker under test, as a client makes them. */
import { exports } from "cloudflare:workers"
import type { Actor } from "./actors.ts"

/** What came back: parsed once, so that a test reads facts. */
export interface Answer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
  readonly body: any
  readonly headers: Headers
}

/** Parts of a call that most tests leave out. */
export interface CallOptions {
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * A request as a client makes it.
 * @param line method and path: `"GET /v1/tasks"`
 */
export function requestOf(
  actor: { readonly token: string } | null,
  line: string,
  options: CallOptions = {},
): Request<unknown, never> {
  const [method = "GET", path = "/"] = line.split(" ")
  const headers = new Headers({ "CF-Connecting-IP": "203.0.113.7", ...options.headers })
  if (actor) headers.set("Authorization", `Bearer ${actor.token}`)
  const raw = options.body instanceof Uint8Array || typeof options.body === "string"
  if (options.body !== undefined && !headers.has("Content-Type")) headers.set("Content-Type", "application/json")
  const body = options.body === undefined ? null : raw ? (options.body as string) : JSON.stringify(options.body)
  return new Request(`https://selvage.test${path}`, { method, headers, body, redirect: "manual" })
}

/** What came back, read to its end. */
export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text()
  const isJson = /\bjson\b/.test(response.headers.get("Content-Type") ?? "")
  return {
    status: response.status,
    body: text === "" ? null : isJson ? JSON.parse(text) : text,
    headers: response.headers,
  }
}

/**
 * Calls the Worker.
 * @param actor who calls; null for nobody
 * @param line method and path: `"GET /v1/tasks"`
 */
export async function call(
  actor: Pick<Actor, "token"> | null,
  line: string,
  options: CallOptions = {},
): Promise<Answer> {
  return answerOf(await exports.default.fetch(requestOf(actor, line, options)))
}

/** The same over another Worker than the one under test, such as one with broken bindings. */
export async function callVia(
  fetch: (request: Request) => Promise<Response>,
  actor: Pick<Actor, "token"> | null,
  line: string,
  options: CallOptions = {},
): Promise<Answer> {
  return answerOf(await fetch(requestOf(actor, line, options)))
}

/** The status of a refusal, and the place and word of each of its faults: `[400, "/password too_short"]`. */
export function faultsOf({ status, body }: Answer): (number | string)[] {
  const violations: { path: string; code: string }[] = body.violations ?? []
  return [status, ...violations.map(({ path, code }) => `${path} ${code}`)]
}

/** The cost receipt of an answer, from its header. */
export function costOf(answer: Answer): { trips: number; rowsRead: number; rowsWritten: number; estimate: number } {
  const header = answer.headers.get("X-Selvage-Cost") ?? ""
  const figure = (name: string) => Number(new RegExp(`${name}=(\\d+)`).exec(header)?.[1] ?? Number.NaN)
  const [trips, estimate] = [figure("trips"), figure("estimate")]
  return { trips, rowsRead: figure("rows-read"), rowsWritten: figure("rows-written"), estimate }
}
