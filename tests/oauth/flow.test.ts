/** A program is let in by consent, works within its scopes, renews its access, and goes when it is told to. */
import { env } from "cloudflare:workers"
import { beforeAll, describe, expect, test } from "vitest"
import { administrator } from "../support/administrators.ts"
import { call } from "../support/calls.ts"
import { lettersTo, letterTo, person } from "../support/people.ts"
import { inObject, objectOf } from "../support/user-objects.ts"
import { eventsOf, must } from "../support/workspace.ts"
import {
  callback,
  consent,
  form,
  type Host,
  host,
  issuer,
  letIn,
  newProof,
  type Program,
  redeem,
  refresh,
  refusalOf,
  register,
  requestPath,
  returned,
} from "./program.ts"

const bearer = (token: string) => ({ token })

/** For the tests that ask nothing about who else was let in. */
let ada: Host
let program: Program

beforeAll(async () => {
  ;[ada, program] = await Promise.all([host(), register()])
})

describe("what a program reads first", () => {
  test("a call without a credential says where to find out (RFC 9728 §5.1)", async () => {
    const refused = await call(null, "GET /v1/tasks")
    expect(refused.status).toBe(401)
    const challenge = refused.headers.get("WWW-Authenticate") ?? ""
    expect(challenge).toBe(`Bearer realm="selvage", resource_metadata="${issuer}/.well-known/oauth-protected-resource"`)
  })

  test("the resource names its authorization server, the server its endpoints (RFC 9728 §3, RFC 8414 §3)", async () => {
    const resource = await call(null, "GET /.well-known/oauth-protected-resource")
    expect(resource.body).toMatchObject({
      resource: issuer,
      authorization_servers: [issuer],
      scopes_supported: ["*:read"],
    })
    const server = await call(null, "GET /.well-known/oauth-authorization-server")
    expect(server.headers.get("Access-Control-Allow-Origin")).toBe("*")
    expect(server.body).toMatchObject({
      issuer,
      authorization_endpoint: `${issuer}/oauth/authorize`,
      token_endpoint: `${issuer}/oauth/token`,
      registration_endpoint: `${issuer}/oauth/register`,
      revocation_endpoint: `${issuer}/oauth/revoke`,
      code_challenge_methods_supported: ["S256"],
      authorization_response_iss_parameter_supported: true,
      client_id_metadata_document_supported: true,
    })
    const { scopes_supported: scopes } = server.body
    expect(scopes).toEqual(expect.arrayContaining(["*:read", "*:write", "tasks:read", "tasks:write", "me:read"]))
    // What asks for the person itself, and what anybody may do, is no program's.
    for (const noun of ["auth", "sessions", "grants", "apiKeys"]) expect(String(scopes)).not.toContain(`${noun}:`)
  })

  test.each([
    ["GET /.well-known/oauth-protected-resource/elsewhere", 404],
    ["POST /.well-known/oauth-authorization-server", 404],
    ["GET /oauth/token", 405],
    ["GET /oauth/elsewhere", 404],
  ])("%s: %i", async (line, status) => {
    expect((await call(null, line)).status).toBe(status)
  })

  test("scripts of any site may ask, since nothing here goes by cookies", async () => {
    const headers = { Origin: "https://inspector.example", "Access-Control-Request-Method": "POST" }
    for (const path of ["/oauth/token", "/oauth/register", "/.well-known/oauth-authorization-server"]) {
      const answer = await call(null, `OPTIONS ${path}`, { headers })
      expect([answer.status, answer.headers.get("Access-Control-Allow-Origin")]).toEqual([204, "*"])
      expect(answer.headers.get("Access-Control-Allow-Credentials")).toBeNull()
    }
  })
})

describe("a program that was let in", () => {
  test("comes back with a code, the state and the issuer (RFC 9207), and gets tokens of its own", async () => {
    const proof = await newProof()
    const page = await consent(ada, requestPath(program, proof))
    expect([page.status, page.location?.startsWith(`${callback}?`)]).toEqual([303, true])
    const back = returned(page)
    expect([back.get("state"), back.get("iss")]).toEqual(["state of the program", issuer])
    expect(back.get("code")).toMatch(/^sv_ac_[0-9A-Za-z]+$/)

    const answer = await redeem(program, back.get("code") ?? "", proof)
    expect(answer.status).toBe(200)
    expect(answer.headers.get("Cache-Control")).toBe("no-store")
    expect(answer.body).toEqual({
      access_token: expect.stringMatching(/^sv_at_[0-9A-Za-z]+$/),
      refresh_token: expect.stringMatching(/^sv_gr_[0-9A-Za-z]+$/),
      token_type: "Bearer",
      expires_in: 3600,
      scope: "tasks:read",
      resource: issuer,
    })
    // Nothing of them is kept but hashes.
    const kept = JSON.stringify(await inObject(objectOf(ada), 'select * from "oauth"'))
    for (const text of [back.get("code"), answer.body.access_token, answer.body.refresh_token])
      expect(kept).not.toContain(text)
  })

  test("does what its scopes say, as its user, and is told which scope it lacks (RFC 6750 §3.1)", async () => {
    const { id: organizationId } = await must(ada as never, "POST /v1/organizations", { name: "Acme" })
    const { id: projectId } = await must(ada as never, "POST /v1/projects", { organizationId, name: "Launch" })
    const reading = await letIn(ada, program)
    expect((await call(bearer(reading.access), `GET /v1/tasks?projectId=${projectId}`)).status).toBe(200)
    const task = { projectId, title: "By a program" }
    const refused = await call(bearer(reading.access), "POST /v1/tasks", { body: task })
    expect([refused.status, refused.body.code]).toEqual([403, "PERMISSION_DENIED"])
    expect(refused.headers.get("WWW-Authenticate")).toBe(
      `Bearer realm="selvage", error="insufficient_scope", scope="tasks:write", resource_metadata="${issuer}/.well-known/oauth-protected-resource"`,
    )
    expect((await call(bearer(reading.access), "GET /v1/projects")).status).toBe(403)

    const writing = await letIn(ada, program, { scope: "tasks:write" })
    const made = await call(bearer(writing.access), "POST /v1/tasks", { body: task })
    expect(made.status).toBe(201)
    expect(await eventsOf(made.body.id)).toMatchObject([{ actor: ada.id, change: "created" }])
  })

  test("is no session, with every scope there is", async () => {
    const { access } = await letIn(ada, program, { scope: "*:write" })
    expect((await call(bearer(access), "GET /v1/me")).status).toBe(200)
    for (const line of ["GET /v1/sessions", "GET /v1/grants", "POST /v1/sessions/revoke-others", "GET /v1/me/export"]) {
      const refused = await call(bearer(access), line)
      expect([line, refused.status, refused.body.code]).toEqual([line, 403, "PERMISSION_DENIED"])
    }
  })

  test("is seen by its user, with its last use, and by nobody else", async () => {
    const [ada, ben, program] = await Promise.all([host(), person("Ben"), register({ client_name: "Robot of Ben" })])
    const { access, grant } = await letIn(ada, program)
    await call(bearer(access), "GET /v1/tasks")
    const { items } = (await call(ada, "GET /v1/grants")).body
    expect(items).toEqual([
      {
        id: grant,
        client: { id: program.id, name: "Robot of Ben", host: null },
        scopes: ["tasks:read"],
        terms: { approval: false, rows: 100_000 },
        resource: issuer,
        createdAt: expect.any(String),
        lastUsedAt: expect.any(String),
        expiresAt: expect.any(String),
      },
    ])
    expect((await call(ben, "GET /v1/grants")).body.items).toEqual([])
    expect((await call(ben, `DELETE /v1/grants/${grant}`)).status).toBe(404)
    expect((await call(bearer(access), "GET /v1/tasks")).status).toBe(200)
  })

  test("is told of in a letter the first time, and in the log each time", async () => {
    const [ada, program] = await Promise.all([host(), register({ client_name: "Robot <b>" })])
    await letIn(ada, program)
    const letter = await letterTo(ada.who.email, "A program was given access")
    expect(letter.text).toContain("“Robot <b>” (client.example)")
    expect(letter.html).not.toContain("<b>”")
    const second = await letIn(ada, program, { scope: "tasks:write" })
    expect((await lettersTo(ada.who.email)).filter(({ subject }) => subject.startsWith("A program"))).toHaveLength(1)
    // The new grant takes the place of the old one.
    expect((await call(ada, "GET /v1/grants")).body.items).toMatchObject([
      { id: second.grant, scopes: ["tasks:write"] },
    ])
    const kinds = await inObject(
      objectOf(ada),
      `select "kind" from "events" where "kind" like 'grant.%' order by "sequence"`,
    )
    expect(kinds.map(({ kind }) => kind)).toEqual(["grant.added", "grant.added", "grant.ended"])
  })

  test("that asks for no scope may look at everything, and change nothing", async () => {
    const { access } = await letIn(ada, program, { scope: null })
    expect((await call(bearer(access), "GET /v1/projects")).status).toBe(200)
    expect((await call(bearer(access), "POST /v1/organizations", { body: { name: "No" } })).status).toBe(403)
  })
})

describe("a refresh", () => {
  test("gives the next tokens; the same answer again where it was lost, also to eight who ask at a time", async () => {
    const first = await letIn(ada, program)
    const answers = await Promise.all(Array.from({ length: 8 }, () => refresh(program, first.refresh)))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect(new Set(answers.map(({ body }) => body.refresh_token)).size).toBe(1)
    expect(answers[0]?.body.refresh_token).not.toBe(first.refresh)
    const next = await refresh(program, answers[0]?.body.refresh_token)
    expect(next.status).toBe(200)
    expect((await call(bearer(next.body.access_token), "GET /v1/tasks")).status).toBe(200)
  })

  test("may ask for less, and for no more: the grant stays as it was", async () => {
    const { refresh: token } = await letIn(ada, program, { scope: "tasks:read projects:read" })
    for (const scope of ["tasks:read projects:write", "*:read", "tasks:write"])
      expect(refusalOf(await refresh(program, token, { scope }))).toEqual([400, "invalid_scope"])
    const less = await refresh(program, token, { scope: "tasks:read" })
    expect([less.status, less.body.scope]).toEqual([200, "tasks:read"])
    expect((await call(bearer(less.body.access_token), "GET /v1/projects")).status).toBe(403)
    const all = await refresh(program, less.body.refresh_token)
    expect(all.body.scope).toBe("tasks:read projects:read")
  })
})

describe("a grant ends", () => {
  test("when its user says so: at once here, by the hub elsewhere; other grants stay", async () => {
    const [ada, one, two] = await Promise.all([host(), register(), register()])
    const other = await letIn(ada, two)
    const { access, refresh: token, grant } = await letIn(ada, one)
    expect((await call(bearer(access), "GET /v1/tasks")).status).toBe(200)
    expect((await call(ada, `DELETE /v1/grants/${grant}`)).status).toBe(200)
    const gone = await call(bearer(access), "GET /v1/tasks")
    expect(gone.status).toBe(401)
    expect(gone.headers.get("WWW-Authenticate")).toContain('error="invalid_token"')
    expect(refusalOf(await refresh(one, token))).toEqual([400, "invalid_grant"])
    const hub = env.HUB.getByName("hub") as unknown as { since(version: number): Promise<{ revoked: object[] }> }
    expect((await hub.since(0)).revoked).toContainEqual(expect.objectContaining({ id: grant, belowEpoch: null }))
    expect((await call(bearer(other.access), "GET /v1/tasks")).status).toBe(200)
    expect((await call(ada, `DELETE /v1/grants/${grant}`)).status).toBe(404)
  })

  test("when the program gives its refresh token back (RFC 7009); a token that is none is no error", async () => {
    const [ada, program] = await Promise.all([host(), register()])
    const { access, refresh: token } = await letIn(ada, program)
    expect((await call(bearer(access), "GET /v1/tasks")).status).toBe(200)
    const answer = await form("/oauth/revoke", { token, client_id: program.id })
    expect([answer.status, answer.body]).toEqual([200, null])
    expect((await call(bearer(access), "GET /v1/tasks")).status).toBe(401)
    expect((await call(ada, "GET /v1/grants")).body.items).toEqual([])
    for (const text of [token, "sv_gr_nothing", "x"])
      expect((await form("/oauth/revoke", { token: text, client_id: program.id })).status).toBe(200)
  })

  test("not when it gives an access token back: that token alone is over", async () => {
    const { access, refresh: token } = await letIn(ada, program)
    expect((await call(bearer(access), "GET /v1/tasks")).status).toBe(200)
    const headers = { "Content-Type": "application/x-www-form-urlencoded" }
    expect((await form("/oauth/revoke", { token: access, client_id: program.id }, headers)).status).toBe(200)
    expect((await call(bearer(access), "GET /v1/tasks")).status).toBe(401)
    expect((await refresh(program, token)).status).toBe(200)
  })

  test("with the account, and does not come back with it", async () => {
    const [ada, program, admin] = await Promise.all([host(), register(), administrator()])
    const { access, refresh: token } = await letIn(ada, program)
    expect((await call(bearer(access), "GET /v1/tasks")).status).toBe(200)
    await must(admin, `POST /v1/users/${ada.id}/disable`)
    expect((await call(bearer(access), "GET /v1/tasks")).status).toBe(401)
    await must(admin, `POST /v1/users/${ada.id}/enable`)
    expect((await call(bearer(access), "GET /v1/tasks")).status).toBe(401)
    expect(refusalOf(await refresh(program, token))).toEqual([400, "invalid_grant"])
  })

  test("with a new password, set by letter or with the old one", async () => {
    const program = await register()
    for (const way of ["letter", "old"] as const) {
      const ada = await host()
      const { access } = await letIn(ada, program)
      expect((await call(bearer(access), "GET /v1/tasks")).status).toBe(200)
      const { email, password, headers } = ada.who
      const chosen = `quite another ${crypto.randomUUID()}`
      if (way === "old") {
        const body = { currentPassword: password, password: chosen }
        expect((await call(ada, "POST /v1/auth/change-password", { body, headers })).status).toBe(200)
      } else {
        await call(null, "POST /v1/auth/request-password-reset", { body: { email }, headers })
        const { action } = await letterTo(email, "Set a new password")
        const body = { token: action.token, password: chosen }
        expect((await call(null, "POST /v1/auth/reset-password", { body, headers })).status).toBe(200)
      }
      expect([way, (await call(bearer(access), "GET /v1/tasks")).status]).toEqual([way, 401])
    }
  })
})
