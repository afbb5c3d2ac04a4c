/** Notes in teenybase: rules show a user their own. `npx teeny generate --local --db DB` makes the migrations from this file. */
import { sqlValue } from "teenybase"
import { authFields, baseFields } from "teenybase/scaffolds/fields"

const self = "auth.uid == id"
const own = "auth.uid == owner_id"

export default {
  appUrl: "https://bench.invalid",
  jwtSecret: "$JWT_SECRET",
  tables: [
    {
      name: "users",
      autoSetUid: true,
      fields: [...baseFields, ...authFields],
      extensions: [
        { name: "rules", listRule: self, viewRule: self, createRule: "true", updateRule: self, deleteRule: null },
        {
          name: "auth",
          passwordType: "sha256",
          jwtSecret: "$JWT_SECRET_USERS",
          jwtTokenDuration: 86_400,
          maxTokenRefresh: 5,
        },
      ],
    },
    {
      name: "notes",
      autoSetUid: true,
      fields: [
        ...baseFields,
        {
          name: "owner_id",
          type: "relation",
          sqlType: "text",
          notNull: true,
          foreignKey: { table: "users", column: "id" },
        },
        { name: "title", type: "text", sqlType: "text", notNull: true },
        { name: "body", type: "text", sqlType: "text" },
        { name: "pinned", type: "bool", sqlType: "boolean", notNull: true, default: sqlValue(false) },
      ],
      indexes: [{ name: "by_owner", fields: ["owner_id", "created"] }],
      extensions: [{ name: "rules", listRule: own, viewRule: own, createRule: own, updateRule: own, deleteRule: own }],
    },
  ],
}
