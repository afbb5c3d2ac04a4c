/** Our side: the project that `npm run create` writes, as it is, and handlers written by hand that send the statements that it sends. */
import { mkdirSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { statementsOf } from "../../src/database/migrations.ts"
import type { Call, Case } from "../cases.ts"
import { benchId } from "../contents.ts"
import { createDatabase } from "../dataset.ts"
import { capture, startTraced } from "../plan.ts"
import { addressOf, type Server, startServer } from "../server.ts"
import { buildBare, buildOther, grantAccess, root } from "../workspace.ts"
import { fillNotes, mine, type Note, pageSize } from "./notes.ts"
import type { Ready } from "./peer.ts"
import type { Dialect, Shown } from "./target.ts"

const project = join(root, "templates/project")
const config = join(project, "wrangler.toml")
const collection = "/v1/notes"
const ownerId = (owner: number) => benchId("user", owner)
const noteId = ({ n }: Note) => benchId("note", n)

/** The project with limits that a bench does not come to. */
const hastyMain = join(import.meta.dirname, "hasty/index.ts")

const dialect: Dialect = {
  getPath: (note) => `${collection}/${noteId(note)}`,
  listPath: `${collection}?limit=${pageSize}`,
  one: (body) => body as Shown,
  many: (body) => (body as { items: Shown[] }).items,
}

/** The calls whose statements the handlers written by hand take over. */
const traced: readonly Case[] = [
  {
    name: "get",
    title: "GET by id",
    tasks: 0,
    worker: "workspace",
    route: `GET ${collection}/:id`,
    calls: (token) => [0, 1].map((n) => call(token, dialect.getPath(mine(n)), { id: noteId(mine(n)) })),
  },
  {
    name: "list",
    title: "list of 20",
    tasks: 0,
    worker: "workspace",
    route: `GET ${collection}?limit`,
    calls: (token) => [call(token, dialect.listPath, {})],
  },
]

function call(token: string, path: string, values: Readonly<Record<string, string>>): Call {
  return { method: "GET", path, headers: { authorization: `Bearer ${token}` }, values: { me: ownerId(0), ...values } }
}

/** The project's migrations, and its users. */
function statements(): string[] {
  const folder = join(project, "migrations")
  const files = readdirSync(folder).filter((name) => name.endsWith(".sql"))
  const users = Array.from({ length: 20 }, (_, owner) => {
    const values = [
      ownerId(owner),
      1,
      "2026-01-01T00:00:00.000Z",
      "2026-01-01T00:00:00.000Z",
      `user${owner}@example.com`,
    ]
    return `insert into users (id, version, createdAt, updatedAt, email, name, roles, status)
      values (${values.map((value) => `'${value}'`).join(", ")}, 'User ${owner}', '[]', 'active')`
  })
  return [...files.sort().flatMap((name) => statementsOf(readFileSync(join(folder, name), "utf8"))), ...users]
}

/** Builds both, fills their database and takes the statements. `folder`: for bundles and the database. */
export async function prepareOurs(folder: string): Promise<{ readonly bare: Ready; readonly selvage: Ready }> {
  const bundle = buildOther(join(folder, "selvage"), config, hastyMain, "--assets", join(root, "assets"))
  const byHand = buildBare(folder)
  const state = join(folder, "selvage-data")
  mkdirSync(state)
  fillNotes(await createDatabase(state), statements(), (note) => ({
    id: noteId(note),
    createdAt: note.at,
    updatedAt: note.at,
    ownerId: ownerId(note.owner),
    title: note.title,
    body: note.body,
    pinned: 0,
  }))
  const { variables, token } = await grantAccess(ownerId(0))
  const withStorage = async <T>(use: (storage: Server) => Promise<T>): Promise<T> => {
    const storage = await startServer({ kind: "storage", folder: state })
    return use(storage).catch(async (fault) => {
      await storage.stop()
      throw fault
    })
  }
  const plan = await withStorage(async (storage) => {
    const modules = { folder: join(folder, "selvage"), bundle, storage: addressOf(storage), variables, config }
    const worker = await startTraced(modules)
    try {
      return await capture(worker, traced, token)
    } finally {
      await worker.stop()
      await storage.stop()
    }
  })
  const ready = (name: string, modules: string[], whole: boolean, values: Record<string, unknown>): Ready => ({
    title: name,
    start: () =>
      withStorage(async (storage) => {
        const options = { modules, config, storage: addressOf(storage), whole, variables: values }
        return { name, token, dialect, storage, worker: await startServer({ kind: "worker", ...options }) }
      }),
  })
  return {
    bare: ready("by hand", [byHand], false, { ...variables, PLAN: plan, COLLECTION: collection }),
    selvage: ready("Selvage", [bundle], true, variables),
  }
}
