/** A target of the comparison: a Worker that serves the notes, how it is asked for them, and the proof that it answers what it should. */
import type { Call } from "../cases.ts"
import type { Server } from "../server.ts"
import { foreign, mine, type Note, newest, pageSize } from "./notes.ts"

/** What a target gives of a note. */
export type Shown = Pick<Note, "title" | "body">

/** How a Worker is asked for notes. */
export interface Dialect {
  getPath(note: Note): string
  /** The page of the newest notes that the caller may see. */
  readonly listPath: string
  /** Notes of an answer's body. */
  one(body: unknown): Shown | undefined
  many(body: unknown): readonly Shown[]
}

/** A Worker that runs, with its database. */
export interface Target {
  readonly name: string
  readonly worker: Server
  readonly storage: Server
  readonly token: string
  readonly dialect: Dialect
}

/** What is measured. */
export const kinds = ["get", "list"] as const
export type Kind = (typeof kinds)[number]

const notesAsked = 64

/** The calls of a kind, in turn: 64 notes of the caller spread over the years, or the page of the newest. */
export function callsOf({ dialect, token }: Target, kind: Kind): Call[] {
  const headers = { authorization: `Bearer ${token}`, accept: "application/json", "cf-connecting-ip": "203.0.113.7" }
  const paths =
    kind === "list" ? [dialect.listPath] : Array.from({ length: notesAsked }, (_, n) => dialect.getPath(mine(n * 7)))
  return paths.map((path) => ({ method: "GET", path, headers, values: {} }))
}

async function answer({ worker }: Target, path: string, headers: Readonly<Record<string, string>>) {
  const response = await fetch(worker.url + path, { headers })
  const text = await response.text()
  return { status: response.status, text, body: response.ok ? (JSON.parse(text) as unknown) : null }
}

function expectNotes(target: Target, what: string, given: readonly (Shown | undefined)[], expected: readonly Note[]) {
  const isRight =
    given.length === expected.length &&
    expected.every(({ title, body }, n) => given[n]?.title === title && given[n]?.body === body)
  if (!isRight)
    throw new Error(
      `${target.name}: ${what} gave ${JSON.stringify(given.map((one) => one?.title))}, not ${JSON.stringify(expected.map(({ title }) => title))}`,
    )
}

/**
 * Proves that a target answers what it should: each note that will be asked for, the page in its order, and neither another's note nor
 * anything without a token. Throws with what it gave instead.
 */
export async function prove(target: Target): Promise<void> {
  const { dialect, name } = target
  for (const [n, { path, headers }] of callsOf(target, "get").entries()) {
    const { status, text, body } = await answer(target, path, headers)
    if (status !== 200) throw new Error(`${name}: ${path} answered ${status}: ${text}`)
    expectNotes(target, path, [dialect.one(body)], [mine(n * 7)])
  }
  const [{ path, headers }] = callsOf(target, "list") as [Call]
  const { status, text, body } = await answer(target, path, headers)
  if (status !== 200) throw new Error(`${name}: ${path} answered ${status}: ${text}`)
  expectNotes(target, path, dialect.many(body), newest(pageSize))
  for (const [path, sent] of [
    [dialect.getPath(foreign), headers],
    [dialect.getPath(mine(0)), {}],
    [dialect.listPath, {}],
  ] as const) {
    const { text } = await answer(target, path, sent)
    if (text.includes("Draft the outline"))
      throw new Error(`${name}: ${path} gave what it should not: ${text.slice(0, 200)}`)
  }
}
