/** teenybase: how it is set up and asked. Its project stands in the folder of this name. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { pageSize } from "./notes.ts"
import { type Caller, type Peer, send } from "./peer.ts"
import type { Shown } from "./target.ts"

const migrations = join(import.meta.dirname, "teenybase/migrations")
const user = {
  email: "caller@example.com",
  username: "caller",
  name: "The caller",
  password: "a long enough password",
}

export const teenybase: Peer = {
  name: "teenybase",
  dialect: {
    getPath: ({ n }) => `/api/v1/table/notes/view/note-${n}`,
    listPath: `/api/v1/table/notes/select?limit=${pageSize}&order=-created`,
    one: (body) => body as Shown,
    many: (body) => body as Shown[],
  },
  secrets: ["JWT_SECRET", "JWT_SECRET_USERS", "ADMIN_JWT_SECRET", "ADMIN_SERVICE_TOKEN"],
  async setUp(url, secrets): Promise<Caller> {
    await send(url, "/api/v1/setup-db", {}, secrets.ADMIN_SERVICE_TOKEN)
    const files = readdirSync(migrations).sort()
    const sent = files.map((name) => ({ name, sql: readFileSync(join(migrations, name), "utf8") }))
    await send(url, "/api/v1/migrations", { migrations: sent, settings: {} }, secrets.ADMIN_SERVICE_TOKEN)
    type Answer = { token: string; record: { id: string } }
    const { token, record } = await send<Answer>(url, "/api/v1/table/users/auth/sign-up", user)
    return { token, id: record.id }
  },
  statements: [],
  columnsOf: ({ n, owner, title, body, at }, { id }) => ({
    id: `note-${n}`,
    owner_id: owner === 0 ? id : `user-${owner}`,
    title,
    body,
    pinned: 0,
    created: at,
    updated: at,
  }),
}
