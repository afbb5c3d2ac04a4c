/** Those who answer for an organization are told when its budget is nearly spent, and when it is: once each, and nobody else. */
import { expect, test } from "vitest"
import { newActor } from "../support/actors.ts"
import { apart } from "../support/apart.ts"
import { type Person, person } from "../support/people.ts"
import { must } from "../support/workspace.ts"
import { meterOf, under } from "./world.ts"

const inboxOf = async (served: ReturnType<typeof under>, who: Person) =>
  (await served.call(who, "GET /v1/inbox")).body.items.map(
    ({ kind, title, data }: { kind: string; title: string; data: object }) => ({
      kind,
      title,
      data,
    }),
  )

test("owners and administrators are told of 80 % and of all of it once, whatever isolate passes the mark; members are not", async () => {
  const [owner, admin, member] = await Promise.all([person("Owner"), person("Admin"), person("Member")])
  const { id: organizationId } = await must(owner, "POST /v1/organizations", { name: "Acme" })
  await must(owner, "POST /v1/members", { organizationId, userId: admin.id, role: "admin" })
  await must(owner, "POST /v1/members", { organizationId, userId: member.id })
  const stranger = await newActor("Stranger")
  const [one, other] = await Promise.all([apart(), apart()])
  const rule = { warn: "admin", budgets: { organization: { rowsRead: 1000, rowsWritten: 1000 } } }
  const isolates = [under(rule, { apart: one }), under(rule, { apart: other })] as const
  const use = async (upTo: number) => {
    const { rowsRead } = (await meterOf("organization", organizationId).standing(new Date().toISOString().slice(0, 10)))
      .spent
    await meterOf("organization", organizationId).report({
      reporter: crypto.randomUUID(),
      number: 1,
      day: new Date().toISOString().slice(0, 10),
      figures: { calls: 1, rowsRead: upTo - rowsRead, rowsWritten: 0, estimate: 0 },
      budget: null,
    })
  }
  const read = async () => {
    for (const served of isolates) {
      await served.call(owner, `GET /v1/organizations/${organizationId}`)
      await served.call(stranger, `GET /v1/organizations/${organizationId}`)
      await served.settled()
    }
  }
  await read()
  expect(await inboxOf(isolates[0], owner)).toEqual([])
  await use(810)
  await read()
  await read()
  const day = new Date().toISOString().slice(0, 10)
  const data = { organizationId, day, what: "rowsRead", budget: 1000 }
  const nearly = {
    kind: "usage.budget",
    title: "80 % of today's budget of rows read is spent",
    data: { ...data, percent: 80 },
  }
  for (const who of [owner, admin]) expect(await inboxOf(isolates[0], who)).toEqual([nearly])
  await use(999)
  await read()
  await read()
  const spent = { kind: "usage.budget", title: "Today's budget of rows read is spent", data: { ...data, percent: 100 } }
  for (const who of [owner, admin]) expect(await inboxOf(isolates[0], who)).toEqual([spent, nearly])
  expect(await inboxOf(isolates[0], member)).toEqual([])
})
