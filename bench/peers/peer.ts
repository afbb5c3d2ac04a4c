/** Sets a peer up: its own project on workerd, its own tables, a user who signs up with it, and the notes. */
import { randomBytes } from "node:crypto"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { createDatabase } from "../dataset.ts"
import { addressOf, type Server, startServer } from "../server.ts"
import { buildOther } from "../workspace.ts"
import { install, installedVersion } from "./install.ts"
import { fillNotes, type Note } from "./notes.ts"
import type { Dialect, Target } from "./target.ts"

/** Who calls: the token that the peer issued, and the user's id there. */
export interface Caller {
  readonly token: string
  readonly id: string | number
}

/** What differs from peer to peer. The folder of the same name holds its project. */
export interface Peer {
  /** Its package. */
  readonly name: string
  /** How it is run, when that needs a word: `warm`. */
  readonly mode?: string
  readonly dialect: Dialect
  /** Names of variables that hold a secret. */
  readonly secrets: readonly string[]
  /** Lays the tables through the Worker at `url` and signs the caller up. */
  setUp(url: string, secrets: Readonly<Record<string, string>>): Promise<Caller>
  /** SQL before the notes are written. */
  readonly statements: readonly string[]
  /** A note's row, by column. */
  columnsOf(note: Note, caller: Caller): Readonly<Record<string, string | number>>
}

/** A target that can be started again and again. */
export interface Ready {
  /** As the table names it: package, mode, version. */
  readonly title: string
  start(): Promise<Target>
}

/** Sends JSON. Gives the answer's body; throws when it is an error. */
export async function send<T>(url: string, path: string, body: object, token?: string): Promise<T> {
  const response = await fetch(url + path, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`POST ${path} answered ${response.status}: ${text}`)
  return JSON.parse(text) as T
}

/** Installs, builds, sets up and fills. `folder`: for the bundle and the database. */
export async function preparePeer(peer: Peer, folder: string): Promise<Ready> {
  const project = join(import.meta.dirname, peer.name)
  const config = join(project, "wrangler.toml")
  install(project)
  const bundle = buildOther(join(folder, peer.name), config)
  const state = join(folder, `${peer.name}-data`)
  mkdirSync(state)
  const file = await createDatabase(state)
  const secrets = Object.fromEntries(peer.secrets.map((name) => [name, randomBytes(32).toString("hex")]))
  const run = async (variables: Readonly<Record<string, string>>): Promise<{ worker: Server; storage: Server }> => {
    const storage = await startServer({ kind: "storage", folder: state })
    try {
      const address = addressOf(storage)
      const modules = [bundle]
      const worker = await startServer({ kind: "worker", modules, config, storage: address, whole: false, variables })
      return { worker, storage }
    } catch (fault) {
      await storage.stop()
      throw fault
    }
  }
  const first = await run({ ...secrets, SETUP: "true" })
  const caller = await peer.setUp(first.worker.url, secrets).finally(async () => {
    await first.worker.stop()
    await first.storage.stop()
  })
  fillNotes(file, peer.statements, (note) => peer.columnsOf(note, caller))
  const { name, dialect } = peer
  return {
    title: [name, ...(peer.mode ? [peer.mode] : []), installedVersion(project, name)].join(" "),
    start: async () => ({ name, token: caller.token, dialect, ...(await run(secrets)) }),
  }
}
