/**
 * What providers answer, by address, in the shape that their documentation shows (2026-11; the values are made up):
 * docs.github.com/rest/users, developers.facebook.com/docs/graph-api/reference/user, docs.x.com/x-api/users/user-lookup-me.
 */
export const recorded = {
  "https://api.github.com/user": {
    login: "ada",
    id: 583231,
    node_id: "MDQ6VXNlcjU4MzIzMQ==",
    avatar_url: "https://avatars.githubusercontent.com/u/583231",
    type: "User",
    site_admin: false,
    name: "Ada Lovelace",
    company: null,
    email: null,
    created_at: "2011-01-25T18:44:36Z",
  },
  "https://api.github.com/user/emails": [
    { email: "583231+ada@users.noreply.github.com", primary: false, verified: true, visibility: null },
    { email: "ada@example.com", primary: true, verified: true, visibility: "private" },
  ],
  "https://graph.facebook.com/v24.0/me": { id: "10158444000000000", name: "Ada Lovelace", email: "ada@example.com" },
  "https://api.x.com/2/users/me": {
    data: { id: "2244994945", name: "Ada Lovelace", username: "ada", confirmed_email: "ada@example.com" },
  },
} as const
