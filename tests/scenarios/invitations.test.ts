/** Invitations: from the letter to the place in the organization, once, and for nobody whom the link was not given to. */
import { env } from "cloudflare:workers"
import { beforeAll, describe, expect, test } from "vitest"
import { handlerSecrets } from "../../src/authentication/token-once.ts"
import { type Actor, newActor } from "../support/actors.ts"
import { type Answer, call } from "../support/calls.ts"
import { lettersTo, letterTo } from "../support/people.ts"
import { eventsOf, must, newWorkspace, type Workspace } from "../support/workspace.ts"

let at: Workspace
let other: Workspace
let admin: Actor
let member: Actor

beforeAll(async () => {
  ;[at, other] = await Promise.all([newWorkspace(), newWorkspace()])
  ;[admin, member] = await Promise.all([newActor("Admin"), newActor("Member")])
  const { organizationId } = at
  await must(at.owner, "POST /v1/members", { organizationId, userId: admin.id, role: "admin" })
  await must(at.owner, "POST /v1/members", { organizationId, userId: member.id, role: "member" })
})

const newEmail = () => `guest-${crypto.randomUUID()}@example.com`
const invite = (actor: Actor | null, email: string, more: object = {}) =>
  call(actor, "POST /v1/invitations", { body: { organizationId: at.organizationId, email, ...more } })
const accept = (actor: Actor | null, token: string) => call(actor, "POST /v1/invitations/accept", { body: { token } })
const tokenFor = async (email: string) => (await letterTo(email, "You are invited to Acme")).action.token
const membersOf = async (userId: string): Promise<{ role: string }[]> =>
  (await call(at.owner, `GET /v1/members?organizationId=${at.organizationId}&userId=${userId}`)).body.items
const refusal = {
  status: 400,
  body: { code: "INVALID_ARGUMENT", violations: [{ path: "/token", code: "invalid_token" }] },
}

/** An invitation whose letter has come, and somebody to accept it. */
async function invited(more: object = {}) {
  const email = newEmail()
  const invitation = (await invite(admin, email, more)).body
  return { email, invitation, token: await tokenFor(email), guest: await newActor("Guest") }
}

async function expectRefused(guest: Actor, token: string): Promise<void> {
  expect(await accept(guest, token)).toMatchObject(refusal)
  expect(await membersOf(guest.id)).toEqual([])
}

describe("an invitation", () => {
  test("makes whoever brings its link a member with the role that it names", async () => {
    const email = newEmail()
    const answer = await invite(admin, email.toUpperCase(), { role: "admin" })
    expect(answer.status).toBe(201)
    expect(answer.body).toMatchObject({ email, role: "admin", status: "pending", invitedBy: admin.id })
    const days = (Date.parse(answer.body.expiresAt) - Date.now()) / 86_400_000
    expect(Math.round(days * 100) / 100).toBe(7)
    const letter = await letterTo(email, "You are invited to Acme")
    expect(letter.action.url).toContain("/account/invitation?token=sv_iv_")
    const guest = await newActor("Guest")
    expect((await call(guest, `GET /v1/organizations/${at.organizationId}`)).status).toBe(404)
    const accepted = await accept(guest, letter.action.token)
    expect(accepted).toMatchObject({
      status: 201,
      body: { organizationId: at.organizationId, userId: guest.id, role: "admin" },
    })
    expect((await call(guest, `GET /v1/organizations/${at.organizationId}`)).status).toBe(200)
    expect((await call(admin, `GET /v1/invitations/${answer.body.id}`)).body.status).toBe("accepted")
    // The log says who came in by it, and never the address.
    const events = await eventsOf(answer.body.id)
    expect(events.map(({ actor, operation }) => [actor, operation])).toEqual([
      [admin.id, "invitations.create"],
      [guest.id, "invitations.accept"],
    ])
    expect(JSON.stringify(events)).not.toContain(email)
  })

  test("works once, and not for its owner either a second time", async () => {
    const { token, guest } = await invited()
    expect((await accept(guest, token)).status).toBe(201)
    expect(await accept(guest, token)).toMatchObject(refusal)
    await expectRefused(await newActor("Late"), token)
  })

  test("of an address that is invited again ends: the newest letter counts", async () => {
    const { email, invitation, token: older, guest } = await invited()
    const again = await invite(at.owner, email, { role: "admin" })
    expect(again.status).toBe(201)
    expect(again.body.id).not.toBe(invitation.id)
    await expectRefused(guest, older)
    const listed = await call(admin, `GET /v1/invitations?organizationId=${at.organizationId}&email=${email}`)
    expect(listed.body.items).toMatchObject([{ id: again.body.id, status: "pending", invitedBy: at.owner.id }])
    for (let turn = 0; turn < 100 && (await lettersTo(email)).length < 2; turn++) await scheduler.wait(10)
    const tokens = (await lettersTo(email)).map(({ action }) => action?.token ?? "")
    expect(tokens).toHaveLength(2)
    const newer = tokens.find((text) => text !== older) ?? ""
    expect((await accept(guest, newer)).body).toMatchObject({ role: "admin" })
  })

  test("that is wanted many times at once is one invitation", async () => {
    const email = newEmail()
    const answers = await Promise.all(Array.from({ length: 5 }, () => invite(at.owner, email)))
    const statuses = new Set(answers.map(({ status }) => status))
    expect(statuses.has(201)).toBe(true)
    for (const status of statuses) expect([201, 409]).toContain(status)
    const listed = await call(admin, `GET /v1/invitations?organizationId=${at.organizationId}&email=${email}`)
    expect(listed.body.items).toHaveLength(1)
  })

  test("that a member opens stays good for whom it is meant", async () => {
    const { token, guest } = await invited()
    const answer = await accept(member, token)
    expect([answer.status, answer.body.code]).toEqual([400, "FAILED_PRECONDITION"])
    expect(await membersOf(member.id)).toMatchObject([{ role: "member" }])
    expect((await accept(guest, token)).status).toBe(201)
  })

  test("accepted twenty times in parallel makes one member, whoever they are", async () => {
    const { token } = await invited()
    const guests = await Promise.all(Array.from({ length: 20 }, (_, n) => newActor(`Guest ${n}`)))
    const answers = await Promise.all(guests.map((guest) => accept(guest, token)))
    const made = answers.filter(({ status }) => status === 201)
    expect(made).toHaveLength(1)
    for (const answer of answers.filter((one) => one !== made[0])) expectOver(answer)
    const places = (await Promise.all(guests.map(({ id }) => membersOf(id)))).flat()
    expect(places).toHaveLength(1)
  })

  test("accepted twenty times in parallel by one person makes them a member once", async () => {
    const { token, guest } = await invited()
    const answers = await Promise.all(Array.from({ length: 20 }, () => accept(guest, token)))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    for (const answer of answers.filter(({ status }) => status !== 201)) expectOver(answer)
    expect(await membersOf(guest.id)).toHaveLength(1)
  })
})

/** What somebody who came too late is told; ABORTED where the race itself had to be given up. */
function expectOver(answer: Answer): void {
  expect(["INVALID_ARGUMENT", "FAILED_PRECONDITION", "ABORTED"]).toContain(answer.body.code)
}

describe("a link is refused, always in the same words, when it is", () => {
  test("revoked", async () => {
    const { invitation, token, guest } = await invited()
    const answer = await call(admin, `POST /v1/invitations/${invitation.id}/revoke`)
    expect(answer).toMatchObject({ status: 200, body: { status: "revoked" } })
    await expectRefused(guest, token)
    const again = await call(admin, `POST /v1/invitations/${invitation.id}/revoke`)
    expect(again).toMatchObject({ status: 400, body: { code: "FAILED_PRECONDITION" } })
  })

  test("over", async () => {
    const { invitation, token, guest } = await invited()
    const past = new Date(Date.now() - 1).toISOString()
    await env.DB.prepare('update "invitations" set "expiresAt" = ? where "id" = ?').bind(past, invitation.id).run()
    await expectRefused(guest, token)
    expect((await call(admin, `GET /v1/invitations/${invitation.id}`)).body.status).toBe("pending")
  })

  test("made up, of another purpose, or of another invitation", async () => {
    const { token, guest, invitation } = await invited()
    const { token: foreign } = await invited()
    // Of the right form and about the right record: whoever knows its id can make one.
    const { text: guessed } = await handlerSecrets((length) => new Uint8Array(length)).mint(invitation.id)
    await expectRefused(guest, guessed)
    for (const text of [
      "x",
      `${token}0`,
      token.replace("sv_iv_", "sv_rs_"),
      `${foreign.slice(0, 30)}${token.slice(30)}`,
    ])
      await expectRefused(guest, text)
    expect((await call(admin, `GET /v1/invitations/${invitation.id}`)).body.status).toBe("pending")
  })

  test("of an organization that is gone", async () => {
    const gone = await must(at.stranger, "POST /v1/organizations", { name: "Acme" })
    const email = newEmail()
    await must(at.stranger, "POST /v1/invitations", { organizationId: gone.id, email })
    const token = await tokenFor(email)
    expect((await call(at.stranger, `DELETE /v1/organizations/${gone.id}`)).status).toBe(204)
    expect(await accept(at.viewer, token)).toMatchObject(refusal)
  })
})

describe("who may", () => {
  test("nobody without signing in accepts", async () => {
    const { token, guest } = await invited()
    expect((await accept(null, token)).status).toBe(401)
    expect((await accept(guest, token)).status).toBe(201)
  })

  test.each([
    ["a plain member", () => member, 403],
    ["a stranger", () => at.stranger, 404],
    ["the owner of another organization", () => other.owner, 404],
    ["nobody", () => null, 401],
  ])("%s does not invite, see or revoke", async (_, who, status) => {
    const email = newEmail()
    expect((await invite(who(), email)).status).toBe(status)
    const { invitation, token, guest } = await invited()
    expect((await call(who(), `GET /v1/invitations/${invitation.id}`)).status).toBe(status === 403 ? 404 : status)
    if (who()) expect((await call(who(), "GET /v1/invitations")).body.items).toEqual([])
    const revoked = await call(who(), `POST /v1/invitations/${invitation.id}/revoke`)
    expect(revoked.status).toBe(status === 403 ? 404 : status)
    expect((await accept(guest, token)).status).toBe(201)
    expect(await lettersTo(email)).toEqual([])
    const rows = env.DB.prepare('select 1 from "invitations" where "email" = ?').bind(email)
    expect((await rows.all()).results).toEqual([])
  })

  test("nobody invites an owner, or writes an invitation past its operations", async () => {
    expect((await invite(at.owner, newEmail(), { role: "owner" })).status).toBe(400)
    expect((await invite(at.owner, newEmail(), { status: "accepted" })).status).toBe(400)
    const { invitation } = await invited()
    for (const line of ["PATCH", "DELETE"].map((method) => `${method} /v1/invitations/${invitation.id}`))
      expect((await call(at.owner, line, { body: { role: "admin" } })).status).toBe(405)
  })

  test("nobody is sent any number of letters by one person", async () => {
    const { owner, organizationId } = other
    const answers: number[] = []
    for (let n = 0; n < 31; n++) {
      const body = { organizationId, email: newEmail() }
      answers.push((await call(owner, "POST /v1/invitations", { body })).status)
    }
    expect(answers).toEqual([...Array.from({ length: 30 }, () => 201), 429])
    const listed = await call(owner, `GET /v1/invitations?organizationId=${organizationId}&limit=100`)
    expect(listed.body.items).toHaveLength(30)
  })
})

describe("the secret of an invitation", () => {
  test("stands in no answer, filter, sort or event", async () => {
    const { email, invitation, token } = await invited()
    const stored = await env.DB.prepare('select "secretHash" from "invitations" where "id" = ?')
      .bind(invitation.id)
      .first<string>("secretHash")
    expect(stored).toMatch(/^[0-9a-f]{64}$/)
    const list = `GET /v1/invitations?organizationId=${at.organizationId}`
    const answers = [invitation, (await call(admin, `${list}&email=${email}`)).body, await eventsOf(invitation.id)]
    for (const text of [token, String(stored), "secretHash"]) expect(JSON.stringify(answers)).not.toContain(text)
    for (const query of [`secretHash=${stored}`, "sort=secretHash", "fields=secretHash"])
      expect([query, (await call(admin, `${list}&${query}`)).status]).toEqual([query, 400])
    const outbox = await env.DB.prepare('select * from "outbox"').all()
    expect(JSON.stringify(outbox.results)).not.toContain(token)
  })

  test("is kept for no idempotency key", async () => {
    const { token, guest } = await invited()
    const options = { body: { token }, headers: { "Idempotency-Key": crypto.randomUUID() } }
    const answer = await call(guest, "POST /v1/invitations/accept", options)
    expect([answer.status, answer.body.violations]).toMatchObject([400, [{ code: "not_supported" }]])
    expect(await membersOf(guest.id)).toEqual([])
  })
})
