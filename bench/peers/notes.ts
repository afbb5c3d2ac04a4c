/** What every target serves: 10,000 notes of about a kilobyte, of 20 owners in turn, one a minute. The caller owns every twentieth. */
import { DatabaseSync } from "node:sqlite"

/** A note, as far as all targets have it. */
export interface Note {
  readonly n: number
  /** 0 is the caller, 1 to 19 are others. */
  readonly owner: number
  readonly title: string
  readonly body: string
  /** RFC 3339, UTC, milliseconds. */
  readonly at: string
}

const count = 10_000
const ownerCount = 20
const sentence =
  "Everything that is needed for this part stands in the shared folder; ask its owner before the week ends. "

/** Notes on a page. */
export const pageSize = 20

/** The n-th note, from 0. */
export function note(n: number): Note {
  const at = new Date(Date.UTC(2026, 0, 1) + n * 60_000).toISOString()
  return { n, owner: n % ownerCount, title: `Draft the outline of part ${n}`, body: `${n}: ${sentence.repeat(8)}`, at }
}

/** The `amount` newest notes of the caller, the newest first. */
export function newest(amount: number): Note[] {
  return Array.from({ length: amount }, (_, m) => note(count - ownerCount * (m + 1)))
}

/** A note that is another's. */
export const foreign = note(1)

/** The caller's note that is the n-th in order of time. */
export function mine(n: number): Note {
  return note(n * ownerCount)
}

/**
 * Lays tables in the file of a database and fills it.
 * @param statements SQL, run first
 * @param columnsOf a note's row, by column
 */
export function fillNotes(
  file: string,
  statements: readonly string[],
  columnsOf: (note: Note) => Readonly<Record<string, string | number>>,
): void {
  const database = new DatabaseSync(file)
  try {
    // Owners other than the caller are ids only.
    database.exec("pragma foreign_keys = off; pragma synchronous = off; begin")
    for (const statement of statements) database.exec(statement)
    const columns = Object.keys(columnsOf(note(0)))
    const marks = columns.map(() => "?").join(", ")
    const insert = database.prepare(`insert into notes (${columns.join(", ")}) values (${marks})`)
    for (let n = 0; n < count; n++) insert.run(...Object.values(columnsOf(note(n))))
    database.exec("commit; analyze; pragma wal_checkpoint(truncate)")
  } finally {
    database.close()
  }
}
