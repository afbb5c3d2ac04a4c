/** bknd, warm: how it is set up and asked. Its project stands in the folder of this name. */

import { pageSize } from "./notes.ts"
import type { Caller, Peer } from "./peer.ts"
import { send } from "./peer.ts"
import type { Shown } from "./target.ts"

const credentials = { email: "caller@example.com", password: "a long enough password" }

export const bknd: Peer = {
  name: "bknd",
  mode: "warm",
  dialect: {
    getPath: ({ n }) => `/api/data/entity/notes/${n + 1}`,
    listPath: `/api/data/entity/notes?limit=${pageSize}&sort=-created_at`,
    one: (body) => (body as { data: Shown }).data,
    many: (body) => (body as { data: Shown[] }).data,
  },
  secrets: ["JWT_SECRET"],
  async setUp(url): Promise<Caller> {
    // The first request lays the tables, after it is answered: the guard refuses it.
    await (await fetch(`${url}/api/data/entity/notes`)).arrayBuffer()
    type Answer = { token: string; user: { id: number } }
    const { token, user } = await send<Answer>(url, "/api/auth/password/register", credentials)
    return { token, id: user.id }
  },
  // Its builder of indexes takes no relation; without this one a list would sort all notes of the caller.
  statements: ["create index notes_by_owner on notes (owner_id, created_at)"],
  columnsOf: ({ n, owner, title, body, at }, { id }) => ({
    id: n + 1,
    owner_id: owner === 0 ? id : Number(id) + owner,
    title,
    body,
    pinned: 0,
    created_at: at,
    updated_at: at,
  }),
}
