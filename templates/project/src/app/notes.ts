/** Notes: everybody has their own, and nobody sees another's. */
import { boolean, index, is, me, record, reference, resource, sqliteTable, stamp, text, userTable } from "selvage"

export const noteTable = sqliteTable(
  "notes",
  {
    ...record("note"),
    ownerId: reference("user")
      .notNull()
      .references(() => userTable.id),
    title: text({ length: 200 }).notNull(),
    body: text({ length: 20_000 }),
    pinned: boolean().notNull().default(false),
  },
  (table) => [
    index("notes_by_owner").on(table.ownerId, table.createdAt, table.id),
    index("notes_by_pin").on(table.ownerId, table.pinned, table.createdAt, table.id),
  ],
)

const own = is("ownerId", me)

export const notes = resource("notes", {
  table: noteTable,
  tenant: "ownerId",
  summary: "Something that somebody wrote down",
  policy: { read: own, create: own, update: own, delete: own },
  fields: { ownerId: stamp(me) },
  filter: ["pinned"],
  search: ["title", "body"],
})
