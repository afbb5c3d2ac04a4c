/**
 * The statements that Selvage sends for a call, as a template that handlers written by hand can send as well. Taken from the engine itself
 * in a set-up run: two calls of a kind are traced, what differs between calls is replaced by its meaning, and the two must then be equal.
 */
import type { Call, Case } from "./cases.ts"
import { startServer } from "./server.ts"
import type { Trip } from "./tracer.ts"
import { traced } from "./workspace.ts"

/** A piece of a bound text: itself, or what stands there in this call. */
export type Part =
  | string
  | { readonly value: string }
  | { readonly fresh: number; readonly prefix: string }
  | { readonly at: "now" | "uuid" }

/** A bound value: a constant, or pieces to be joined. */
export type Bind = number | null | readonly Part[]

/** One round trip of a kind of call. */
export interface PlannedTrip {
  readonly how: Trip["how"]
  readonly statements: readonly { readonly sql: string; readonly binds: readonly Bind[] }[]
  /** The statement whose rows are the answer. */
  readonly answer: number
}

/** A kind of call, as a handler written by hand knows it. */
export interface PlannedCall {
  readonly status: number
  /** True when the answer is one record. */
  readonly one: boolean
  readonly trips: readonly PlannedTrip[]
  /** Columns that hold related records as JSON arrays of values, and the names of those values. */
  readonly related: Readonly<Record<string, readonly string[]>>
}

/** What handlers written by hand need to know, by route. */
export type Plan = Readonly<Record<string, PlannedCall>>

const pattern =
  /[a-z]+_[0-7][0-9a-hjkmnp-tv-z]{25}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g

function meaning(text: string, fresh: string[]): Part {
  if (text.includes("T") && text.endsWith("Z"))
    return Math.abs(Date.parse(text) - Date.now()) < 60_000 ? { at: "now" } : text
  if (!text.includes("_")) return { at: "uuid" }
  if (text.includes("_01kbench")) return text
  if (!fresh.includes(text)) fresh.push(text)
  return { fresh: fresh.indexOf(text), prefix: text.slice(0, text.indexOf("_")) }
}

function pieces(text: string, find: RegExp, part: (found: string) => Part): Part[] {
  const parts: Part[] = []
  let from = 0
  for (const match of text.matchAll(find)) {
    parts.push(text.slice(from, match.index), part(match[0]))
    from = match.index + match[0].length
  }
  return [...parts, text.slice(from)].filter((one) => one !== "")
}

function template(text: string, values: Readonly<Record<string, string>>, fresh: string[]): Part[] {
  let parts: Part[] = [text]
  for (const [name, value] of Object.entries(values)) {
    const find = new RegExp(RegExp.escape(value), "g")
    parts = parts.flatMap((one) => (typeof one === "string" ? pieces(one, find, () => ({ value: name })) : [one]))
  }
  return parts.flatMap((one) =>
    typeof one === "string" ? pieces(one, pattern, (found) => meaning(found, fresh)) : [one],
  )
}

function plannedTrip(trip: Trip, values: Readonly<Record<string, string>>, fresh: string[]): PlannedTrip {
  const statements = trip.statements.map(({ sql, binds }) => ({
    sql,
    binds: binds.map((bind) => (typeof bind === "string" ? template(bind, values, fresh) : bind)),
  }))
  // The answer is the last statement that gave rows.
  return { how: trip.how, statements, answer: trip.results.findLastIndex((rows) => rows.length > 0) }
}

type Answer = { readonly items?: readonly Record<string, unknown>[] } & Record<string, unknown>

/** Related records travel as arrays of values; their names are seen in the answer. */
function relatedOf(body: Answer): Record<string, readonly string[]> {
  const names: Record<string, readonly string[]> = {}
  for (const record of body.items ?? [body]) {
    for (const [key, value] of Object.entries(record)) {
      const example: unknown = Array.isArray(value) ? value[0] : value
      if (typeof example === "object" && example !== null) names[key] = Object.keys(example)
    }
  }
  return names
}

function plannedCall(
  seen: { status: number; body: unknown; trips: Trip[] },
  values: Readonly<Record<string, string>>,
): PlannedCall {
  const body = seen.body as Answer
  const fresh: string[] = []
  const trips = seen.trips.map((trip) => plannedTrip(trip, values, fresh))
  return { status: seen.status, one: body.items === undefined, trips, related: relatedOf(body) }
}

/** A Worker that can be called and then asked what it sent to D1. */
export interface Traced {
  /** Sends a call; gives the answer and the round trips. Throws when the answer is an error. */
  call(
    call: Call,
  ): Promise<{ readonly status: number; readonly body: unknown; readonly trips: Trip[]; readonly milliseconds: number }>
  stop(): Promise<void>
}

/** Starts the Worker with the tracer in front of it. */
export async function startTraced(options: {
  folder: string
  bundle: string
  storage: string
  variables: Record<string, unknown>
  /** Path of its wrangler.toml; ours when left out. */
  config?: string
}): Promise<Traced> {
  const { storage, variables, config } = options
  const server = await startServer({
    kind: "worker",
    modules: traced(options.folder, options.bundle),
    storage,
    whole: true,
    variables,
    ...(config === undefined ? {} : { config }),
  })
  const trace = async () => (await (await fetch(`${server.url}/bench/trace`)).json()) as Trip[]
  // An isolate begins by delivering what another left behind: that belongs to no call, and is over when the trace stays empty.
  await (await fetch(`${server.url}/health/live`)).arrayBuffer()
  for (let quiet = 0; quiet < 5; quiet = (await trace()).length === 0 ? quiet + 1 : 0)
    await new Promise((resolve) => setTimeout(resolve, 50))
  return {
    stop: server.stop,
    async call({ method, path, headers, body }) {
      const started = performance.now()
      const response = await fetch(server.url + path, { method, headers, ...(body === undefined ? {} : { body }) })
      const text = await response.text()
      const milliseconds = performance.now() - started
      if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`)
      const trips = await trace()
      return { status: response.status, body: JSON.parse(text), trips, milliseconds }
    },
  }
}

/** Traces two calls of each case. Throws when a case is not the same statements each time. */
export async function capture(worker: Traced, cases: readonly Case[], token: string): Promise<Plan> {
  const plan: Record<string, PlannedCall> = {}
  for (const one of cases) {
    const calls = one.calls(token)
    const seen: PlannedCall[] = []
    // The first call of a principal learns which organizations are theirs: that belongs to no other call.
    await worker.call(calls[0] as Call)
    for (const call of [calls[0] as Call, calls[1] ?? (calls[0] as Call)])
      seen.push(plannedCall(await worker.call(call), call.values))
    const [first, second] = seen.map((planned) => JSON.stringify(planned, null, 1))
    if (first !== second)
      throw new Error(`${one.name}: the engine sends other statements each time:\n${first}\n${second}`)
    plan[one.route] = seen[0] as PlannedCall
  }
  return plan
}
