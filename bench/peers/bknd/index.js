/**
 * Notes in bknd: code mode, as its documentation advises for production, and `warm`, which keeps the built app between requests. The guard is
 * on, and its row policy shows a member their own notes. With SETUP the app lays its tables, as `npx bknd sync` would.
 */
import { boolean, datetime, em, entity, systemEntity, text } from "bknd"
import { serve } from "bknd/adapter/cloudflare"
import { code } from "bknd/modes"

const schema = em(
  {
    notes: entity("notes", {
      title: text().required(),
      body: text(),
      pinned: boolean({ default_value: false }).required(),
      created_at: datetime().required(),
      updated_at: datetime().required(),
    }),
    users: systemEntity("users", {}),
  },
  ({ relation }, { notes, users }) => {
    relation(notes).manyToOne(users, { mappedBy: "owner", required: true })
  },
)

const own = { condition: { entity: "notes" }, effect: "filter", filter: { owner_id: "@user.id" } }

export default serve(
  code({
    bindings: (env) => ({ db: env.DB }),
    app: (env) => ({
      isProduction: env.SETUP !== "true",
      // Fills in the defaults that are not written down here, once an isolate.
      options: { manager: { skipValidation: false } },
      config: {
        data: schema.toJSON(),
        auth: {
          enabled: true,
          default_role_register: "member",
          jwt: { secret: env.JWT_SECRET, expires: 86_400 },
          guard: { enabled: true },
          roles: {
            member: {
              permissions: [{ permission: "system.access.api" }, { permission: "data.entity.read", policies: [own] }],
            },
          },
        },
      },
    }),
  }),
  () => ({ warm: true }),
)
